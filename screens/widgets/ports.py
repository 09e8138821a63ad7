"""The NAT ports as a table: which port of the balancer leads to which machine."""

from __future__ import annotations

from dataclasses import dataclass

from textual.content import Content


@dataclass(frozen=True)
class Port:
    """One NAT rule: a machine, its port at the balancer, and what is wrong with it."""

    machine: str
    port: int
    leads_to: int
    clash: str = ""


def ports(prefix: str, count: object, first: object, frontend: object, *, windows: bool = False) -> list[Port]:
    """The rule of each machine, in order; none as long as the numbers are not numbers."""
    from wizard.plan import limits

    if not isinstance(count, int) or not isinstance(first, int) or count > limits.SCALE_SET_VMS.high:
        return []
    leads_to = limits.RDP_PORT if windows else limits.SSH_PORT
    rows = []
    for number in range(count):
        port, clash = first + number, ""
        if port == frontend:
            clash = "the page's port"
        elif port not in limits.FRONTEND_PORT:
            clash = f"no such port: {limits.FRONTEND_PORT}"
        rows.append(Port(f"{prefix}{number + 1}", port, leads_to, clash))
    return rows


def range_lines(
    first: object, size: object, count: object, frontend: object, *, windows: bool = False
) -> list[Content]:
    """The one rule of a range in words; none as long as the numbers are not numbers."""
    from wizard.plan import limits

    if not isinstance(first, int) or not isinstance(size, int) or not isinstance(count, int):
        return []
    last = first + max(size, 1) - 1
    leads_to = limits.RDP_PORT if windows else limits.SSH_PORT
    clash = ""
    if isinstance(frontend, int) and first <= frontend <= last:
        clash = "the page's port is among them"
    elif last not in limits.FRONTEND_PORT:
        clash = f"no such port: {limits.FRONTEND_PORT}"
    room = max(0, size - count)
    told = Content.assemble(
        (f"{first}-{last}", "bold"), (" → ", "$text-muted"), "whom Azure picks", (f" port {leads_to}", "$text-muted")
    )
    left = Content.styled(f"Room for {room} more; status tells who has which.", "$text-muted")
    return [Content.assemble(told, (f"  ✗ {clash}", "$text-error")) if clash else told, left]


def port_lines(rows: list[Port]) -> list[Content]:
    """A line for each rule."""
    wide = max((len(row.machine) for row in rows), default=0)
    return [_line(row, wide) for row in rows]


def _line(row: Port, wide: int) -> Content:
    text = Content.assemble(
        (f"{row.port:>5}", "bold"),
        (" → ", "$text-muted"),
        f"{row.machine:<{wide}}",
        (f" port {row.leads_to}", "$text-muted"),
    )
    return Content.assemble(text, (f"  ✗ {row.clash}", "$text-error")) if row.clash else text
