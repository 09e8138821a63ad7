"""Storage and management: the machines' disks, what is kept for the day one does not start, and tags."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from textual.widget import Widget

from screens.step import Step
from screens.styles import sheet
from screens.widgets.choice import Choice, SelectControl, SwitchControl
from screens.widgets.field import Field, Help
from screens.widgets.tags import TagsControl

if TYPE_CHECKING:
    from wizard.errors import Problem

DISK = Help(
    "The kind of managed disk that each machine starts from. It is deleted with its machine.",
    "Premium needs a size that takes it (an s in its name). ZRS is copied over three zones, where the region has "
    "them. Standard_LRS, the hard disk, retires for OS disks on 2028-09-08.",
    "Premium_LRS: a steady rate, and what the promise for a single machine (99.9 %) asks for. StandardSSD_LRS is "
    "enough for a page that is hardly written.",
    "The kind can be changed while the machine is stopped.",
)
BOOT = Help(
    "Keeps the serial log and a picture of the console, for the day a machine does not start.",
    "In storage that Azure manages: no account of yours, and next to no cost.",
    "On: without it, a machine that does not boot tells nothing. Host keys are read from it too.",
    "It can be turned on and off at any time; what was not kept is not there.",
)
TAGS = Help(
    "Names and values on every resource, to find them again and to tell whose they are and who pays.",
    "At most 49 beside our own (multivm-wizard, the deployment's name). Names up to 512 characters without < > % & \\ "
    "? /, not beginning with microsoft, azure or windows; values up to 256. Names do not differ by case.",
    "owner and purpose at least, such as owner=you@example.org.",
    "They can be changed at any time. Costs are told by tag only from then on.",
)
SHORT = {
    "Premium_LRS": "SSD, steady rate",
    "Premium_ZRS": "SSD, three zones",
    "StandardSSD_LRS": "SSD, light use",
    "StandardSSD_ZRS": "SSD, light, 3 zones",
    "Standard_LRS": "hard disk, to 2028",
}
"""The kinds in words that fit beside their names; `choices.OS_DISKS` says more."""


class StorageStep(Step):
    """OS disk, boot diagnostics, tags."""

    step_id = "storage"
    CSS = sheet("steps")
    lead = "Disks, diagnostics, and tags to find things again."

    def body(self) -> Iterable[Widget]:
        from wizard.plan import limits
        from wizard.plan.choices import OS_DISKS

        kinds = [Choice(name, name, SHORT.get(name, detail)) for name, detail in OS_DISKS.items()]
        disks = SelectControl(kinds, title="OS disk")
        yield Field("machines.os_disk", "OS disk", disks, help=DISK)
        yield Field(
            "diagnostics.boot",
            "Diagnostics",
            SwitchControl("boot log, kept by Azure", "no boot log"),
            help=BOOT,
        )
        yield Field("tags", "Tags", TagsControl(limits.TAGS - 1), help=TAGS)

    async def prepared(self) -> None:
        for key in ("machines.os_disk", "diagnostics.boot", "tags"):
            self.answered(key)

    def answered(self, key: str) -> None:
        get = self.wizard.answers.get
        if key == "diagnostics.boot":
            off = "A machine that does not start will tell nothing."
            self.field(key).note = "" if get(key) else off
        elif key in ("tags", "name"):
            self.field("tags").note = "On every resource, beside our own one."
        elif key == "machines.os_disk":
            self.field(key).note = "One for each machine, deleted with it."

    def check(self) -> list[Problem]:
        errors = super().check()
        if self.stands:
            tags = self.field("tags").control
            if isinstance(tags, TagsControl):
                tags.mark({each.field.removeprefix("tags.") for each in errors if each.field.startswith("tags.")})
        return errors


STEP = StorageStep
