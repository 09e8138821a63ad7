"""What a client may still ask: ARM's limits, the network provider's and compute's; 429 when one of them is used up.

ARM and compute count with buckets of tokens that are refilled steadily, the network provider with windows of five
minutes. Speed makes the refill faster and the windows shorter. Figures are Microsoft's (request limits and throttling;
compute throttling limits); the names of compute's policies in its header are from memory.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

from wizard import ids
from wizard.sandbox.arm import paths
from wizard.sandbox.arm.errors import ArmError
from wizard.sandbox.arm.kind import Call

LIMITS = {"reads": (250.0, 25.0), "writes": (200.0, 10.0), "deletes": (200.0, 10.0)}
"""Size, and refill per second: of each principal in a subscription and region."""
GLOBAL = 15
"""The subscription's own limit, of all principals together, in multiples of that."""
NETWORK_LIMITS = {"reads": 10_000.0, "writes": 1000.0}
NETWORK_WINDOW_S = 300.0
VM_WRITES = ((12.0, 4 / 60), (1500.0, 500 / 60))
"""Of one machine, and of all machines of the subscription."""
VM_QUESTIONS = ((45.0, 15 / 60), (15_000.0, 5000 / 60))
"""About one machine's operations, and about all machines'; the second from memory."""
KEPT = 2000
"""Machines whose buckets are remembered; a bucket that is forgotten is full."""

_OF_METHOD = {"GET": "reads", "HEAD": "reads", "DELETE": "deletes"}
_VM = "microsoft.compute/virtualmachines"


@dataclass
class Bucket:
    """`tokens` at most `size`, `rate` of them a second."""

    name: str
    size: float
    rate: float
    tokens: float
    at: float

    @classmethod
    def full(cls, name: str, size: float, rate: float) -> Bucket:
        return cls(name, size, rate, size, time.monotonic())

    def wait(self, now: float, speed: float) -> float:
        """Seconds until a token is there; 0 when one is."""
        self.tokens = min(self.size, self.tokens + (now - self.at) * self.rate * speed)
        self.at = now
        return max(0.0, 1 - self.tokens) / (self.rate * speed)

    def take(self) -> None:
        self.tokens -= 1


@dataclass
class Window:
    """`size` requests in every `length_s`, counted from the first one on."""

    name: str
    size: float
    length_s: float
    tokens: float
    since: float

    def wait(self, now: float, speed: float) -> float:
        """Seconds until a request may come; 0 when it may now."""
        length = self.length_s / speed
        if now - self.since >= length:
            self.since, self.tokens = now, self.size
        return 0.0 if self.tokens >= 1 else self.since + length - now

    def take(self) -> None:
        self.tokens -= 1


Meter = Bucket | Window
Refusal = Callable[[Call, Meter, float], ArmError]


class Throttle:
    """All limits of one subscription."""

    def __init__(self) -> None:
        now = time.monotonic()
        self._principals: dict[str, dict[str, Bucket]] = {}
        self._global = _buckets(GLOBAL)
        self._network = {
            name: Window(name, size, NETWORK_WINDOW_S, size, now - NETWORK_WINDOW_S)
            for name, size in NETWORK_LIMITS.items()
        }
        self._machines: dict[str, Bucket] = {}  # by policy, and by policy and machine

    def take(self, call: Call, principal: str = "") -> dict[str, str]:
        """The headers that tell what is left; ArmError 429 when nothing is. `principal` is who asks."""
        name = _OF_METHOD.get(call.method, "writes")
        own = self._principals.setdefault(principal, _buckets(1))[name]
        everybodys = self._global[name]
        meters: list[tuple[Meter, Refusal]] = [(own, _subscription), (everybodys, _subscription)]
        segments = paths.split(call.path.lower())
        if _provider(segments) == "microsoft.network":
            meters.append((self._network["reads" if name == "reads" else "writes"], _network))
        compute = self._compute(call, segments)
        meters += [(bucket, _compute) for bucket in compute]
        now, speed = time.monotonic(), call.world.speed
        for meter, refusal in meters:
            if (wait := meter.wait(now, speed)) > 0:
                call.noted["retry_after_s"] = round(wait, 4)
                raise refusal(call, meter, wait)
        for meter, _ in meters:
            meter.take()
        headers = {
            f"x-ms-ratelimit-remaining-subscription-{name}": str(int(own.tokens)),
            f"x-ms-ratelimit-remaining-subscription-global-{name}": str(int(everybodys.tokens)),
        }
        if compute:
            told = (f"Microsoft.Compute/{bucket.name};{int(bucket.tokens)}" for bucket in compute)
            headers["x-ms-ratelimit-remaining-resource"] = ",".join(told)
        return headers

    def _compute(self, call: Call, segments: tuple[str, ...]) -> list[Bucket]:
        """The buckets of compute that a request takes from: of the machine it is about, and of all machines."""
        if len(segments) > 2 and segments[-2] in ("operations", "operationresults") and "microsoft.compute" in segments:
            operation = call.world.operations.find(segments[-1])
            machine = "" if operation is None else "/".join(ids.key(operation.target).split("/")[:9])
            return self._two("GetOperation", machine, VM_QUESTIONS) if f"/{_VM}/" in machine else []
        path = paths.resource(segments)
        if path is None or path.type != _VM or path.last or call.method not in ("PUT", "PATCH", "DELETE"):
            return []
        policy = "DeleteVM" if call.method == "DELETE" else "UpdateVM"
        return self._two(policy, f"{path.group}/{path.names[0]}", VM_WRITES)

    def _two(self, policy: str, machine: str, limits: tuple[tuple[float, float], ...]) -> list[Bucket]:
        if len(self._machines) > KEPT:
            self._machines.clear()
        names = (f"{policy}Resource", f"{policy}SubscriptionMaximum")
        keys = (f"{policy} {machine}", policy)
        found = []
        for name, key, (size, rate) in zip(names, keys, limits, strict=True):
            if key not in self._machines:
                self._machines[key] = Bucket.full(name, size, rate)
            found.append(self._machines[key])
        return found


def _provider(segments: tuple[str, ...]) -> str:
    """The namespace that answers: the last one of a path."""
    named = [after for before, after in pairwise(segments) if before == "providers"]
    return named[-1] if named else ""


def _buckets(times: int) -> dict[str, Bucket]:
    return {name: Bucket.full(name, size * times, rate * times) for name, (size, rate) in LIMITS.items()}


def _headers(wait: float) -> dict[str, str]:
    headers = {"retry-after-ms": str(math.ceil(wait * 1000))}
    if wait >= 1:
        headers["Retry-After"] = str(math.ceil(wait))
    return headers


def _subscription(call: Call, meter: Meter, wait: float) -> ArmError:
    return ArmError(
        429,
        "SubscriptionRequestsThrottled",
        f"Number of '{meter.name.removesuffix('s')}' requests for subscription '{call.world.subscription}' "
        f"exceeded. Please try again after '{math.ceil(wait)}' seconds after additional tokens are available. "
        "Refer to https://aka.ms/arm-throttling for additional information.",
        headers=_headers(wait),
    )


def _network(call: Call, meter: Meter, wait: float) -> ArmError:
    # Code and wording from memory.
    return ArmError(
        429,
        "TooManyRequests",
        f"The number of {meter.name} to Microsoft.Network has exceeded the limit of {meter.size:.0f} in 5 minutes. "
        f"Please retry after {math.ceil(wait)} seconds.",
        headers=_headers(wait),
    )


def _compute(call: Call, meter: Meter, wait: float) -> ArmError:
    facts = {
        "operationGroup": meter.name,
        "allowedRequestCount": int(meter.size),
        "measuredRequestCount": int(meter.size) + 1,
    }
    return ArmError(
        429,
        "OperationNotAllowed",
        "The server rejected the request because too many requests have been received for this subscription.",
        details=[{"code": "TooManyRequests", "target": meter.name, "message": json.dumps(facts)}],
        headers=_headers(wait),
    )
