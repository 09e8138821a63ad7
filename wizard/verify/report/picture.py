"""The architecture as it was planned, with what the checks found at each part: one glance for a change request.

Internet ─ public address ─ balancer ─ │ subnet: NSG ─ availability set: VMs │ ─ NAT gateway ─ Internet
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from wizard.blueprint import names
from wizard.verify.report import axes, words
from wizard.verify.report.axes import WIDTH
from wizard.verify.report.facts import Check, Facts
from wizard.verify.report.markup import Child, Element, element

_MOST_VMS = 6
_CENTRE = 400.0  # of the way in
_WAY_OUT = 700.0
# Where the parts begin, from top to bottom; what is above the virtual network stands by itself.
_VNET, _SUBNET, _NSG, _SET, _MACHINES = 280.0, 314.0, 328.0, 390.0, 438.0
_ORDER = ("failed", "warned", "passed", "skipped")


@dataclass(frozen=True)
class Machine:
    """One VM as it is drawn. `share` is None when no answer named its VM."""

    name: str
    state: str
    told: str
    port: str
    share: str


def can_draw(facts: Facts) -> bool:
    """A picture needs the plan's names; evidence without a plan has none."""
    return bool(facts.plan.get("prefix")) and bool(_section(facts, "machines").get("count"))


def draw(facts: Facts) -> Element:
    """The whole picture."""
    every = machines(facts)
    shown = _most_telling(every)
    more = _more([machine for machine in every if machine not in shown])
    extra = 24.0 if more else 0.0
    height = _MACHINES - _VNET + 112 + extra
    children = [
        _arrowheads(),
        *_internet(facts),
        *_address(facts),
        *_frames(facts, height),
        *_way_out(facts),
        *_balancer(facts),
        _arrow(_CENTRE, 246, _CENTRE, _NSG - 2),
        *_firewall(facts),
        *_set(facts, _MACHINES - _SET + 90 + extra),
        axes.line(_CENTRE, _NSG + 46, _CENTRE, _MACHINES - 14, "flow"),
        *_vms(shown, more),
    ]
    title = f"Architecture of {facts.deployment}"
    return axes.drawing("architecture", _VNET + height + 2, title, _description(facts), *children)


def machines(facts: Facts) -> list[Machine]:
    """Every VM with the state that its checks add up to, its sign-in port and its share of the first load's answers."""
    ports = {**facts.ssh, **facts.rdp}
    told = facts.loads[0].by_vm if facts.loads else {}
    total = sum(told.values())
    made: list[Machine] = []
    for name in vm_names(facts):
        state, summary = _sum_up([*facts.of(name), *facts.of(names.nic(name))])
        share = words.percent(told.get(name, 0), total) if total else ""
        made.append(Machine(name, state, summary, ports.get(name, "").rpartition(":")[2], share))
    return made


def vm_names(facts: Facts) -> list[str]:
    """The plan's VMs, and any that the endpoints name beside them, in order. A scale set names its own."""
    plan = _section(facts, "machines")
    there, count = {**facts.ssh, **facts.rdp}, plan.get("count")
    if plan.get("placement") == "scale-set" and there:
        return list(there)
    planned = [f"{facts.plan.get('prefix')}{number}" for number in range(1, min(_int(count), 1000) + 1)]
    return list(dict.fromkeys([*planned, *there]))


def _sum_up(checks: Iterable[Check]) -> tuple[str, str]:
    """The worst state of some checks and how many are in it: `failed`, `✗ 2 failed`."""
    counted: dict[str, int] = {}
    for check in checks:
        counted[check.state] = counted.get(check.state, 0) + 1
    for state in _ORDER:
        if counted.get(state):
            return state, f"{words.SIGNS[state]} {counted[state]} {state}"
    return "skipped", f"{words.SIGNS['skipped']} not checked"


def _most_telling(every: Sequence[Machine]) -> list[Machine]:
    """As many as fit: those with a fault first, drawn in their own order."""
    if len(every) <= _MOST_VMS:
        return list(every)
    faulty = [machine for machine in every if machine.state in {"failed", "warned"}]
    chosen = [*faulty, *(machine for machine in every if machine not in faulty)][:_MOST_VMS]
    return [machine for machine in every if machine in chosen]


def _more(others: Sequence[Machine]) -> str:
    if not others:
        return ""
    counted = [(state, sum(machine.state == state for machine in others)) for state in _ORDER]
    told = ", ".join(f"{words.SIGNS[state]} {number} {state}" for state, number in counted if number)
    return f"… and {len(others)} more: {told}"


def _internet(facts: Facts) -> list[Child]:
    web = _some(_section(facts, "network").get("allow_http"))
    legend = [
        _text(f"{sign} {word}", 24, 66 + 19 * row, f"state {word}")
        for row, (word, sign) in enumerate(words.SIGNS.items())
    ]
    return [
        element("rect", x=1, y=1, width=WIDTH - 2, height=34, rx=17, class_="cloud"),
        _text("Internet", _CENTRE, 23, "strong", anchor="middle"),
        _arrow(_CENTRE, 36, _CENTRE, 68),
        _text(f"HTTP from {words.shortened(web, 30)}", _CENTRE + 12, 56, "small"),
        *legend,
    ]


def _address(facts: Facts) -> list[Child]:
    prefix = _prefix(facts)
    state = _sum_up(facts.of(names.balancer_ip(prefix)))[0]
    address = facts.http.partition("://")[2].rstrip("/") or "not known"
    left, right = _CENTRE - 160, _CENTRE + 160
    return [
        _box(left, 70, right - left, 50, state),
        _sign(state, right - 14, 91),
        _text(f"Public address {words.shortened(address, 21)}", left + 14, 91, "strong"),
        _text(words.shortened(names.balancer_ip(prefix), 38), left + 14, 108, "small"),
        _arrow(_CENTRE, 120, _CENTRE, 148),
    ]


def _balancer(facts: Facts) -> list[Child]:
    plan, prefix = _section(facts, "balancer"), _prefix(facts)
    checks = [check for check in facts.checks if check.group == "balancer"]
    state, told = _sum_up([*facts.of(names.balancer(prefix)), *checks])
    every, threshold = plan.get("probe_interval_s"), plan.get("probe_threshold")
    asked = f"HTTP GET {plan.get('probe_path')}" if plan.get("probe_protocol") == "http" else "TCP connect"
    ports = [_int(target.rpartition(":")[2]) for target in (*facts.ssh.values(), *facts.rdp.values())]
    door = "3389 (RDP)" if facts.rdp else "22 (SSH)"
    lines = [
        ("Rule", f"port {plan.get('frontend_port')} to port {plan.get('backend_port')} of the pool"),
        ("Probe", f"{words.shortened(asked, 20)} every {every} s, {threshold} in a row decide"),
    ]
    if ports:
        lines.append(("NAT", f"{words.span(ports)} to {door} of each VM"))
    left, right = _CENTRE - 200, _CENTRE + 190
    children: list[Child] = [
        _box(left, 150, right - left, 96, state),
        _titled("Load balancer", words.shortened(names.balancer(prefix), 22), left + 14, 172),
        _text(told, right - 14, 172, f"state {state}", anchor="end"),
    ]
    for row, (label, text) in enumerate(lines):
        children.append(_text(label, left + 14, 194 + 18 * row, "muted"))
        children.append(_text(text, left + 60, 194 + 18 * row, "plain"))
    return children


def _way_out(facts: Facts) -> list[Child]:
    """How the VMs reach the Internet: a NAT gateway, the balancer itself, or nothing."""
    way, prefix = str(_section(facts, "network").get("outbound") or ""), _prefix(facts)
    left, top, width, height = 612.0, 150.0, 176.0, 56.0
    if way != "nat-gateway":
        told = "Out by the balancer" if way == "outbound-rule" else "No way out"
        return [_box(left, top, width, 36, "skipped"), _text(told, left + 14, top + 23, "plain")]
    state = _sum_up([*facts.of(names.nat_gateway(prefix)), *facts.of(names.nat_gateway_ip(prefix))])[0]
    return [
        _arrow(_WAY_OUT, _SUBNET, _WAY_OUT, top + height + 2),
        _box(left, top, width, height, state),
        _sign(state, left + width - 14, top + 22),
        _text("NAT gateway", left + 14, top + 22, "strong"),
        _text(words.shortened(names.nat_gateway(prefix), 22), left + 14, top + 41, "small"),
        _arrow(_WAY_OUT, top, _WAY_OUT, 38),
        _text("way out", _WAY_OUT + 10, 96, "small"),
    ]


def _frames(facts: Facts, height: float) -> list[Child]:
    network, prefix = _section(facts, "network"), _prefix(facts)
    state = _sum_up(facts.of(names.vnet(prefix)))[0]
    name = words.shortened(names.vnet(prefix), 26)
    return [
        element("rect", x=1, y=_VNET, width=WIDTH - 2, height=height, rx=8, class_="frame"),
        element("rect", x=12, y=_SUBNET, width=WIDTH - 24, height=height - 46, rx=8, class_="frame inner"),
        _titled("Virtual network", f"{name}  {network.get('address_space')}", 24, _VNET + 21),
        _sign(state, WIDTH - 40, _VNET + 21),
    ]


def _firewall(facts: Facts) -> list[Child]:
    network, plan, prefix = _section(facts, "network"), _section(facts, "balancer"), _prefix(facts)
    state = _sum_up(facts.of(names.nsg(prefix)))[0]
    windows = _section(facts, "machines").get("os") == "windows"
    admin = f"{'RDP 3389' if windows else 'SSH 22'} from {_some(network.get('allow_admin'))}"
    web = f"HTTP {plan.get('backend_port')} from {_some(network.get('allow_http'))}"
    subnet = words.shortened(f"Subnet {network.get('subnet_name')}", 24)
    rules = f"lets in {words.shortened(web, 36)}, {words.shortened(admin, 44)}; refuses all else"
    return [
        element("rect", x=24, y=_NSG, width=WIDTH - 48, height=46, rx=4, class_="firewall"),
        _titled("NSG", words.shortened(names.nsg(prefix), 40), 40, _NSG + 19),
        _text(f"{subnet}  {network.get('subnet')}", WIDTH - 60, _NSG + 19, "small", anchor="end"),
        _sign(state, WIDTH - 40, _NSG + 19),
        _text(rules, 40, _NSG + 37, "small"),
    ]


def _set(facts: Facts, height: float) -> list[Child]:
    plan, prefix = _section(facts, "machines"), _prefix(facts)
    frame = element("rect", x=24, y=_SET, width=WIDTH - 48, height=height, rx=6, class_="frame set")
    placement = str(plan.get("placement"))
    if placement != "availability-set":
        what = {"zones": "Availability zones", "scale-set": "Scale set"}.get(placement, "Machines")
        return [frame, _titled(what, "", 40, _SET + 20)]
    state = _sum_up(facts.of(names.availability_set(prefix)))[0]
    domains = f"{plan.get('fault_domains')} fault domains, {plan.get('update_domains')} update domains"
    return [
        frame,
        _titled("Availability set", words.shortened(names.availability_set(prefix), 22), 40, _SET + 20),
        _text(domains, WIDTH - 60, _SET + 20, "small", anchor="end"),
        _sign(state, WIDTH - 40, _SET + 20),
    ]


def _vms(shown: Sequence[Machine], more: str) -> list[Child]:
    """A row of boxes under one line that shares the requests out."""
    left, right, gap = 34.0, WIDTH - 34, 8.0
    width = min((right - left - gap * (len(shown) - 1)) / max(len(shown), 1), 190.0)
    first = (left + right - width * len(shown) - gap * (len(shown) - 1)) / 2
    centres = [first + index * (width + gap) + width / 2 for index in range(len(shown))]
    bus = _MACHINES - 14
    children: list[Child] = [axes.line(min([*centres, _CENTRE]), bus, max([*centres, _CENTRE]), bus, "flow")]
    for machine, centre in zip(shown, centres, strict=True):
        children.append(_arrow(centre, bus, centre, _MACHINES - 1))
        children.append(_vm(machine, centre - width / 2, _MACHINES, width))
    if more:
        children.append(_text(more, WIDTH / 2, _MACHINES + 100, "plain", anchor="middle"))
    return children


def _vm(machine: Machine, left: float, top: float, width: float) -> Element:
    fits = int((width - 16) / 7.6)  # a bold letter of 12 units in the widest of the system fonts
    lines: list[Child] = [
        element("title", f"{machine.name}: {machine.told}"),
        _box(left, top, width, 78, machine.state),
        _text(words.shortened(machine.name, fits), left + 9, top + 19, "strong name"),
        _text(machine.told, left + 9, top + 36, f"state {machine.state}"),
    ]
    if machine.port:
        lines.append(_text(f"sign-in :{machine.port}", left + 9, top + 52, "small"))
    if machine.share:
        lines.append(_text(f"share {machine.share}", left + 9, top + 68, "small"))
    return element("g", *lines)


def _description(facts: Facts) -> str:
    told = ", ".join(f"{machine.name} {machine.told}" for machine in machines(facts)[:40])
    return (
        f"Requests from the Internet reach {facts.http or 'the public address'}, the load balancer shares them out to "
        f"{words.count(len(vm_names(facts)), 'VM')} behind a network security group: {told}."
    )


def _box(x: float, y: float, width: float, height: float, state: str) -> Element:
    return element("rect", x=x, y=y, width=width, height=height, rx=6, class_=f"node {_known(state)}")


def _sign(state: str, x: float, y: float) -> Element:
    """A state's sign, with its word for who hovers or listens."""
    return element(
        "text",
        words.SIGNS[_known(state)],
        element("title", state),
        x=x,
        y=y,
        class_=f"state {_known(state)}",
        text_anchor="end",
    )


def _titled(title: str, name: str, x: float, y: float) -> Element:
    """What something is, and in a lighter hand what it is called."""
    return element(
        "text", title, element("tspan", name, dx="0.7em", class_="light") if name else None, x=x, y=y, class_="strong"
    )


def _text(text: str, x: float, y: float, class_: str, anchor: str | None = None) -> Element:
    return element("text", text, x=x, y=y, class_=class_, text_anchor=anchor)


def _arrow(x1: float, y1: float, x2: float, y2: float) -> Element:
    return axes.line(x1, y1, x2, y2, "flow", marker_end="url(#arrowhead)")


def _arrowheads() -> Element:
    tip = element("path", d="M0 0L8 4L0 8Z", class_="arrowhead")
    return element(
        "defs",
        element(
            "marker",
            tip,
            id="arrowhead",
            markerWidth=8,
            markerHeight=8,
            refX=7,
            refY=4,
            orient="auto",
            markerUnits="userSpaceOnUse",
        ),
    )


def _known(state: str) -> str:
    return state if state in words.SIGNS else "skipped"


def _section(facts: Facts, name: str) -> Mapping[str, Any]:
    section = facts.plan.get(name)
    return section if isinstance(section, Mapping) else {}


def _prefix(facts: Facts) -> str:
    return str(facts.plan.get("prefix") or "")


def _some(value: Any) -> str:
    """`Internet`, `10.0.0.0/8 and 3 more`, `nowhere`"""
    items = [str(item) for item in value] if isinstance(value, (list, tuple)) else []
    if not items:
        return "nowhere"
    return items[0] if len(items) == 1 else f"{items[0]} and {len(items) - 1} more"


def _int(value: Any) -> int:
    try:
        return int(value)
    except (TypeError, ValueError, OverflowError):
        return 0
