"""What a load is to send, as plain data: it travels to the worker processes as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

TIMEOUT_S = 10.0
"""For connecting, and for each wait for the next bytes of an answer."""

Client = Literal["lean", "httpx"]


@dataclass(frozen=True)
class Job:
    """One worker's share of a load.

    rate          requests a second (open loop); None is a closed loop, in which each connection waits for its answer
    connections   of the closed loop; in the open loop the most requests in flight
    requests      stop after so many; None: the duration alone ends it
    warmup_s      sent first, and not counted
    header        the answer's header that names the VM
    client        `lean` is ours; `httpx` is httpx as it comes, for comparison
    """

    url: str
    duration_s: float
    connections: int
    rate: float | None
    keep_alive: bool
    header: str
    timeout_s: float = TIMEOUT_S
    connect_timeout_s: float = TIMEOUT_S
    requests: int | None = None
    warmup_s: float = 0.0
    insecure: bool = False
    ca: str | None = None
    client: Client = "lean"
    headers: Mapping[str, str] = field(default_factory=dict)

    def share(self, number: int, of: int) -> Job:
        """What worker `number` (from 0) of `of` sends: connections, rate and requests divided."""
        from dataclasses import replace

        def part(whole: int) -> int:
            return whole // of + (number < whole % of)

        return replace(
            self,
            connections=max(1, part(self.connections)),
            rate=None if self.rate is None else self.rate / of,
            requests=None if self.requests is None else part(self.requests),
        )
