"""What the deployment is called, where it lies, and what its machines run."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from textual.widget import Widget

from screens.step import Step
from screens.widgets.choice import Choice, RadioRow, SelectControl
from screens.widgets.field import Field, Help
from screens.widgets.text import TextControl

NAME = Help(
    "The resource group, made new: everything of this deployment lies in it, and commands know it by this name.",
    "1 to 90 letters, digits and - _ . ( ), no period at the end.",
    "A name that ends in -rg, so that one sees what it is.",
    "A group cannot be renamed: another name is another deployment.",
)
PREFIX = Help(
    "What all names in it begin with: PREFIX1 is a machine, PREFIX-vnet the network, PREFIX-lb the balancer.",
    "Letters, digits and hyphens; a Linux computer name has at most 64 characters.",
    "Short, and without the region: that is told by the group.",
    "Nothing in Azure can be renamed.",
)
REGION = Help(
    "Where the machines stand. The list comes from the cloud.",
    "A resource group's region cannot be changed.",
    "The one nearest to those who use the page; look at sizes and quota there first.",
    "Moving means deploying again.",
)
SYSTEM = Help(
    "The operating system of all machines.",
    "Decides images, user names and how one signs in.",
    "Linux: SSH with a key, nothing to license.",
    "It cannot be changed on a machine; a new one is made.",
)


class BasicsStep(Step):
    """Name, prefix, region, operating system."""

    step_id = "basics"
    lead = "What it is called, and where it lies."

    def body(self) -> Iterable[Widget]:
        yield Field("name", "Resource group", TextControl(placeholder="ra-multi-vm-rg"), help=NAME)
        yield Field("prefix", "Name prefix", TextControl(placeholder="ra-multi-vm"), help=PREFIX)
        yield Field("location", "Region", SelectControl(title="Region", free=True, load=self._regions), help=REGION)
        yield Field("machines.os", "System", RadioRow([Choice("linux", "Linux")]), help=SYSTEM)

    async def prepared(self) -> None:
        region = self.field("location").control
        if isinstance(region, SelectControl):
            region.ask()
        self.answered("prefix")

    def answered(self, key: str) -> None:
        if key in ("prefix", "machines.count"):
            prefix = self.wizard.answers.get("prefix") or ""
            self.field("prefix").note = f"{prefix}1, {prefix}2, {prefix}-vnet, {prefix}-lb, ..." if prefix else ""

    async def _regions(self) -> Sequence[Choice]:
        answer = await self.wizard.desk.ask("regions", cloud=self.wizard.answers.get("cloud"))
        return [Choice(each["name"], each["name"], f"{each['label']}, {each['geography']}") for each in answer]


STEP = BasicsStep
