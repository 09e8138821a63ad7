"""What a machine's processor has to do, and how much of it that is: the model behind `Percentage CPU`.

A web server's work is its requests. A vCPU is taken to answer REQUESTS_PER_VCPU of them a second when it is fully busy:
little for a real one, so that a load which two cores of this computer make and serve fills a machine of the sandbox.
Requests are counted in real seconds, however fast ARM's clock is told to run.
"""

from __future__ import annotations

from dataclasses import dataclass

REQUESTS_PER_VCPU = 50.0
IDLE_PERCENT = 2.0
"""What an operating system takes when nobody asks anything of it (from memory)."""


@dataclass
class Work:
    """What a machine has done since it was made known: requests that its web server answered."""

    requests: int = 0


def percent(requests: float, seconds: float, vcpus: int) -> float:
    """The processor's share of busy time while so many requests were answered, 0 to 100."""
    if seconds <= 0:
        return IDLE_PERCENT
    busy = requests / seconds / (REQUESTS_PER_VCPU * max(1, vcpus))
    return min(100.0, IDLE_PERCENT + 100.0 * busy)
