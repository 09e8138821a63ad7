"""The evidence as the report reads it: every figure that may be missing is None, every list that may be missing empty.

Evidence is kept for years and written by other versions than the one that renders it: a key that is missing, or is of
another type than it should be, costs its own figure and nothing else.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from wizard.verify.report.words import amount

PERCENTILES = (("p50", "p50_ms"), ("p90", "p90_ms"), ("p99", "p99_ms"), ("p99.9", "p999_ms"), ("max", "max_ms"))


@dataclass(frozen=True)
class Check:
    """One check of one target; `state` is passed, failed, warned or skipped. `remedy` has a line for each cause."""

    name: str
    target: str
    state: str
    detail: str = ""
    cause: str = ""
    remedy: str = ""
    seconds: float | None = None

    @property
    def remedies(self) -> list[str]:
        return [line for line in self.remedy.splitlines() if line.strip()]

    @property
    def group(self) -> str:
        return self.name.partition(".")[0]


@dataclass(frozen=True)
class Slice:
    """What was counted from `at`, over `seconds`; both count from the beginning of the load."""

    at: float
    seconds: float
    requests: float
    errors: float
    p50_ms: float | None
    p99_ms: float | None
    by_vm: Mapping[str, float]


@dataclass(frozen=True)
class Expected:
    """An expectation, what was measured, and whether it held."""

    expression: str
    value: str
    held: bool


@dataclass(frozen=True)
class Load:
    """One load. `figures` are its plain numbers by their names in the evidence."""

    title: str
    url: str
    client: str
    figures: Mapping[str, float]
    keep_alive: bool | None
    by_vm: Mapping[str, float]
    errors_by_kind: Mapping[str, float]
    statuses: Mapping[str, float]
    redirects: Mapping[str, float]
    expectations: Sequence[Expected]
    series: Sequence[Slice]

    def get(self, name: str) -> float | None:
        return self.figures.get(name)

    @property
    def percentiles(self) -> list[tuple[str, float | None]]:
        return [(label, self.get(key)) for label, key in PERCENTILES]


@dataclass(frozen=True)
class Phase:
    """The figures of one part of a drill: before, during or after."""

    name: str
    seconds: float | None
    requests: float | None
    errors: float | None
    p50_ms: float | None
    p99_ms: float | None


@dataclass(frozen=True)
class Round:
    """The restart of one domain in a rolling drill."""

    domain: str
    vms: Sequence[str]
    figures: Mapping[str, float]

    def get(self, name: str) -> float | None:
        return self.figures.get(name)


@dataclass(frozen=True)
class Drill:
    """One drill. `marks` are seconds since the load began and what happened then; `rounds` those of a rolling one."""

    vms: Sequence[str]
    promise: str
    survived: bool
    why: Sequence[str]
    figures: Mapping[str, float]
    errors_by_kind: Mapping[str, float]
    connections: Mapping[str, float]
    phases: Sequence[Phase]
    marks: Sequence[tuple[float, str]]
    series: Sequence[Slice]
    rounds: Sequence[Round] = ()
    gone: Sequence[str] = ()

    def get(self, name: str) -> float | None:
        return self.figures.get(name)


@dataclass(frozen=True)
class Ramp:
    """The proof of autoscale. `turns` are some seconds each; `cpu` percent by when it held, as Azure Monitor told."""

    proved: bool
    why: Sequence[str]
    figures: Mapping[str, float]
    instances: Mapping[str, float]
    thresholds: Mapping[str, float]
    turns: Sequence[Mapping[str, float]]
    cpu: Sequence[tuple[float, float]]
    cpu_untold: str

    def get(self, name: str) -> float | None:
        return self.figures.get(name)


@dataclass(frozen=True)
class PatchedVm:
    """One VM's installation of updates, as Azure told its end; `figures` are `installed` and `seconds`."""

    vm: str
    domain: str
    status: str
    reboot: str
    figures: Mapping[str, float]


@dataclass(frozen=True)
class Patching:
    """One patching: what was installed, one domain after another. `figures` are its sums, and its load's."""

    machines: Sequence[PatchedVm]
    figures: Mapping[str, float]

    def get(self, name: str) -> float | None:
        return self.figures.get(name)


@dataclass(frozen=True)
class Resource:
    """One resource as ARM listed it."""

    id: str
    type: str
    name: str
    state: str


@dataclass(frozen=True)
class Facts:
    """Everything the report tells."""

    deployment: str
    cloud: str = ""
    subscription: str = ""
    began: str = ""
    ended: str = ""
    version: str = ""
    evidence: str = ""
    python: str = ""
    platform: str = ""
    libraries: Mapping[str, str] = field(default_factory=dict)
    http: str = ""
    ssh: Mapping[str, str] = field(default_factory=dict)
    rdp: Mapping[str, str] = field(default_factory=dict)
    checks: Sequence[Check] = ()
    resources: Sequence[Resource] = ()
    loads: Sequence[Load] = ()
    drill: Drill | None = None
    patching: Patching | None = None
    ramp: Ramp | None = None
    plan: Mapping[str, Any] = field(default_factory=dict)

    def count(self, state: str) -> int:
        return sum(check.state == state for check in self.checks)

    def groups(self) -> dict[str, list[Check]]:
        """The checks by the first part of their name, in the order in which each came first."""
        groups: dict[str, list[Check]] = {}
        for check in self.checks:
            groups.setdefault(check.group, []).append(check)
        return groups

    def of(self, target: str) -> list[Check]:
        """The checks of one target: `ra-multi-vm1`, or a target that begins with it as a word."""
        return [check for check in self.checks if check.target.partition(" ")[0] == target]

    @property
    def expectations(self) -> list[Expected]:
        return [expected for load in self.loads for expected in load.expectations]

    @property
    def shortcomings(self) -> list[str]:
        """Why this is no proof; empty when it is one."""
        found: list[str] = []
        if failed := self.count("failed"):
            found.append(f"{failed} of {len(self.checks)} checks failed.")
        if broken := sum(not expected.held for expected in self.expectations):
            found.append(f"{broken} of {len(self.expectations)} expectations did not hold.")
        if self.drill is not None and not self.drill.survived:
            found.append("The deployment did not survive the drill.")
        if self.ramp is not None and not self.ramp.proved:
            found.append("Autoscale did not go out and in again.")
        if self.patching is not None and (lost := self.patching.get("failed_requests")):
            found.append(f"{lost:.0f} requests failed while the VMs were patched.")
        measured = self.expectations or self.drill is not None or self.ramp is not None or self.patching is not None
        if not found and not self.count("passed") and not measured:
            found.append("Nothing was proved: no check passed.")
        return found

    @property
    def proved(self) -> bool:
        return not self.shortcomings


def read(evidence: Mapping[str, Any]) -> Facts:
    """Take evidence of version 1 or 2."""
    environment = _table(evidence.get("environment"))
    loads = evidence.get("loads")
    if not isinstance(loads, list):  # version 1 held one load at most
        loads = [evidence.get("load")]
    drill, ramp, patching = (_table(evidence.get(what)) for what in ("drill", "ramp", "patching"))
    return Facts(
        deployment=_text(evidence.get("deployment")),
        cloud=_text(evidence.get("cloud")),
        subscription=_text(evidence.get("subscription")),
        began=_text(evidence.get("began")),
        ended=_text(evidence.get("ended")),
        version=_text(evidence.get("version")),
        evidence=_text(evidence.get("evidence")) or "1",
        python=_text(environment.get("python")),
        platform=_text(environment.get("platform")),
        libraries=_texts(environment.get("libraries")),
        http=_text(evidence.get("http")),
        ssh=_texts(evidence.get("ssh")),
        rdp=_texts(evidence.get("rdp")),
        checks=[_check(item) for item in _tables(evidence.get("checks"))],
        resources=[_resource(item) for item in _tables(evidence.get("resources"))],
        loads=[_load(item) for item in _tables(loads) if item],
        drill=_drill(drill) if drill else None,
        patching=_patching(patching) if patching else None,
        ramp=_ramp(ramp) if ramp else None,
        plan=_table(evidence.get("plan")),
    )


def _patching(item: Mapping[str, Any]) -> Patching:
    machines = [
        PatchedVm(
            vm=_text(each.get("vm")),
            domain=_text(each.get("domain")),
            status=_text(each.get("status")),
            reboot=_text(each.get("reboot")),
            figures=_numbers(each),
        )
        for each in _tables(item.get("machines"))
    ]
    return Patching(machines, _numbers(item))


def _check(item: Mapping[str, Any]) -> Check:
    return Check(
        name=_text(item.get("name")),
        target=_text(item.get("target")),
        state=_text(item.get("state")),
        detail=_text(item.get("detail")),
        cause=_text(item.get("cause")),
        remedy=_text(item.get("remedy")),
        seconds=amount(item.get("seconds")),
    )


def _resource(item: Mapping[str, Any]) -> Resource:
    return Resource(*(_text(item.get(key)) for key in ("id", "type", "name", "state")))


def _load(item: Mapping[str, Any]) -> Load:
    keep_alive = item.get("keep_alive")
    return Load(
        title=_text(item.get("title")),
        url=_text(item.get("url")),
        client=_text(item.get("client")),
        figures=_numbers(item),
        keep_alive=keep_alive if isinstance(keep_alive, bool) else None,
        by_vm=_numbers(item.get("by_vm")),
        errors_by_kind=_numbers(item.get("errors_by_kind")),
        statuses=_numbers(item.get("statuses")),
        redirects=_numbers(item.get("redirects")),
        expectations=[
            Expected(
                # As evidence names them, or as the event does that `load --expect` prints.
                _text(told.get("expression", told.get("expect"))),
                _text(told.get("value", told.get("measured"))),
                told.get("held", told.get("met")) is True,
            )
            for told in _tables(item.get("expectations"))
        ],
        series=_series(item.get("series")),
    )


def _drill(item: Mapping[str, Any]) -> Drill:
    phases = _table(item.get("phases"))
    return Drill(
        vms=[_text(vm) for vm in _list(item.get("vms")) or [item.get("vm")] if vm],
        promise=_text(item.get("promise")),
        survived=item.get("survived") is True,
        why=[_text(reason) for reason in _list(item.get("why"))],
        figures=_numbers(item),
        errors_by_kind=_numbers(item.get("errors_by_kind")),
        connections=_numbers(item.get("connections")),
        phases=[
            Phase(
                name, *(amount(_table(told).get(key)) for key in ("seconds", "requests", "errors", "p50_ms", "p99_ms"))
            )
            for name, told in phases.items()
        ],
        marks=sorted(
            (at, _text(mark.get("what")))
            for mark in _tables(item.get("marks"))
            if (at := amount(mark.get("at"))) is not None
        ),
        series=_series(item.get("series")),
        rounds=[
            Round(_text(told.get("domain")), [_text(vm) for vm in _list(told.get("vms"))], _numbers(told))
            for told in _tables(item.get("rounds"))
        ],
        gone=[_text(vm) for vm in _list(item.get("gone"))],
    )


def _ramp(item: Mapping[str, Any]) -> Ramp:
    turns = [_numbers(turn) for turn in _tables(item.get("timeline"))]
    readings = [_numbers(reading) for reading in _tables(item.get("cpu"))]
    return Ramp(
        proved=item.get("proved") is True,
        why=[_text(reason) for reason in _list(item.get("why"))],
        figures=_numbers(item),
        instances=_numbers(item.get("instances")),
        thresholds=_numbers(item.get("thresholds")),
        turns=[turn for turn in turns if turn.keys() >= {"at", "offered_rps", "served_rps", "errors", "instances"}],
        cpu=[(reading["at"], reading["percent"]) for reading in readings if reading.keys() >= {"at", "percent"}],
        cpu_untold=_text(item.get("cpu_untold")),
    )


def _series(value: Any) -> list[Slice]:
    slices = [
        Slice(
            at=at,
            seconds=seconds,
            requests=amount(item.get("requests")) or 0,
            errors=amount(item.get("errors")) or 0,
            p50_ms=amount(item.get("p50_ms")),
            p99_ms=amount(item.get("p99_ms")),
            by_vm=_numbers(item.get("by_vm")),
        )
        for item in _tables(value)
        if (at := amount(item.get("at"))) is not None and (seconds := amount(item.get("seconds"))) and seconds > 0
    ]
    return sorted(slices, key=lambda part: part.at)


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if value is None or isinstance(value, (dict, list)):
        return "" if value is None else json.dumps(value, ensure_ascii=False)
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _table(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _list(value: Any) -> Sequence[Any]:
    return value if isinstance(value, (list, tuple)) else ()


def _tables(value: Any) -> list[Mapping[str, Any]]:
    return [item for item in _list(value) if isinstance(item, Mapping)]


def _texts(value: Any) -> dict[str, str]:
    return {str(key): _text(item) for key, item in _table(value).items()}


def _numbers(value: Any) -> dict[str, float]:
    return {str(key): number for key, item in _table(value).items() if (number := amount(item)) is not None}
