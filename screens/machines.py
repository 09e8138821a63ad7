"""How many machines, what they are, how Azure spreads them, and who signs in to them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from textual import work
from textual.widget import Widget

from screens import machines_help as helps
from screens import placing, scale_set_fields
from screens.administrator import CHOSEN, Administrator
from screens.offered import deploys, offered
from screens.widgets.choice import CheckRow, Choice, RadioRow, SelectControl, SwitchControl
from screens.widgets.field import Field
from screens.widgets.fold import Fold
from screens.widgets.otherwise import OTHER, OtherwiseControl
from screens.widgets.text import FileControl, NumberControl, TextControl

if TYPE_CHECKING:
    from wizard.errors import Problem

WORKLOADS = {
    "page": "",
    "none": "Verification proves sign-ins, no page.",
    "": "Set up beside our page. F4 lists files.",
}


class MachinesStep(Administrator):
    """Count, size, image, placement, administrator."""

    step_id = "machines"
    lead = "Two or more VMs, each answering for the others."

    def __init__(self) -> None:
        super().__init__()
        self._sizes: dict[str, Mapping[str, Any]] = {}
        self._monthly: Mapping[str, float] = {}
        """Dollars a month for one machine, by size."""

    def body(self) -> Iterable[Widget]:
        windows = self.wizard.answers.get("machines.os") == "windows"
        yield Field("machines.count", "How many", NumberControl(1, placing.MOST[placing.SET]), help=helps.COUNT)
        yield Field(
            "machines.size", "Size", SelectControl(title="Size", free=True, load=self._load_sizes), help=helps.SIZE
        )
        listed = SelectControl(title="Image", load=self._load_images)
        typed = TextControl(placeholder="publisher:offer:sku:version or /subscriptions/…")
        yield Field("machines.image", "Image", OtherwiseControl(listed, typed, _is_listed), help=helps.IMAGE)
        yield from self._placement()
        yield Field("machines.workload", "They serve", _workload(windows), help=helps.WORKLOAD)
        types = [Choice("auto", "auto"), Choice("trusted-launch", "Trusted Launch"), Choice("standard", "standard")]
        yield Field("machines.security_type", "Security type", RadioRow(types), help=helps.SECURITY_TYPE)
        encryption = SwitchControl("at rest, and on the host", "at rest only")
        yield Field("machines.encryption_at_host", "Encrypted", encryption, help=helps.ENCRYPTION)
        yield from self.administrator()

    def _placement(self) -> Iterable[Widget]:
        ways = [
            Choice(placing.SET, "availability set"),
            Choice(placing.ZONES, "zones"),
            Choice(placing.SCALE_SET, "scale set"),
        ]
        placements = RadioRow(offered("machines.placement", ways))
        yield Field("machines.placement", "Placement", placements, help=helps.PLACEMENT)
        if deploys("machines.placement", placing.SCALE_SET):
            yield scale_set_fields.spread_field()
        yield Field("machines.zones", "Zones", CheckRow([Choice(each) for each in "123"]), help=helps.ZONES)
        yield Field("machines.fault_domains", "Fault domains", NumberControl(1, 3), help=helps.FAULT)
        yield Field("machines.update_domains", "Update domains", NumberControl(1, 20), help=helps.UPDATE)
        if deploys("machines.placement", placing.SCALE_SET):
            yield scale_set_fields.fold()

    def on_mount(self) -> None:
        for key in ("machines.count", "machines.placement", "machines.workload"):
            self.answered(key)
        self.arrange_sign_in()

    # What the cloud tells

    async def prepared(self) -> None:
        self._images.ask()
        for key in ("machines.size", CHOSEN):
            self.select(key).ask()
        self.show_key()
        self._ask_domains()
        self._ask_prices()

    @work(exclusive=True, group="prices")
    async def _ask_prices(self) -> None:
        """Prices come when they come: sizes can be chosen without them."""
        from wizard.errors import WizardError

        try:
            found = await self._ask("size_prices", os=self.wizard.answers.get("machines.os"))
        except WizardError:
            return  # Review tells why
        if not self.gone:
            self._monthly = found["monthly"]
            select = self.select("machines.size")
            if self._sizes:
                select.choices = self._size_choices()
                select.refresh()

    @work(exclusive=True, group="domains")
    async def _ask_domains(self) -> None:
        from wizard.errors import WizardError

        try:
            found = await self._ask("fault_domains")
        except WizardError:
            return  # preflight tells, should it matter
        if (most := found.get("most")) and not self.gone:
            field = self.field("machines.fault_domains")
            assert isinstance(field.control, NumberControl)
            field.control.high = int(most)
            field.note = f"{self.wizard.answers.get('location')} has {most}"

    async def _ask(self, question: str, **values: Any) -> Any:
        answers = self.wizard.answers
        return await self.wizard.desk.ask(
            question, location=answers.get("location"), cloud=answers.get("cloud"), **values
        )

    async def _load_sizes(self) -> Sequence[Choice]:
        found = await self._ask("sizes")
        self._sizes = {each["name"]: each for each in found}
        self.call_later(self.answered, "machines.size")
        return self._size_choices()

    def _size_choices(self) -> list[Choice]:
        return [
            Choice(name, name, _size_detail(each, self._monthly), each.get("why") or "")
            for name, each in self._sizes.items()
        ]

    async def _load_images(self) -> Sequence[Choice]:
        found = await self._ask("images", os=self.wizard.answers.get("machines.os"))
        return [
            Choice(each["name"], each["label"], each.get("version") or "", each.get("why") or "")
            for each in await asyncio.to_thread(_deployable, found)
        ] + [Choice(OTHER, "Another one", "one version, or a managed image of your own")]

    # Answers

    def answered(self, key: str) -> None:
        if self.gone:
            return
        if key in ("machines.count", "machines.size"):
            self.field("machines.count").note = placing.promise(self.wizard.answers.get)
            self.field("machines.size").note = self._room()
            self._show_zones()
        elif key in ("machines.placement", "machines.zones") or key.startswith("scale_set."):
            self._show_placement(key)
        elif key == "machines.workload":
            chosen = str(self.wizard.answers.get(key))
            self.field(key).note = WORKLOADS.get(chosen, WORKLOADS[""])
        else:
            self.administrator_answered(key)

    def _show_placement(self, key: str) -> None:
        get = self.wizard.answers.get
        placement = str(get("machines.placement"))
        if key == "machines.placement":
            self._fit_ports(placement)
            self.field(key).note = placing.NOTES.get(placement, "")
            number = self.field("machines.count").control
            assert isinstance(number, NumberControl)
            number.high = placing.MOST.get(placement, number.high)
        for field in self.fields():
            if field.key in ("machines.fault_domains", "machines.update_domains"):
                field.display = placement == placing.SET
            elif field.key == scale_set_fields.SPREAD_KEY:
                field.display = placement == placing.SCALE_SET
            elif field.key.startswith("scale_set."):
                field.display = scale_set_fields.shown(field.key, get)
        self.field("machines.zones").display = placing.zonal(get)
        for fold in self.query(Fold):
            fold.display = placement == placing.SCALE_SET
            fold.summary = scale_set_fields.summary(get)
        self.field("machines.count").note = placing.promise(get)
        self._show_zones()

    def _fit_ports(self, placement: str) -> None:
        """A scale set's machines have no names before they are there: their sign-in ports are a range."""
        answers = self.wizard.answers
        if placement == placing.SCALE_SET and answers.get("balancer.nat") != "range":
            answers.set("wizard.nat", answers.get("balancer.nat"), commit=True)
            answers.set("balancer.nat", "range", commit=True)
        elif placement != placing.SCALE_SET and answers.get("wizard.nat"):
            answers.set("balancer.nat", answers.get("wizard.nat"), commit=True)
            answers.set("wizard.nat", "", commit=True)

    def _there(self) -> list[str] | None:
        """The zones that this subscription can have the size in; None while that is not known."""
        size = self._sizes.get(str(self.wizard.answers.get("machines.size")))
        return None if size is None else list(size.get("zones") or ())

    def _show_zones(self) -> None:
        field, there = self.field("machines.zones"), self._there()
        assert isinstance(field.control, CheckRow)
        if there is None:
            return
        size, location = (self.wizard.answers.get(key) for key in ("machines.size", "location"))
        without = f"{size} is not there"
        field.control.choices = [Choice(each, each, "", "" if each in there else without) for each in "123"]
        field.note = "" if len(there) > 2 else f"{location} has it in {', '.join(there) or 'none'}"

    def _zone_problems(self) -> Iterable[Problem]:
        from wizard.errors import Problem

        there, get = self._there(), self.wizard.answers.get
        if there is None or not placing.zonal(get):
            return
        missing = [str(zone) for zone in get("machines.zones") or () if zone not in there]
        if missing:
            size, location = get("machines.size"), get("location")
            which = f"zone {missing[0]}" if len(missing) == 1 else f"the zones {', '.join(missing)}"
            yield Problem(
                "machines.zones",
                f"{location} has no {size} in {which}.",
                "A machine is made in its zone, or not at all.",
                "Turn it off, or take another size." if there else "Take another size, region or placement.",
            )

    def _room(self) -> str:
        """Whether the cores of the size suffice for so many machines; `""` when that is not known."""
        size = self._sizes.get(str(self.wizard.answers.get("machines.size")), {})
        count = self.wizard.answers.get("machines.count")
        left, cores = size.get("vcpus_left"), size.get("vcpus")
        if left is None or cores is None or not isinstance(count, int):
            return ""
        needed = cores * count
        return f"! they need {needed} vCPU, and {left} are left of the quota" if needed > left else ""

    def more_problems(self) -> list[Problem]:
        return [*self._zone_problems(), *self.key_problems()]

    @property
    def _images(self) -> SelectControl:
        control = self.field("machines.image").control
        assert isinstance(control, OtherwiseControl)
        assert isinstance(control.words, SelectControl)
        return control.words


def _is_listed(image: str) -> bool:
    """Whether an image is named by a word of the list: neither by its parts nor by an id."""
    return ":" not in image and not image.startswith("/")


def _workload(windows: bool) -> OtherwiseControl:
    ways = [Choice("page", "page"), Choice("none", "none")]
    if not windows:  # its images have no cloud-init
        ways.append(Choice(OTHER, "own file"))
    return OtherwiseControl(
        RadioRow(ways), FileControl(placeholder="path of a cloud-init file"), {"page", "none"}.__contains__
    )


def _size_detail(size: Mapping[str, Any], monthly: Mapping[str, float]) -> str:
    memory = f"{size['memory_gib']:g}"
    told = f"{size['vcpus']:>3} vCPU {memory:>5} GiB"
    dollars = monthly.get(size["name"])
    return told if dollars is None else f"{told} {f'${dollars:,.0f}':>7}/mo"


def _deployable(images: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Those that the program deploys. In a thread: the rules come with pydantic."""
    from wizard.plan import not_yet

    return [each for each in images if not not_yet.check({"machines.image": each["name"]})]


STEP = MachinesStep
