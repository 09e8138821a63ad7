"""What the deployment is called, where it lies, and what its machines run."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from textual.widget import Widget

from screens import basics_help as helps
from screens.offered import offered
from screens.step import Step
from screens.systems import switch
from screens.widgets.choice import Choice, RadioRow, SelectControl
from screens.widgets.field import Field
from screens.widgets.group import GroupControl
from screens.widgets.text import TextControl

if TYPE_CHECKING:
    from wizard.errors import Problem

_SYSTEMS = {
    "linux": "Signed in to over SSH, by key or password.",
    "windows": "Over Remote Desktop (RDP), by password.",
}


class BasicsStep(Step):
    """Group, name, prefix, region, operating system."""

    step_id = "basics"
    lead = "What it is called, and where it lies."
    first_field = "name"

    def __init__(self) -> None:
        super().__init__()
        self._groups: dict[str, dict[str, Any]] = {}
        self._os = ""

    def body(self) -> Iterable[Widget]:
        ways = offered("existing_group", [Choice(False, "a new one"), Choice(True, "one that is there")])
        yield Field("existing_group", "Resource group", RadioRow(ways), help=helps.GROUP)
        listed = SelectControl(title="Resource group", free=True, load=self._load_groups, empty="choose one")
        yield Field("name", "Group's name", GroupControl(listed), help=helps.NAME)
        yield Field("prefix", "Name prefix", TextControl(placeholder="ra-multi-vm"), help=helps.PREFIX)
        region = SelectControl(title="Region", free=True, load=self._regions)
        yield Field("location", "Region", region, help=helps.REGION)
        systems = RadioRow([Choice("linux", "Linux"), Choice("windows", "Windows")])
        yield Field("machines.os", "System", systems, help=helps.SYSTEM)

    def on_mount(self) -> None:
        self._os = str(self.wizard.answers.get("machines.os") or "linux")
        self._group.existing = bool(self.wizard.answers.get("existing_group"))

    async def prepared(self) -> None:
        region = self.field("location").control
        if isinstance(region, SelectControl):
            region.ask()
        for key in ("prefix", "machines.os", "existing_group"):
            self.answered(key)

    @property
    def _group(self) -> GroupControl:
        control = self.field("name").control
        assert isinstance(control, GroupControl)
        return control

    def answered(self, key: str) -> None:
        get = self.wizard.answers.get
        if key in ("prefix", "machines.count"):
            prefix = get("prefix") or ""
            self.field("prefix").note = f"{prefix}1, {prefix}2, {prefix}-vnet, {prefix}-lb, ..." if prefix else ""
        elif key == "machines.os":
            now = str(get(key))
            if self._os and now in _SYSTEMS:
                before, self._os = self._os, now
                switch(self.wizard.answers, before, now)
            self.field(key).note = _SYSTEMS.get(now, "")
        elif key in ("existing_group", "name"):
            self._tell_group()

    def _tell_group(self) -> None:
        existing = bool(self.wizard.answers.get("existing_group"))
        if existing != self._group.existing:
            self._group.existing = existing
            self.wizard.answers.set("name", self._group.answer)
        if existing and not self._groups and not self._group.listed.state:
            self._group.listed.ask()
        self.field("name").note = (
            "Left as it is: not tagged, and still there after Destroy." if existing else "Made new, for this alone."
        )

    async def _load_groups(self) -> Sequence[Choice]:
        answer = await self.wizard.desk.ask("groups", cloud=self.wizard.answers.get("cloud"))
        self._groups = {each["name"].lower(): each for each in answer}
        self.call_later(self.check)
        return [Choice(each["name"], each["name"], each["location"], _why_not(each)) for each in answer]

    async def _regions(self) -> Sequence[Choice]:
        answer = await self.wizard.desk.ask("regions", cloud=self.wizard.answers.get("cloud"))
        return [Choice(each["name"], each["name"], f"{each['label']}, {each['geography']}") for each in answer]

    def more_problems(self) -> list[Problem]:
        from wizard.errors import Problem

        name = str(self.wizard.answers.get("name") or "")
        if not self.wizard.answers.get("existing_group") or not self._groups or not name:
            return []
        if name.lower() in self._groups:
            return []
        return [
            Problem(
                "name",
                f"There is no group {name}.",
                "You said that it is there already; it is not made then.",
                "Choose one of the list, or make a new one.",
            )
        ]


def _why_not(group: dict[str, Any]) -> str:
    if group["deployment"]:
        return f"it belongs to the deployment {group['deployment']}"
    return "" if group["state"] in ("", "Succeeded") else f"it is {str(group['state']).lower()}"


STEP = BasicsStep
