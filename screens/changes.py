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
        "A storage account for each machine, to stay below its limit of 20,000 operations a second.",
        "Managed disks; no storage account at all. An account each can be chosen where a cloud still has that.",
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
        "A Standard balancer takes any machine of the network: zones (99.99 %) stand beside the set (99.95 %), and "
        "Microsoft recommends scale sets for what is new. The set itself is not retired.",
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
        "Sign-in rules",
        "A NAT rule for each machine, tied to its network card.",
        "The same, which keeps a machine's port for good; or one rule with a range of ports.",
        "Microsoft retires the first kind on 2027-09-30. A range deals its ports out itself: they are read back.",
    ),
    Change(
        "Machines' system",
        "Ubuntu 14.04 or Windows Server 2012 R2, from a first-generation image.",
        "Ubuntu 24.04 or Windows Server 2022, second generation, with secure boot and a virtual TPM.",
        "The old ones get no fixes any more. Trusted Launch keeps changed boot code from starting.",
    ),
    Change(
        "The page",
        "Apache's or IIS's default page, the same from every machine.",
        "A page that names the machine that answered.",
        "Otherwise nobody can see whether the load is spread.",
    ),
    Change(
        "Diagnostics",
        "A general-purpose storage account for logs; probe logs written to blobs.",
        "Boot diagnostics in storage that Azure manages, or in an account of the kind StorageV2.",
        "Probe logs in blobs are gone: the balancer's metrics and health events took their place. Accounts of the "
        "first general-purpose kind were retired on 2026-10-13.",
    ),
    Change(
        "Reset credentials",
        "A new user name in the portal, and the old login was taken to be gone.",
        "A reset that signs in with the new one and shows that the old one is refused.",
        "A new user name adds a second administrator; the first one keeps working until it is removed.",
    ),
)
