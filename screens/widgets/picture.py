"""The architecture as a picture in text: Internet, public address, balancer and probe, VMs, and what is around them.

The same picture grows beside the form, shows what is being created, and shows who answers under load. It is drawn to a
width, and gives up its least important lines where the height is short. Many VMs are condensed to counts and a field
of signs.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import chain, groupby
from typing import Any

from textual import events
from textual.content import Content
from textual.widgets import Static

from screens.widgets.signs import sign

Get = Callable[[str], Any]
Part = tuple[str, str]
Line = list[Part]

MOST_DRAWN = 8
"""VMs drawn one by one; more of them say less than their counts."""

FRAME = "$text-muted"
ROLES = frozenset({"public_ip", "balancer", "nsg", "vnet", "nat", "set"})
"""What states are told of beside VMs, which go by their names."""


def picture(
    get: Get,
    *,
    width: int,
    height: int | None = None,
    states: Mapping[str, str] | None = None,
    notes: Mapping[str, str] | None = None,
    address: str = "",
) -> Content:
    """Draw a plan.

    `get` gives plan values by dotted key (None for what is not answered yet). `states` are those of the resources by
    role: `public_ip`, `balancer`, `nsg`, `vnet`, `nat`, `set` and each VM's name; without it the picture is of a plan.
    `notes` is a short text under a VM, such as its share of the load. `address` is the public address once known.
    """
    drawing = _Drawing(get, width, states, notes or {}, address)
    lines = drawing.lines()
    if height is not None:
        lines = _fitted(lines, height)
    return Content("\n").join(Content.assemble(*line) for _, line in lines)


class _Drawing:
    """The lines of one picture, each with the rank by which it may be left out (higher goes first)."""

    def __init__(
        self, get: Get, width: int, states: Mapping[str, str] | None, notes: Mapping[str, str], address: str
    ) -> None:
        self.get, self.width, self.states, self.notes, self.address = get, max(width, 16), states, notes, address
        self.middle = self.width // 2
        prefix = get("prefix") or "vm"
        count = get("machines.count")
        number = count if isinstance(count, int) and 0 <= count <= 10_000 else 0
        self.unnamed = get("machines.placement") == "scale-set"
        """Azure names a scale set's VMs: there are names once their states are known."""
        self.vms = (
            [each for each in (states or {}) if each not in ROLES]
            if self.unnamed
            else [f"{prefix}{each}" for each in range(1, number + 1)]
        )
        self.count = max(number, len(self.vms)) if not states else len(self.vms) or number

    def lines(self) -> list[tuple[int, Line]]:
        return [
            (1, self._centred([("Internet", "bold")])),
            (8, self._centred([("│", FRAME)])),
            (2, self._centred(self._address())),
            *self._balancer_and_vms(),
            (15, []),
            *self._around(),
        ]

    # Parts

    def _address(self) -> Line:
        port = self.get("balancer.frontend_port") or 80
        where = f"{self.address}:{port}" if self.address else f"public address:{port}"
        label = self.get("balancer.dns_label")
        text = f"{label}, {where}" if label and len(label) + len(where) + 14 <= self.width else where
        return [(text, ""), *self._state("public_ip")]

    def _balancer_and_vms(self) -> list[tuple[int, Line]]:
        title = _join([("load balancer", "bold")], self._state("balancer"))
        labels = self._labels()
        cell = max((len(label) for label in labels), default=0)
        if self.states is not None and labels and len(labels) * 14 <= self.width:
            cell = max(cell, 12)  # room for sign and word
        if self.notes and labels:
            cell = max(cell, *(len(text) for text in self.notes.values()))
        cell += 2
        row = cell * len(labels)
        inner = max(_length(title) + 2, (row - cell) + 3 if labels else 0)
        inner += (inner + self._parity(row, cell)) % 2
        left = max(self.middle - 1 - inner // 2, 0)
        start = left + 1 + (inner - row) // 2
        centres = [start + number * cell + cell // 2 for number in range(len(labels))]
        middle = left + 1 + inner // 2
        feet = centres or [middle]
        lines: list[tuple[int, Line]] = [
            (5, [(" " * left + "┌" + _ruled(inner, [middle - left - 1], "┴") + "┐", FRAME)]),
            (3, [(" " * left + "│", FRAME), *_padded(title, inner), ("│", FRAME)]),
            (5, [(" " * left + "└" + _ruled(inner, [foot - left - 1 for foot in feet], "┬") + "┘", FRAME)]),
            (7, self._probe(feet)),
        ]
        return [*lines, *(self._each(labels, centres, cell) if labels else self._many(middle))]

    def _parity(self, row: int, cell: int) -> int:
        return (row - cell) % 2 if row else 0

    def _labels(self) -> list[str]:
        """How the VMs are called in the picture: as they are, or shorter, or not one by one (then nothing)."""
        count = len(self.vms)
        if not count or count > MOST_DRAWN:
            return []
        short = [vm.rpartition("_")[2] for vm in self.vms] if self.unnamed else self.vms
        for labels in (short, [f"vm{number}" for number in range(1, count + 1)]):
            if count * (max(map(len, labels)) + 2) <= self.width - 2:
                return labels
        return []

    def _probe(self, feet: Sequence[int]) -> Line:
        """The lines down, and between or beside them what the probe does."""
        line = [" "] * self.width
        for foot in feet:
            if foot < self.width:
                line[foot] = "│"
        text = self._probe_text()
        last = max(feet)
        first = min(feet)
        if len(text) + 3 <= self.width - last:
            line[last + 3 : last + 3 + len(text)] = text
        elif len(text) + 2 <= first:
            line[first - 2 - len(text) : first - 2] = text
        return [("".join(line).rstrip(), FRAME)]

    def _probe_text(self) -> str:
        protocol = str(self.get("balancer.probe_protocol") or "http").upper()
        path = (self.get("balancer.probe_path") or "/") if protocol == "HTTP" else ""
        interval = self.get("balancer.probe_interval_s") or 5
        return f"probe {path or protocol} each {interval} s"

    def _each(self, labels: Sequence[str], centres: Sequence[int], cell: int) -> list[tuple[int, Line]]:
        """The VMs side by side: name, state, note."""
        rows: list[tuple[int, Line]] = [(3, self._cells([(label, "bold") for label in labels], centres))]
        if self.states is not None:
            shown = [sign(self.states.get(vm, "waiting")) for vm in self.vms]
            texts = [(str(each) if len(str(each)) < cell else each.mark, each.style) for each in shown]
            rows.append((3, self._cells(texts, centres)))
        if any(self.notes.get(vm) for vm in self.vms):
            rows.append((3, self._cells([(self.notes.get(vm, ""), "") for vm in self.vms], centres)))
        return rows

    def _many(self, middle: int) -> list[tuple[int, Line]]:
        """VMs by their counts, and a sign for each where they fit."""
        count = len(self.vms)
        told = f"{self.count} VM{'s' * (self.count != 1)}" if self.count else "no VMs yet"
        rows: list[tuple[int, Line]] = [(3, self._centred([(told, "bold")]))]
        if self.unnamed and not count:
            rows.append((3, self._centred(self._state("set") or [("of a scale set", FRAME)])))
        if self.states is None or not count:
            return rows
        shown = [sign(self.states.get(vm, "waiting")) for vm in self.vms]
        counts = Counter(str(each) for each in shown)
        styles = {str(each): each.style for each in shown}
        counted = [(f"{number} {text}", styles[text]) for text, number in counts.most_common()]
        rows += [(3, self._centred(line)) for line in _wrapped(counted, self.width)]
        across = min(self.width - 2, 50)
        for first in range(0, count, across):
            row = shown[first : first + across]
            runs = groupby(row, lambda each: each.style)
            signs = [("".join(each.mark for each in run), style) for style, run in runs]
            rows.append((6, self._centred([*signs, (" " * (min(across, count) - len(row)), "")])))
        return rows

    def _around(self) -> list[tuple[int, Line]]:
        """Network, security group, way out and availability set: a line each."""
        network = self.get("network.address_space") or ""
        subnet = self.get("network.subnet") or ""
        who = self.get("network.allow_http")
        port = self.get("balancer.frontend_port") or 80
        probe = self._probe_text().removeprefix("probe ")
        out = (self.get("balancer.probe_interval_s") or 5) * (self.get("balancer.probe_threshold") or 2)
        told: tuple[tuple[int, str, str, tuple[str, ...]], ...] = (
            (10, "Network", "vnet", (f"{network}, subnet {subnet}", str(network))),
            (
                11,
                "Security",
                "nsg",
                (
                    *([f"{', '.join(who) or 'nobody'} may reach port {port}"] if who is not None else []),
                    f"port {port} from outside",
                ),
            ),
            (12, *self._way_out()),
            (13, *self._placement()),
            (14, "Probe", "", (f"{probe}, out after about {out} s", probe)),
        )
        planned = self._planned() if self.states is None else ()
        return [(rank, self._fact(title, role, texts)) for rank, title, role, texts in (*told, *planned)]

    def _placement(self) -> tuple[str, str, tuple[str, ...]]:
        placement = self.get("machines.placement")
        zones = ", ".join(self.get("machines.zones") or ())
        if placement == "zones":
            return "Zones", "", (f"{zones}, in turn", zones)
        if placement == "scale-set":
            low, high = self.get("scale_set.minimum"), self.get("scale_set.maximum")
            number = f"{low} to {high} VMs by their CPU" if self.get("scale_set.autoscale") else "a fixed number"
            over = f", zones {zones}" if self.get("scale_set.zones") else ""
            return "Scale set", "set", (f"{number}{over}", number)
        fault = self.get("machines.fault_domains") or 2
        update = self.get("machines.update_domains") or 5
        return "Set", "set", (f"{fault} fault domains, {update} update domains", f"{fault} fault domains")

    def _planned(self) -> Iterator[tuple[int, str, str, tuple[str, ...]]]:
        """What is of interest before it is there: the way to single machines, rules and disks of one's own."""
        first, count = self.get("balancer.nat_first_port"), self.get("machines.count")
        windows = self.get("machines.os") == "windows"
        if isinstance(first, int) and isinstance(count, int):
            ranged = self.get("balancer.nat") == "range"
            last = first + max(1, (self.get("balancer.nat_range") or 1) if ranged else count) - 1
            ports = f"{first}" if last == first else f"{first}-{last}"
            yield 16, "RDP" if windows else "SSH", "", (f"ports {ports} → {3389 if windows else 22}", f"ports {ports}")
        if own := len(self.get("network.rules") or ()):
            yield 17, "Own rules", "", (f"{own} in the security group", f"{own}")
        if disks := len(self.get("machines.data_disks") or ()):
            yield 18, "Disks", "", (f"{disks} more for each VM", f"{disks} more")

    def _way_out(self) -> tuple[str, str, tuple[str, ...]]:
        outbound = str(self.get("network.outbound") or "nat-gateway")
        if outbound == "nat-gateway":
            return "NAT gateway", "nat", ("the VMs' way out", "way out")
        return "Way out", "", ("through the load balancer",) if outbound == "outbound-rule" else ("none",)

    def _fact(self, title: str, role: str, texts: Sequence[str]) -> Line:
        """One line; of the texts, the first that fits."""
        head: Line = [(f"{title:<12}", "$text-muted")]
        if self.states is not None:
            state = self._state(role) if role else []
            head += [*state, (" " * max(1, 14 - _length(state)), "")]
        room = self.width - _length(head)
        return [*head, (next((text for text in texts if len(text) <= room), _cut(texts[-1], room)), "")]

    # Drawing

    def _state(self, role: str) -> Line:
        if self.states is None:
            return []
        shown = sign(self.states.get(role, "waiting"))
        return [(f" {shown}", shown.style)]

    def _centred(self, line: Line) -> Line:
        return [(" " * max(0, self.middle - (_length(line) - 1) // 2), ""), *line]

    def _cells(self, texts: Sequence[Part], centres: Sequence[int]) -> Line:
        line: Line = []
        at = 0
        for (text, style), centre in zip(texts, centres, strict=True):
            first = max(at, centre - (len(text) - 1) // 2)
            line += [(" " * (first - at), ""), (text, style)]
            at = first + len(text)
        return line


def _fitted(lines: list[tuple[int, Line]], height: int) -> list[tuple[int, Line]]:
    """Leave out the least important lines until the rest fits."""
    excess = len(lines) - max(height, 1)
    if excess <= 0:
        return lines
    droppable = sorted(range(len(lines)), key=lambda at: (-lines[at][0], -at))[:excess]
    return [line for at, line in enumerate(lines) if at not in set(droppable)]


def _wrapped(parts: Sequence[Part], width: int) -> list[Line]:
    lines: list[Line] = [[]]
    for part in parts:
        if lines[-1] and _length(lines[-1]) + 3 + len(part[0]) > width:
            lines.append([])
        lines[-1] += [("   ", ""), part] if lines[-1] else [part]
    return lines


def _ruled(width: int, places: Sequence[int], knot: str) -> str:
    line = ["─"] * width
    for place in places:
        if 0 <= place < width:
            line[place] = knot
    return "".join(line)


def _padded(line: Line, width: int) -> Line:
    left = (width - _length(line)) // 2
    return [(" " * left, ""), *line, (" " * (width - _length(line) - left), "")]


def _join(*lines: Line) -> Line:
    return list(chain(*lines))


def _length(line: Line) -> int:
    return sum(len(text) for text, _ in line)


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else text[: max(0, width - 1)] + "…"


class Picture(Static):
    """The picture in a screen: drawn to the room it has, anew when that or a state changes."""

    def __init__(self, *, id: str | None = None, classes: str = "") -> None:
        super().__init__("", id=id, classes=classes, markup=False)
        self._get: Get | None = None
        self._states: Mapping[str, str] | None = None
        self._notes: Mapping[str, str] = {}
        self._address = ""
        self._drawn: Content | None = None

    def show(
        self,
        get: Get,
        states: Mapping[str, str] | None = None,
        *,
        notes: Mapping[str, str] | None = None,
        address: str = "",
    ) -> None:
        """Draw this; nothing happens where it is what stands there."""
        seen = (states, notes or {}, address)
        if self._get is None or seen != (self._states, self._notes, self._address):
            self._get, (self._states, self._notes, self._address) = get, seen
            self._draw()

    def on_resize(self, _event: events.Resize) -> None:
        self._draw()

    def _draw(self) -> None:
        if self._get is None or self.content_size.width < 1:
            return
        drawn = picture(
            self._get,
            width=self.content_size.width,
            height=self.content_size.height or None,
            states=self._states,
            notes=self._notes,
            address=self._address,
        )
        if drawn != self._drawn:
            self._drawn = drawn
            self.update(drawn, layout=False)
