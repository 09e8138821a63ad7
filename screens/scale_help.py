"""What F1 says on the scale screen."""

from __future__ import annotations

from screens.widgets.field import Help

_PASSWORD = Help(
    "The first password of the VMs that are created.",
    "12 to 72 characters with three of: lower case, upper case, digit, other.",
    "Let one be made (^G) and keep it in a password manager.",
    "The VMs that are there keep theirs.",
)
HELP = {
    "count": Help(
        "How many VMs there are to be.",
        "New VMs need addresses in the subnet, cores of the quota, and a free port at the balancer each.",
        "Two or more: then one answers for the other.",
        "Going in, the highest numbers leave. No VM that stays is renumbered.",
    ),
    "drain": Help(
        "How long a VM that leaves is given, out of the balancer's pool, to end what it is answering.",
        "Azure tells nobody how many connections are left on it, so that this is a time.",
        "30 s for pages; longer where people download.",
        "A connection that is kept alive for longer ends with its VM.",
    ),
    "secret.run_new": _PASSWORD,
    "secret.run_again": _PASSWORD,
}
