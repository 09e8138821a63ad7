"""Storage and management: the machines' disks, what is kept and guarded, and tags."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from textual.widget import Widget

from screens import storage_help as helps
from screens.offered import deploys, offered
from screens.step import Step
from screens.styles import sheet
from screens.widgets.choice import Choice, RadioRow, SelectControl, SwitchControl
from screens.widgets.control import Control
from screens.widgets.entries import EntriesControl, Entry, Kind
from screens.widgets.field import Field, Help
from screens.widgets.fold import Fold
from screens.widgets.tags import TagsControl
from screens.widgets.text import NumberControl, TextControl

if TYPE_CHECKING:
    from wizard.errors import Problem

SHORT = {
    "Premium_LRS": "SSD, steady rate",
    "Premium_ZRS": "SSD, three zones",
    "StandardSSD_LRS": "SSD, light use",
    "StandardSSD_ZRS": "SSD, light, 3 zones",
    "Standard_LRS": "hard disk, to 2028",
}
"""The kinds in words that fit beside their names; `choices.OS_DISKS` says more."""
CACHES = (Choice("none"), Choice("read-only", "reads"), Choice("read-write", "reads and writes"))
DISKS = "machines.data_disks"
_RETIRED = "Retired on Azure; Azure Stack Hub has it."
_KEPT = {
    "diagnostics.health_events": "events",
    "diagnostics.metrics": "figures",
    "diagnostics.guest_metrics": "machines' figures",
    "management.keep_disks": "disks",
}


class StorageStep(Step):
    """Disks, diagnostics, guards, tags. What does not deploy yet is left out."""

    step_id = "storage"
    CSS = sheet("steps")
    lead = "Disks, diagnostics, and tags to find things again."
    first_field = "machines.os_disk"

    def __init__(self) -> None:
        super().__init__()
        self._most: int | None = None  # data disks that the size takes, once the cloud has told

    def body(self) -> Iterable[Widget]:
        from wizard.plan import limits

        yield Field("machines.os_disk", "OS disk", SelectControl(_kinds(), title="OS disk"), help=helps.DISK)
        size = NumberControl(0, limits.OS_DISK_GB.high)
        yield Field("machines.os_disk_gb", "Its size", size, help=helps.DISK_SIZE)
        yield Field("machines.os_disk_caching", "Host keeps", RadioRow(CACHES), help=helps.CACHING)
        yield Field(DISKS, "Data disks", EntriesControl(self._disks()), help=helps.DATA)
        layouts = (Choice("managed", "managed"), Choice("account-per-vm", "an account each"))
        yield from _radio("storage.layout", "Disks are", layouts, helps.LAYOUT)
        boot = SwitchControl("boot log and console", "no boot log")
        yield Field("diagnostics.boot", "Diagnostics", boot, help=helps.BOOT)
        account = SwitchControl("in an account of our own", "in storage that Azure manages")
        yield from _switch("diagnostics.storage_account", "Logs kept", account, helps.ACCOUNT)
        managed = [*self._managed()]
        if managed:
            yield Fold("Logs, guards, updates", *managed, id="management")
        yield Field("tags", "Tags", TagsControl(limits.TAGS - 1), help=helps.TAGS)

    def _managed(self) -> Iterable[Field]:
        events = SwitchControl("the balancer's health events", "no health events")
        yield from _switch("diagnostics.health_events", "Events", events, helps.EVENTS)
        yield from _switch("diagnostics.metrics", "Figures", SwitchControl("kept for good", "93 days"), helps.METRICS)
        guests = SwitchControl("CPU, memory, disk, network", "not from inside")
        yield from _switch("diagnostics.guest_metrics", "Machines", guests, helps.GUESTS)
        if deploys("diagnostics.workspace", "/subscriptions/s"):
            line = TextControl(placeholder="none, new, or its id: /subscriptions/…")
            yield Field("diagnostics.workspace", "Workspace", line, help=helps.WORKSPACE)
        locks = (Choice("none", "none"), Choice("delete", "nothing can be deleted"))
        yield from _radio("management.lock", "Lock", locks, helps.LOCK)
        who = (Choice("platform", "by Azure, in turn"), Choice("image", "by the image"))
        yield from _radio("management.patching", "Updates", who, helps.PATCHING)
        keep = SwitchControl("kept when a machine goes", "deleted with their machine")
        yield from _switch("management.keep_disks", "Disks", keep, helps.KEEP)

    def _disks(self) -> Kind:
        return Kind(
            "a disk",
            _disk_line,
            _new_disk,
            _disk_fields,
            lambda entries: self.wizard.answers.problems_with(DISKS, tuple(entries)),
        )

    async def prepared(self) -> None:
        for field in self.fields():
            self.answered(field.key)
        await self._ask_most()

    async def _ask_most(self) -> None:
        from wizard.errors import WizardError

        get = self.wizard.answers.get
        try:
            sizes = await self.wizard.desk.ask("sizes", location=get("location"), cloud=get("cloud"))
        except WizardError:
            return  # preflight tells, should it matter
        chosen = get("machines.size")
        size: Mapping[str, Any] = next((each for each in sizes if each["name"] == chosen), {})
        self._most = size.get("data_disks")
        self.answered(DISKS)

    def answered(self, key: str) -> None:
        if self.gone:
            return
        get = self.wizard.answers.get
        if key == "diagnostics.boot":
            self.field(key).note = "" if get(key) else "It will tell nothing."
        elif key in ("tags", "name"):
            self.field("tags").note = "On every resource, beside our own one."
        elif key == "machines.os_disk_gb":
            self.field(key).note = "GB" if get(key) else "as the image has it"
        elif key == DISKS and self._most is not None:
            self.field(key).note = f"{get('machines.size')} takes {self._most}." if get(key) else ""
        elif key == "storage.layout" and any(field.key == key for field in self.fields()):
            self.field(key).note = _RETIRED if get(key) == "account-per-vm" else ""
        for fold in self.query(Fold):
            fold.summary = _guards(get)

    def more_problems(self) -> list[Problem]:
        from wizard.errors import Problem

        disks = self.wizard.answers.get(DISKS) or ()
        if self._most is None or len(disks) <= self._most:
            return []
        size = self.wizard.answers.get("machines.size")
        return [
            Problem(
                DISKS,
                f"{size} takes {self._most} data disks, and there are {len(disks)}.",
                "The size decides how many.",
                "Use fewer and larger ones, or a larger size.",
            )
        ]

    def check(self) -> list[Problem]:
        errors = super().check()
        if self.stands:
            tags = self.field("tags").control
            if isinstance(tags, TagsControl):
                tags.mark({each.field.removeprefix("tags.") for each in errors if each.field.startswith("tags.")})
        return errors


def _radio(key: str, label: str, choices: Sequence[Choice], help: Help) -> Iterable[Field]:
    """A field where there is something to choose."""
    left = offered(key, choices)
    if len(left) > 1:
        yield Field(key, label, RadioRow(left), help=help)


def _switch(key: str, label: str, control: Control, help: Help) -> Iterable[Field]:
    if deploys(key, True):
        yield Field(key, label, control, help=help)


def _kinds() -> list[Choice]:
    from wizard.plan.choices import OS_DISKS

    return [Choice(name, name, SHORT.get(name, detail)) for name, detail in OS_DISKS.items()]


def _disk_fields() -> Iterable[Field]:
    from wizard.plan import limits

    within = limits.DATA_DISK_GB
    yield Field("size_gb", "Size", NumberControl(within.low, within.high), help=helps.SIZE, note="GB")
    yield Field("type", "Kind", SelectControl(_kinds(), title="Kind of disk"), help=helps.KIND)
    yield Field("caching", "Host keeps", RadioRow(CACHES), help=helps.KEPT)


def _new_disk(others: Sequence[Entry]) -> Entry:
    """Another one like the last."""
    return dict(others[-1]) if others else {"size_gb": 128, "type": "Premium_LRS", "caching": "none"}


def _disk_line(entry: Entry) -> str:
    kept = {"none": "nothing kept", "read-only": "reads kept"}.get(str(entry["caching"]), "writes kept")
    return f"{entry['size_gb']:>5} GB  {entry['type']}  {kept}"


def _guards(get: Any) -> str:
    """What the fold says in half a line."""
    kept = [word for key, word in _KEPT.items() if get(key)]
    told = [f"{', '.join(kept)} kept"] if kept else []
    if get("management.lock") == "delete":
        told.append("locked")
    if get("management.patching") == "image":
        told.append("updates by the image")
    return "; ".join(told) or "as usual"


STEP = StorageStep
