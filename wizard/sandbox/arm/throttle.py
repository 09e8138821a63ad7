"""ARM's own limits: a bucket of tokens each for reads, writes and deletes, refilled steadily; 429 when one is empty.

Azure keeps one set per subscription, principal and region; here there is one of each. Speed makes the refill faster.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass

from wizard.sandbox.arm.errors import ArmError
from wizard.sandbox.arm.kind import Call


@dataclass
class Bucket:
    """`tokens` at most `size`, `rate` of them a second."""

    name: str
    size: float
    rate: float
    tokens: float
    at: float

    def take(self, now: float, speed: float) -> float:
        """Seconds until a token is there; 0 when one was taken."""
        self.tokens = min(self.size, self.tokens + (now - self.at) * self.rate * speed)
        self.at = now
        if self.tokens < 1:
            return (1 - self.tokens) / (self.rate * speed)
        self.tokens -= 1
        return 0.0


LIMITS = {"reads": (250.0, 25.0), "writes": (200.0, 10.0), "deletes": (200.0, 10.0)}
"""Size and refill per second, from Microsoft's page on request limits and throttling."""
_OF_METHOD = {"GET": "reads", "HEAD": "reads", "DELETE": "deletes"}


class Throttle:
    """What a principal may still ask."""

    def __init__(self) -> None:
        now = time.monotonic()
        self._buckets = {name: Bucket(name, size, rate, size, now) for name, (size, rate) in LIMITS.items()}

    def take(self, call: Call) -> dict[str, str]:
        """The header that tells what is left; ArmError 429 when nothing is."""
        bucket = self._buckets[_OF_METHOD.get(call.method, "writes")]
        speed = call.world.speed
        wait = bucket.take(time.monotonic(), speed)
        if wait > 0:
            call.noted["retry_after_s"] = round(wait, 4)
            headers = {"retry-after-ms": str(math.ceil(wait * 1000))}
            if wait >= 1:
                headers["Retry-After"] = str(math.ceil(wait))
            raise ArmError(
                429,
                "SubscriptionRequestsThrottled",
                f"Number of '{bucket.name.removesuffix('s')}' requests for subscription '{call.world.subscription}' "
                f"exceeded. Please try again after '{math.ceil(wait)}' seconds after additional tokens are available. "
                "Refer to https://aka.ms/arm-throttling for additional information.",
                headers=headers,
            )
        return {f"x-ms-ratelimit-remaining-subscription-{bucket.name}": str(int(bucket.tokens))}
