"""Which command meets which fault at which of its requests: every pair once, and draws of them with other counts."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from tests.torture.acts import ACTS
from tests.torture.stand import plan_of
from wizard import blueprint as blueprints
from wizard.sandbox.faults_file import EXTENSION, KINDS, VM

RUNS = 1000

NSG = "Microsoft.Network/networkSecurityGroups"
NIC, LB = "Microsoft.Network/networkInterfaces", "Microsoft.Network/loadBalancers"
PIP, DISK = "Microsoft.Network/publicIPAddresses", "Microsoft.Compute/disks"
GROUP = "Microsoft.Resources/resourceGroups"
SET = "Microsoft.Compute/availabilitySets"
OFFERS = "Microsoft.Compute/locations/publishers/artifacttypes/offers/skus"

QUESTIONS = ("throttled", "server-error", "reset", "expired-token", "lost-answer", "reset-in-body", "truncated-json")
ACTIONS = (*QUESTIONS, "in-progress", "stalled", "failed-operation", "lost-operation", "clock-jump")
WRITES = (*ACTIONS, "retryable")
CREATES = (*WRITES, "superseded", "policy")
MACHINES = ("quota", "sku-not-available", "allocation-failed", "nic-reserved", "silent-agent")
ENDLESS = ("in-progress", "retryable", "throttled", "server-error", "reset", "truncated-json", "superseded", "stalled")
"""What no patience outlives."""
PASSING = frozenset((*QUESTIONS, "in-progress", "retryable", "stalled", "lost-operation", "superseded", "clock-jump"))
"""What, a few times, everything outlives."""

VARIANTS: Mapping[str, tuple[dict[str, Any], ...]] = {
    "throttled": ({}, {"retry_after_s": 0}),
    "server-error": tuple({"status": status} for status in (500, 502, 503)),
    "stalled": ({"seconds": 1500},),
    "silent-agent": ({"seconds": 1500},),
    "clock-jump": ({"seconds": 7200}, {"seconds": -7200}),
}

Operation = tuple[str, str, tuple[str, ...]]
"""Method, type, and the kinds of faults that it meets."""


def _reads(*types: str) -> tuple[Operation, ...]:
    return tuple(("GET", of, QUESTIONS) for of in types)


def _polls(*types: str) -> tuple[Operation, ...]:
    return tuple(("POLL", of, QUESTIONS) for of in types)


MADE_AT_ONCE = frozenset({GROUP, SET})
GONE_AT_ONCE = frozenset({SET, NIC})
"""There is no operation to be disturbed: ARM has done it when it answers, and an interface has gone with its VM."""

OPERATIONS: Mapping[str, tuple[Operation, ...]] = {
    "scale-out": (
        *(("PUT", of, CREATES) for of in (LB, NIC, VM)),
        ("PUT", VM, MACHINES),
        *_polls(LB, NIC, VM),
        *_reads(LB, NIC, VM),
    ),
    "scale-in": (
        *(("PUT", of, CREATES) for of in (LB, NIC)),
        ("DELETE", VM, WRITES),
        ("DELETE", NIC, (*QUESTIONS, "in-progress", "retryable", "clock-jump")),  # it has gone with its VM by then
        ("DELETE", VM, ("nic-reserved",)),
        *_polls(LB, NIC, VM),
        *_reads(LB, NIC, VM, DISK, "Microsoft.Authorization/locks"),
    ),
    "preflight": (
        *_reads("", "Microsoft.Compute/skus", "Microsoft.Compute/locations", "Microsoft.Network/locations"),
        *_reads(OFFERS, f"{OFFERS}/versions", "Microsoft.Network/virtualNetworks", GROUP),
        ("POST", "Microsoft.Storage", QUESTIONS),
    ),
    "status": (
        *_reads(GROUP, LB, PIP, VM),
        ("POST", f"{LB}/backendAddressPools", ACTIONS),
        *_polls(LB),
    ),
    "power": (("POST", VM, ACTIONS), *_polls(VM)),
    "verify": (
        *_reads(LB, VM, f"{LB}/providers"),
        ("POST", f"{LB}/loadBalancingRules", ACTIONS),
        ("POST", VM, ACTIONS),
        *_polls(LB, VM),
        ("GET", VM, ("silent-agent",)),
    ),
    "reset": (
        *_reads(LB, VM),
        ("PUT", EXTENSION, (*CREATES, "vmaccess-unchanged")),
        ("POST", VM, ACTIONS),
        *_polls(EXTENSION, VM),
        ("GET", VM, ("silent-agent",)),
    ),
}
"""What each command asks of ARM, beside deploying and destroying, which do it with every type of a deployment."""


@dataclass(frozen=True)
class Case:
    """One run: which command meets which fault at which of its requests, how often."""

    phase: str  # of ACTS
    kind: str
    method: str
    type: str
    keys: dict[str, Any] = field(hash=False)

    @property
    def name(self) -> str:
        told = "".join(f" {key}={value}" for key, value in sorted(self.keys.items()))
        return f"{self.phase} {self.kind} {self.method} {self.type}{told}"

    @property
    def pair(self) -> tuple[str, str, str, str]:
        """The operation and the kind of fault."""
        return self.phase, self.method, self.type, self.kind

    @property
    def endless(self) -> bool:
        return self.keys.get("times") == 0

    @property
    def of_all(self) -> bool:
        """Whether what it disturbs belongs to no group, and so to whoever asks at that time."""
        return self.kind in ("expired-token", "clock-jump") or (self.phase == "preflight" and self.type != GROUP)

    @property
    def passing(self) -> bool:
        """Whether it has to be survived: to be told of it is not enough."""
        return self.kind in PASSING and not self.endless and self.keys.get("times", 1) <= 3

    def fault(self, group: str) -> dict[str, Any]:
        """What stands in the sandbox for it."""
        fault = {"kind": self.kind, **self.keys}
        if self.phase != "preflight" or self.type == GROUP:
            fault["group"] = group
        if KINDS[self.kind].where != "guest":
            fault |= {"method": self.method, "type": self.type or "*"}
        return fault


def types_of() -> list[str]:
    """Every type of resource that a deployment of one machine has."""
    graph = blueprints.build(plan_of("any"), "11111111-2222-3333-4444-555555555555")
    return list(dict.fromkeys(resource.type for resource in graph))


def cases(seed: int, runs: int = RUNS) -> list[Case]:
    """Every pair once, in a drawn form, then draws of them with other counts, until there are as many as `runs`."""
    drawing = random.Random(seed)
    once = [
        Case(phase, kind, method, of, drawing.choice(VARIANTS.get(kind, ({},))))
        for phase, operations in _operations(types_of()).items()
        for method, of, kinds in operations
        for kind in kinds
    ]
    endless = [Case(*at, {**VARIANTS.get(kind, ({},))[-1], "times": 0}) for kind in ENDLESS for at in _places(kind)]
    endless = [replace(one, keys={key: each for key, each in one.keys.items() if key != "seconds"}) for one in endless]
    more: dict[str, Case] = {case.name: case for case in (*once, *endless)}
    while len(more) < runs:
        case = drawing.choice(once)
        varied = replace(case, keys={**case.keys, **_variation(case, drawing)})
        more.setdefault(varied.name, varied)
    drawn = list(more.values())
    drawing.shuffle(drawn)
    return drawn


def _operations(types: Iterable[str]) -> Mapping[str, tuple[Operation, ...]]:
    types = tuple(types)
    return {
        "deploy": (*_writes("PUT", types, CREATES, MADE_AT_ONCE), ("PUT", VM, MACHINES)),
        "look": _reads(*types),
        "destroy": (*_writes("DELETE", types, WRITES, GONE_AT_ONCE), ("DELETE", VM, ("nic-reserved",))),
        **OPERATIONS,
    }


def _writes(method: str, types: Iterable[str], kinds: Iterable[str], at_once: frozenset[str]) -> Iterator[Operation]:
    """A write of every type, and the questions about its operation, where it has one."""
    for of in types:
        yield method, of, tuple(one for one in kinds if of not in at_once or KINDS[one].where != "operation")
        if of not in at_once:
            yield "POLL", of, QUESTIONS


def _places(kind: str) -> Iterator[tuple[str, str, str, str]]:
    """Where a kind goes on without an end: at one request of each command that writes."""
    yield "deploy", kind, "PUT", NSG
    yield "scale-out", kind, "PUT", LB
    if kind in ACTIONS:
        yield "scale-in", kind, "DELETE", VM
        yield "status", kind, "POST", f"{LB}/backendAddressPools"
        yield "power", kind, "POST", VM
        yield "verify", kind, "POST", f"{LB}/loadBalancingRules"
    yield "reset", kind, "PUT", EXTENSION


def _variation(case: Case, drawing: random.Random) -> dict[str, Any]:
    """Later, or more often: up to what sending again does not outlive."""
    if "seconds" in case.keys:
        return {"seconds": case.keys["seconds"] + drawing.randrange(1, 500)}
    if case.kind == "expired-token":  # a token that is refused once more right after it was renewed is no passing fault
        return {"nth": drawing.randrange(2, 9)}
    return drawing.choice(
        [
            {"nth": 2},
            {"times": 2},
            {"times": 3},
            {"times": 9},
            {"probability": 0.3, "times": 20, "seed": drawing.randrange(99)},
        ]
    )


assert set(OPERATIONS) <= set(ACTS)
