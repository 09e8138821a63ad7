"""The address space as a picture: what the subnet takes of it, the addresses Azure keeps, the room for machines."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network

from textual.content import Content
from textual.geometry import Size
from textual.widgets import Static

AZURES, MACHINES, FREE, SPACE = "▒", "█", "·", "░"
_STYLES = {AZURES: "$text-warning", MACHINES: "$text-success", FREE: "$text-muted", SPACE: "$text-muted"}


@dataclass(frozen=True)
class Space:
    """A subnet within a network's address space, and the machines that are to live in it."""

    network: IPv4Network
    subnet: IPv4Network
    name: str
    machines: int
    reserved: int

    @classmethod
    def read(cls, network: object, subnet: object, name: object, machines: object) -> Space | None:
        """From a form's values; None as long as they do not make a picture (the problem stands at its field)."""
        from wizard.plan import limits
        from wizard.plan.addresses import ipv4_range

        outer, inner = ipv4_range(str(network)), ipv4_range(str(subnet))
        if outer is None or inner is None or not inner.subnet_of(outer) or inner.prefixlen not in limits.SUBNET_PREFIX:
            return None
        count = machines if isinstance(machines, int) and machines > 0 else 0
        return cls(outer, inner, str(name) or "subnet", count, limits.RESERVED_ADDRESSES)

    @property
    def room(self) -> int:
        """How many machines the subnet can hold."""
        return self.subnet.num_addresses - self.reserved

    @property
    def free(self) -> int:
        """Addresses left when the machines have theirs; below zero when the subnet is too small."""
        return self.room - self.machines

    @property
    def kept(self) -> tuple[IPv4Address, IPv4Address, IPv4Address]:
        """The first and last of the four addresses at the beginning, and the one at the end: Azure's."""
        first = self.subnet.network_address
        return first, first + self.reserved - 2, self.subnet.broadcast_address

    @property
    def first_machine(self) -> IPv4Address:
        """What Azure gives the first machine: the lowest address it does not keep."""
        return self.subnet.network_address + self.reserved - 1


def space_bar(space: Space, width: int) -> str:
    """The network as `width` cells, the subnet marked where it lies: at least one cell, never more than its share
    rounded up."""
    cells = min(width, space.network.num_addresses)
    per_cell = space.network.num_addresses / cells
    offset = int(space.subnet.network_address) - int(space.network.network_address)
    begin = min(int(offset / per_cell), cells - 1)
    size = max(1, min(round(space.subnet.num_addresses / per_cell), cells - begin))
    return SPACE * begin + MACHINES * size + SPACE * (cells - begin - size)


def subnet_bar(space: Space, width: int) -> str:
    """The subnet as up to `width` cells: Azure's first four, the machines, what is free, Azure's last.

    One cell an address where they fit; otherwise to scale, but what exists is seen: one cell at least.
    """
    cells = min(width, space.subnet.num_addresses)
    if cells == space.subnet.num_addresses:
        machines = min(space.machines, space.room)
        return AZURES * (space.reserved - 1) + MACHINES * machines + FREE * (space.room - machines) + AZURES
    between = cells - 2
    machines = min(round(space.machines / space.room * between), between)
    if space.machines:
        machines = max(1, machines)
    if space.free > 0:
        machines = min(machines, between - 1)
    return AZURES + MACHINES * machines + FREE * (between - machines) + AZURES


def share(space: Space) -> str:
    """What the subnet takes of the network, in words."""
    whole = 2 ** (space.subnet.prefixlen - space.network.prefixlen)
    return "all of it" if whole == 1 else f"1/{whole:,} of it"


def picture(space: Space, width: int) -> list[Content]:
    """The lines of the picture for a column of `width` cells: two bars, their legend, and what follows in words."""
    outer, inner = str(space.network), str(space.subnet)
    wide = max(len(outer), len(inner))
    whole = f"{space.network.num_addresses:,} addresses"
    part = f"{space.subnet.num_addresses:,}, {share(space)}"
    bar = max(8, min(40, width - wide - max(len(whole), len(part)) - 4))
    first, last_first, last = space.kept
    verdict = Content(f"Room for {_machines(space.room)}; the first gets {space.first_machine}.")
    if space.free < 0:
        verdict = Content.styled(f"✗ Room for {_machines(space.room)}, not for {space.machines:,}.", "$text-error")
    return [
        Content.assemble(
            _painted(space_bar(space, bar)), (f"  {outer:<{wide}}", "bold"), (f"  {whole}", "$text-muted")
        ),
        Content.assemble(
            _painted(subnet_bar(space, bar)), (f"  {inner:<{wide}}", "bold"), (f"  {part}", "$text-muted")
        ),
        Content.assemble(
            *_legend(AZURES, f"{space.reserved} kept by Azure"),
            *_legend(MACHINES, f"{_machines(space.machines)}"),
            *_legend(FREE, f"{max(space.free, 0):,} free"),
        ),
        Content.styled(f"Azure keeps {first} to {_short(last_first, first)} and {_short(last, first)}.", "$text-muted"),
        verdict,
    ]


def _short(address: IPv4Address, beside: IPv4Address) -> str:
    """`.255` beside an address of the same three numbers."""
    return f".{address.packed[3]}" if address.packed[:3] == beside.packed[:3] else str(address)


def _machines(number: int) -> str:
    return f"{number:,} machine{'s' * (number != 1)}"


def _legend(sign: str, text: str) -> tuple[tuple[str, str], str]:
    return (sign, _STYLES[sign]), f" {text}  "


def _painted(text: str) -> Content:
    return Content.assemble(*((sign, _STYLES[sign]) for sign in text))


class SpacePicture(Static):
    """Draws a Space, or says what is missing for it."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__("", id=id, markup=False)
        self._space: Space | None = None
        self._drawn: tuple[Space | None, int] | None = None

    def show(self, space: Space | None) -> None:
        self._space = space
        self._draw(self.size)

    def on_resize(self) -> None:
        self._draw(self.size)

    def _draw(self, size: Size) -> None:
        if not size.width or self._drawn == (self._space, size.width):
            return
        self._drawn = (self._space, size.width)
        if self._space is None:
            self.update(Content.styled("○ The picture comes when the subnet lies inside the space.", "$text-muted"))
        else:
            self.update(Content("\n").join(picture(self._space, size.width)))
