"""What changed since the architecture was drawn in 2016, and why: for those who know the old one.

Each entry stands for something that was recommended or deployed then and fails, costs or misleads today. Dates are
those that Microsoft announced for each retirement.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Change:
    """One difference: its subject, what was done then, what is done now, and why."""

    subject: str
    then: str
    now: str
    why: str


CHANGES = (
    Change(
        "Load balancer",
        "A Basic balancer with a Basic address, open by default.",
        "A Standard balancer and a static Standard address, closed until the NSG opens a port.",
        "Basic ones were retired on 2025-09-30. Standard carries a promise of 99.99 % with two healthy machines.",
    ),
    Change(
        "Disks",
        "A storage account for each machine, to stay below its limit of I/O operations.",
        "Managed disks; no storage account at all.",
        "Unmanaged disks were retired on 2026-03-31. Azure now places disks itself, apart from each other.",
    ),
    Change(
        "Way out",
        "Nothing to set up: a machine simply reached the Internet.",
        "A private subnet with a NAT gateway, there before the first machine.",
        "New networks have no way out of their own. Without one, installing packages runs into time-outs.",
    ),
    Change(
        "NSG",
        "SSH and HTTP open to everybody; the rules were deployed last.",
        "SSH for the addresses you name. The rules are there before anything can be reached.",
        "An SSH port that is open to all is tried within minutes.",
    ),
    Change(
        "Credentials",
        "One user name and password in the parameter files, the same for all who deployed.",
        "An SSH key; or a strong password that no file ever holds, with a reset that is proved.",
        "What stands in a public file is no secret. That is why the old text urged to change both at once.",
    ),
    Change(
        "Fault domains",
        "3.",
        "2, or what the region has: the wizard asks it.",
        "Many regions have 2, and refuse a set that asks for 3.",
    ),
    Change(
        "Availability set",
        "Required: a balancer took machines of one set only.",
        "Still the default, of the kind Aligned; a set without it refuses managed disks.",
        "A Standard balancer takes any machine of the network. The set is kept for its promise of 99.95 %.",
    ),
    Change(
        "Probe",
        "Every 15 s, two in a row: a dead machine got requests for half a minute.",
        "Every 5 s, two in a row: about 10 s.",
        "A probe costs next to nothing. 5 s is the least Azure takes.",
    ),
    Change(
        "Sign-in ports",
        "The text said 50001 and 50002, the templates 50000 and 50001.",
        "50001 for the first machine, 50002 for the second: number and port end alike.",
        "One can guess a machine's port, and a machine's port never moves.",
    ),
    Change(
        "Machines' system",
        "Ubuntu 14.04 from a first-generation image.",
        "Ubuntu 24.04, second generation, with secure boot and a virtual TPM.",
        "14.04 gets no fixes any more. Trusted Launch keeps changed boot code from starting.",
    ),
    Change(
        "The page",
        "Apache's or IIS's default page, the same from every machine.",
        "A page that names the machine that answered.",
        "Otherwise nobody can see whether the load is spread.",
    ),
    Change(
        "Diagnostics",
        "A storage account for logs; probe logs written to blobs.",
        "Boot diagnostics in storage that Azure manages.",
        "Probe logs in blobs are gone; the balancer's metrics and health events took their place.",
    ),
)
