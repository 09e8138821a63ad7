"""How often ARM may be asked: token buckets, as data of a cloud.

Figures are those of Microsoft's page on request limits and throttling, and of its page on compute throttling: tokens a
bucket holds, and what comes back each second.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

READS = frozenset({"GET", "HEAD"})
WRITES = frozenset({"PUT", "PATCH", "POST"})
DELETES = frozenset({"DELETE"})

NETWORK = "/providers/microsoft.network/"
MACHINE = "/providers/microsoft.compute/virtualmachines/"
COMPUTE_OPERATION = "/providers/microsoft.compute/locations/"


@dataclass(frozen=True)
class Limit:
    """One kind of limit.

    size, per_s   tokens that its bucket holds, and how many come back a second
    methods       what takes a token
    within        a lower-case part of the paths it is about; "" for all
    each          whether every path has a bucket of its own (one machine's operation), or all share one
    told_as       how answers name what is left: a header, or an entry of
                  `x-ms-ratelimit-remaining-resource`; lower case
    """

    name: str
    size: float
    per_s: float
    methods: frozenset[str]
    within: str = ""
    each: bool = False
    told_as: tuple[str, ...] = ()

    def faster(self, pace: float) -> Limit:
        """The same on a cloud whose clock runs `pace` times as fast: its windows are divided."""
        return replace(self, per_s=self.per_s * pace)

    def covers(self, method: str, path: str) -> bool:
        """Whether a request takes a token of it; `path` in lower case."""
        return method in self.methods and self.within in path


AZURE = (
    Limit("writes", 200, 10, WRITES, told_as=("x-ms-ratelimit-remaining-subscription-writes",)),
    Limit("reads", 250, 25, READS, told_as=("x-ms-ratelimit-remaining-subscription-reads",)),
    Limit("deletes", 200, 10, DELETES, told_as=("x-ms-ratelimit-remaining-subscription-deletes",)),
    # 1,000 and 10,000 in five minutes: a window, which a bucket of that size comes near to.
    Limit("network writes", 1000, 1000 / 300, WRITES | DELETES, NETWORK),
    Limit("network reads", 10_000, 10_000 / 300, READS, NETWORK),
    # The names of compute's limits are from memory; where an answer has others, the figures here hold alone.
    Limit(
        "machine writes",
        1500,
        500 / 60,
        WRITES | DELETES,
        MACHINE,
        told_as=("microsoft.compute/updatevmsubscriptionmaximum", "microsoft.compute/putvmsubscriptionmaximum"),
    ),
    Limit("writes of a machine", 12, 4 / 60, WRITES | DELETES, MACHINE, each=True),
    Limit("questions about an operation", 45, 15 / 60, READS, COMPUTE_OPERATION, each=True),
)
"""The buckets of a principal in one subscription and region of Azure."""
