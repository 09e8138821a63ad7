"""Rules about the way out: what an outbound rule can give each machine, and what fails without one.

Source: Microsoft, "Use Source Network Address Translation (SNAT) for outbound connections": a frontend address has
64,000 SNAT ports; a machine gets a multiple of 8 of them; each balancing or NAT rule on the same frontend takes the
8 ports its own one lies among.
"""

from __future__ import annotations

from wizard.errors import Problem
from wizard.plan import limits, workload
from wizard.plan.balancer import nat_ports
from wizard.plan.choices import is_own_image
from wizard.plan.model import Nat, OsType, Outbound, OutboundAddress

PORTS = "network.outbound_ports"


def ports(value: int) -> Problem | None:
    """A multiple of 8, up to all 64,000 of an address."""
    if value in limits.OUTBOUND_PORTS and value % limits.OUTBOUND_PORTS_STEP == 0:
        return None
    nearest = min(max(round(value / limits.OUTBOUND_PORTS_STEP) * 8, 8), limits.SNAT_PORTS)
    return Problem(
        PORTS,
        f"{value} ports cannot be given to a machine.",
        f"An outbound rule gives a multiple of {limits.OUTBOUND_PORTS_STEP}, from {limits.OUTBOUND_PORTS}.",
        f"Write {nearest}.",
    )


def ports_suffice(  # noqa: PLR0917 - one value a key
    value: int,
    outbound: Outbound,
    address: OutboundAddress,
    count: int,
    frontend_port: int,
    nat_first_port: int,
    nat: Nat = Nat.PER_VM,
    nat_range: int = 1,
) -> Problem | None:
    """All machines' ports together fit on the one address. The keys are legal by themselves."""
    if outbound is not Outbound.OUTBOUND_RULE:
        return None
    room = available(address, frontend_port, nat_ports(nat_first_port, count, nat, nat_range))
    if count * value <= room:
        return None
    most = room // count // limits.OUTBOUND_PORTS_STEP * limits.OUTBOUND_PORTS_STEP
    shared = (
        f", and the balancer's own rules take {limits.SNAT_PORTS - room} of them"
        if address is OutboundAddress.BALANCER
        else ""
    )
    return Problem(
        PORTS,
        f"{count} machines with {value} ports each need {count * value} ports.",
        f"An address has {limits.SNAT_PORTS}{shared}.",
        f"Write {most} or less, or use a NAT gateway, which gives ports as they are needed.",
    )


def available(address: OutboundAddress, frontend_port: int, sign_in: range) -> int:
    """How many SNAT ports the outbound rule's address has left."""
    if address is OutboundAddress.OWN:
        return limits.SNAT_PORTS
    taken = {port // limits.OUTBOUND_PORTS_STEP for port in (frontend_port, *sign_in)}
    return limits.SNAT_PORTS - limits.OUTBOUND_PORTS_STEP * len(taken)


def no_way_out(outbound: Outbound, chosen: str, os: OsType = OsType.LINUX, image: str = "") -> Problem | None:
    """A warning of what fails when the machines reach nothing outside."""
    if outbound is not Outbound.NONE:
        return None
    fails = (
        "Our page works all the same: IIS is on the image's disk."
        if chosen == workload.PAGE and os is OsType.WINDOWS
        else "What your image lacks cannot be installed; our page needs nginx."
        if chosen == workload.PAGE and is_own_image(image)
        else "Our page needs the package nginx, which cannot be fetched: cloud-init fails, and the probe never holds."
        if chosen == workload.PAGE
        else "What is not in the image cannot be installed."
        if chosen == workload.NONE
        else "What cloud-init is to fetch, our page's nginx and packages of your own, cannot be fetched."
    )
    return Problem(
        "network.outbound",
        "The machines will reach nothing on the Internet.",
        f"{fails} Updates and most extensions fail as well.",
        'Write "nat-gateway" or "outbound-rule", or use an image that holds all it needs.',
        "warning",
    )
