"""What a run's events say so far: each resource with its state and times, the longest way, and about how long it takes.

No terminal in here. The Deploying screen feeds it events and draws what it holds; so does the benchmark, and a test can
ask it anything.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

READY = frozenset({"done", "same", "deleted"})
RUNNING = frozenset({"started", "adopted", "deleting"})

# [M] What Azure usually takes for a type, in seconds; the first guess alone: a run corrects it by what it sees.
TYPICAL_S: Mapping[str, float] = {
    "resourcegroups": 1,
    "networksecuritygroups": 4,
    "publicipaddresses": 4,
    "natgateways": 12,
    "virtualnetworks": 5,
    "loadbalancers": 4,
    "networkinterfaces": 2,
    "availabilitysets": 1,
    "virtualmachines": 45,
}
OTHER_S = 10.0

KINDS: Mapping[str, str] = {
    "resourcegroups": "resource group",
    "networksecuritygroups": "security group",
    "publicipaddresses": "public address",
    "natgateways": "NAT gateway",
    "virtualnetworks": "network",
    "loadbalancers": "load balancer",
    "networkinterfaces": "NIC",
    "availabilitysets": "availability set",
    "virtualmachines": "VM",
    "virtualmachinescalesets": "scale set",
    "autoscalesettings": "autoscale",
    "extensions": "extension",
    "storageaccounts": "storage account",
    "workspaces": "log workspace",
    "diagnosticsettings": "diagnostic setting",
    "datacollectionrules": "collection rule",
    "datacollectionruleassociations": "association",
    "userassignedidentities": "identity",
    "locks": "lock",
    "disks": "disk",
}


@dataclass(eq=False)  # one row is one resource; comparing ten fields of 600 rows is not free
class Row:
    """One resource. Times in seconds since the run began."""

    id: str
    type: str
    name: str
    order: int
    after: tuple[str, ...] = ()
    state: str = "waiting"
    began: float | None = None
    ended: float | None = None
    why: str = ""
    remedy: str = ""
    expected: float | None = None
    """Seconds that its write takes on this cloud, as the run was told by earlier ones."""

    @property
    def short_type(self) -> str:
        return self.type.rpartition("/")[2].lower()

    @property
    def kind(self) -> str:
        """What people call it: `NIC`, `VM`, `public address`."""
        return KINDS.get(self.short_type, self.type.rpartition("/")[2])

    def seconds(self, now: float) -> float | None:
        """How long it took, or has taken so far."""
        if self.began is None:
            return None
        return max(0.0, (now if self.ended is None else self.ended) - self.began)


@dataclass(frozen=True)
class Line:
    """One line of the log; `at` in seconds since the run began, None for what has no time of its own."""

    at: float | None
    state: str
    text: str


@dataclass
class Ledger:
    """The sum of a run's events."""

    rows: dict[str, Row] = field(default_factory=dict)
    log: list[Line] = field(default_factory=list)
    deployed: Mapping[str, Any] | None = None
    scaled: Mapping[str, Any] | None = None
    draining: dict[str, float] = field(default_factory=dict)
    """VMs that are out of the pool, with when their drain is over (seconds since the run began)."""
    error: Mapping[str, Any] | None = None
    problems: list[Mapping[str, Any]] = field(default_factory=list)
    ended: Mapping[str, Any] | None = None
    interrupted: Mapping[str, Any] | None = None
    kind: str = ""
    changes: int = 0
    """Grows with everything that changes a row: who drew the same number need not draw again."""
    _zero: float | None = None
    _last: float = 0.0
    _ends_of: tuple[int, int] = (-1, 0)
    _ends_known: dict[str, float] = field(default_factory=dict)

    # Taking events in

    def feed(self, events: Iterable[Mapping[str, Any]]) -> None:
        """Take events in, in their order."""
        for event in events:
            self._take(event)

    def _take(self, event: Mapping[str, Any]) -> None:
        self.changes += 1
        self._keep_time(event)
        match event.get("event"):
            case "began":
                self.kind = str(event.get("kind", ""))
            case "planned":
                self._planned(event)
            case "resource":
                self._resource(event)
            case "retry":
                text = f"{self._called(event['id'])}: {event['code']}, again in {event['wait_s']:.1f} s"
                self.log.append(Line(event["at"], "started", text))
            case "stalled":
                text = (
                    f"{self._called(event['id'])}: still running after {event['seconds']:.0f} s, far longer than usual"
                )
                self.log.append(Line(event["at"], "warned", text))
            case "deleting" | "deleted":
                self._deleting(event)
            case "draining" | "scaled":
                self._scaling(event)
            case "interrupted":
                self.interrupted = event
                running = ", ".join(map(self._called, event.get("running", ())))
                told = f"stopped; Azure goes on with {running}" if running else "stopped; nothing was running"
                self.log.append(Line(event["at"], "warned", told))
            case "deployed":
                self.deployed = event
                self.log.append(Line(event["seconds"], "done", f"{event['resources']} resources are there"))
            case "error":
                self.error = event
                self.log.append(Line(None, "failed", str(event.get("what", ""))))
            case "problem":
                self.problems.append(event)
                self.log.append(Line(None, "failed" if event.get("severity") == "error" else "warned", event["what"]))
            case "ended":
                self.ended = event

    def _keep_time(self, event: Mapping[str, Any]) -> None:
        """An event's `at` counts from the run's zero, its `at_utc` from everybody's: their difference is the zero."""
        if not (told := event.get("at_utc")):
            return
        stamp = datetime.fromisoformat(str(told)).timestamp()
        if isinstance(at := event.get("at"), (int, float)):
            self._zero = stamp - at
            self._last = max(self._last, float(at))
        elif self._zero is None:
            self._zero = stamp
        elif event.get("event") == "ended":
            self._last = max(self._last, stamp - self._zero)

    def _planned(self, event: Mapping[str, Any]) -> None:
        row = self._row(str(event["id"]), str(event.get("type", "")), str(event.get("name", "")))
        row.after = tuple(_key(each) for each in event.get("after", ()))
        if event.get("state") == "same":
            row.state = "same"
        if event.get("expected_s"):
            row.expected = float(event["expected_s"])

    def _resource(self, event: Mapping[str, Any]) -> None:
        row, state, at = self._row(str(event["id"])), str(event["state"]), float(event["at"])
        row.state, row.why, row.remedy = state, str(event.get("why") or ""), str(event.get("remedy") or "")
        if state in ("started", "adopted"):
            row.began, row.ended = at, None
        elif state in ("done", "failed"):
            row.ended = at
            if row.began is None:
                row.began = at - float(event.get("seconds") or 0.0)
        text = f"{row.kind} {row.name}" + (f": {row.why}" if row.why else "")
        if state == "done":
            text += f", {row.seconds(at) or 0:.1f} s"
        self.log.append(Line(at, state, text))

    def _scaling(self, event: Mapping[str, Any]) -> None:
        if event["event"] == "scaled":
            self.scaled = event
            self.log.append(Line(None, "done", f"{event['to']} VMs are there"))
            return
        self.draining[str(event["vm"])] = float(event["at"]) + float(event["seconds"])
        words = f"{event['vm']} leaves the pool and has {event['seconds']:g} s to end what it is answering"
        self.log.append(Line(event["at"], "started", words))

    def _deleting(self, event: Mapping[str, Any]) -> None:
        row, at, state = self._row(str(event["id"])), float(event["at"]), str(event["event"])
        row.state = state
        if state == "deleting":
            row.began, row.ended = at, None
        else:
            row.ended = at
        self.log.append(Line(at, state, f"{row.kind} {row.name}"))

    def _row(self, id: str, type: str = "", name: str = "") -> Row:
        row = self.rows.get(_key(id))
        if row is None:
            told_type, told_name = _parts(id)
            row = Row(id, type or told_type, name or told_name, len(self.rows))
            self.rows[_key(id)] = row
        return row

    def _called(self, id: str) -> str:
        row = self.rows.get(_key(id))
        return row.name if row else _parts(id)[1]

    # What it says

    @property
    def running(self) -> bool:
        """Whether the run has not told its end."""
        return self.ended is None

    def now(self) -> float:
        """Seconds since the run began; stands still when it has ended."""
        if self._zero is None or not self.running:
            return self._last
        return max(self._last, datetime.now(UTC).timestamp() - self._zero)

    def count(self, states: frozenset[str] = READY) -> int:
        return sum(row.state in states for row in self.rows.values())

    def drains_for(self) -> float:
        """Seconds until the last drain is over; 0 once deleting has begun, or where nobody leaves."""
        if not self.draining or any(row.state in ("deleting", "deleted") for row in self.rows.values()):
            return 0.0
        return max(0.0, max(self.draining.values()) - self.now())

    def failed(self) -> list[Row]:
        """What failed, in the order it was planned."""
        return [row for row in self.rows.values() if row.state == "failed"]

    def waits_for(self, row: Row) -> str:
        """What a waiting resource waits for, in a word or two; `""` when nothing is in its way."""
        missing = [self.rows[each] for each in row.after if each in self.rows and self.rows[each].state not in READY]
        return missing[0].kind if missing else ""

    def states(self) -> dict[str, str]:
        """The states by the roles that the architecture's picture knows; a VM by its name."""
        found = {role_of(row.type, row.name): row.state for row in self.rows.values()}
        found.pop("", None)
        return found

    # The longest way, and about how long

    def longest_way(self) -> list[Row]:
        """The chain of resources that decides how long the run takes, the first one first.

        Each waits for the one before it, and of everything it waits for that one ends last, or is expected to.
        """
        ends = self._ends(self.now())
        begun = [key for key, row in self.rows.items() if row.state != "same"]
        if not begun:
            return []
        at: str | None = max(begun, key=lambda key: ends[key])
        way: list[Row] = []
        while at is not None:
            way.append(self.rows[at])
            before = [key for key in self.rows[at].after if key in ends and self.rows[key].state != "same"]
            at = max(before, key=lambda key: ends[key], default=None)
        return way[::-1]

    def about(self) -> float | None:
        """How long the whole run takes, as told by now; None while nothing says how fast this cloud is."""
        if not any(_took(row) or row.expected for row in self.rows.values()):
            return None
        return max(self._ends(self.now()).values())

    def _ends(self, now: float) -> dict[str, float]:
        """`_expected`, once for everybody who asks within a tenth of a second: 600 resources take 2 ms."""
        key = (self.changes, int(now * 10))
        if key != self._ends_of:
            self._ends_of, self._ends_known = key, self._expected(now)
        return self._ends_known

    def _expected(self, now: float) -> dict[str, float]:
        """When each resource ended, or is expected to: every one begins when what it waits for has ended."""
        expected = self._expectations()
        ends: dict[str, float] = {}
        for key in self._sorted():
            row = self.rows[key]
            usual = expected.get(row.short_type, OTHER_S)
            if row.ended is not None:
                ends[key] = row.ended
            elif row.state == "same":
                ends[key] = 0.0
            elif row.began is not None:
                # One that takes longer than the others did is taken to need a tenth more than it has had.
                ends[key] = max(row.began + usual, now + 0.1 * (now - row.began))
            else:
                ends[key] = max(max((ends[each] for each in row.after if each in ends), default=0.0), now) + usual
        return ends

    def _expectations(self) -> dict[str, float]:
        """Seconds by type: what this run took for it, else the usual time at the pace seen so far.

        Usual is what the cloud was seen to take in earlier runs, where the run tells it.
        """
        typical = {**TYPICAL_S, **{row.short_type: row.expected for row in self.rows.values() if row.expected}}
        seen: dict[str, list[float]] = {}
        for row in self.rows.values():
            if took := _took(row):
                seen.setdefault(row.short_type, []).append(took)
        usual = sum(typical.get(kind, OTHER_S) * len(times) for kind, times in seen.items())
        pace = sum(map(sum, seen.values())) / usual if usual else 1.0
        guessed = {kind: seconds * pace for kind, seconds in typical.items()}
        return guessed | {kind: sum(times) / len(times) for kind, times in seen.items()}

    def _sorted(self) -> list[str]:
        """All keys, each after what it waits for. The blueprint comes so; what does not is put behind."""
        keys = list(self.rows)
        place = {key: number for number, key in enumerate(keys)}
        if all(place.get(each, -1) < place[key] for key in keys for each in self.rows[key].after):
            return keys
        from graphlib import TopologicalSorter

        graph = {key: [each for each in row.after if each in self.rows] for key, row in self.rows.items()}
        return list(TopologicalSorter(graph).static_order())


_ROLES: Mapping[str, str] = {
    "networksecuritygroups": "nsg",
    "natgateways": "nat",
    "virtualnetworks": "vnet",
    "loadbalancers": "balancer",
    "availabilitysets": "set",
    "virtualmachinescalesets": "set",
}


def role_of(type: str, name: str) -> str:
    """What a resource is in the architecture's picture: a VM is its own name, `""` has no place of its own."""
    short = type.rpartition("/")[2].lower()
    if short == "virtualmachines":
        return name
    if short == "publicipaddresses":
        return "" if name.endswith("-nat-pip") else "public_ip"
    return _ROLES.get(short, "")


def is_chain(rows: Iterable[Row]) -> bool:
    """Whether each row waits for the one before it."""
    return all(_key(before.id) in after.after for before, after in pairwise(rows))


def clock(seconds: float) -> str:
    """`00:31`, `1:02:07`."""
    whole = max(0, int(seconds))
    hours, rest = divmod(whole, 3600)
    minutes, left = divmod(rest, 60)
    return f"{hours}:{minutes:02}:{left:02}" if hours else f"{minutes:02}:{left:02}"


def _took(row: Row) -> float | None:
    return row.ended - row.began if row.state == "done" and row.ended is not None and row.began is not None else None


def _key(id: str) -> str:
    return id.lower().rstrip("/")


def _parts(id: str) -> tuple[str, str]:
    """An id's type and name: its last two segments."""
    segments = [part for part in id.split("/") if part]
    return (segments[-2], segments[-1]) if len(segments) > 1 else ("", id)
