"""What a verification, a load and a drill told so far, gathered for a screen. No terminal in here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

Event = Mapping[str, Any]

TITLES: Mapping[str, str] = {
    "control.present": "Everything planned is there",
    "control.as_planned": "Everything is as planned",
    "balancer.pool": "Every VM is in the balancer's pool",
    "balancer.probe": "Every probe holds",
    "http.page": "Every VM serves its page",
    "http.load": "A load is spread over all VMs",
    "http.expected": "The load shows what was expected",
    "ports.closed": "Closed ports are closed",
    "ports.source": "Strangers are kept out",
    "ssh.hostkey": "SSH: each server is its VM",
    "ssh.login": "SSH: the login works",
    "ssh.hostname": "SSH: each port leads to its VM",
    "rdp.answers": "RDP: each port answers",
    "rdp.certificate": "RDP: each server has a certificate",
    "rdp.nla": "RDP: sign-in comes first",
    "rdp.login": "RDP: the login works",
    "monitor.probes": "Azure Monitor agrees on the probes",
    "monitor.events": "Azure Monitor tells of health",
    "monitor.guest": "Each VM's agent reports",
    "vm.uptime": "Each VM tells of itself",
    "vm.cloud_init": "The first boot ended well",
    "vm.service": "The web server runs",
    "vm.neighbour": "VMs reach each other",
    "vm.denied": "Refused sources are refused inside",
    "vnet.isolated": "Another network reaches no VM",
}
# The worst state speaks for the group.
_RANK = {"failed": 0, "warned": 1, "passed": 2, "skipped": 3}
_LONGEST_SERIES = 600


@dataclass
class Group:
    """All checks of one name."""

    name: str
    checks: list[Event] = field(default_factory=list)

    @property
    def title(self) -> str:
        return TITLES.get(self.name, self.name)

    @property
    def state(self) -> str:
        return min((str(check["state"]) for check in self.checks), key=lambda state: _RANK.get(state, 0))

    def of(self, state: str) -> list[Event]:
        return [check for check in self.checks if check["state"] == state]

    @property
    def told(self) -> str:
        """`14`, `2 of 3`, or the detail of the only one."""
        if len(self.checks) == 1 and self.state != "failed":
            return str(self.checks[0].get("detail") or "")
        good = len(self.of("passed"))
        return str(good) if good == len(self.checks) else f"{good} of {len(self.checks)}"


@dataclass
class Findings:
    """The sum of a verify run's events."""

    groups: dict[str, Group] = field(default_factory=dict)
    waiting: str = ""
    verified: Event | None = None
    error: Event | None = None
    changes: int = 0

    def feed(self, events: Iterable[Event]) -> None:
        for event in events:
            self.changes += 1
            match event.get("event"):
                case "check":
                    name = str(event["name"])
                    self.groups.setdefault(name, Group(name)).checks.append(event)
                    self.waiting = ""
                case "waiting":
                    self.waiting = str(event["detail"])
                case "verified":
                    self.verified, self.waiting = event, ""
                case "error":
                    self.error, self.waiting = event, ""

    def count(self, state: str) -> int:
        return sum(len(group.of(state)) for group in self.groups.values())

    def failures(self) -> list[Event]:
        return [check for group in self.groups.values() for check in group.of("failed")]

    def vm_states(self) -> dict[str, str]:
        """VMs by what the checks of them say; one failed check makes a VM failed."""
        found: dict[str, str] = {}
        for group in self.groups.values():
            if group.name.startswith(("balancer.probe", "http.page", "ssh.", "vm.", "rdp.")):
                for check in group.checks:
                    target = str(check["target"])
                    if check["state"] == "failed":
                        found[target] = "failed"
                    elif check["state"] == "passed":
                        found.setdefault(target, "passed")
        return found


@dataclass
class Traffic:
    """The sum of a load's or a drill's events."""

    url: str = ""
    duration_s: float | None = None
    vms: list[str] = field(default_factory=list)
    steps: list[Event] = field(default_factory=list)
    total: Event = field(default_factory=dict)
    result: Event | None = None
    marks: list[tuple[float, str]] = field(default_factory=list)
    drill: Event | None = None
    turns: list[Event] = field(default_factory=list)
    cpu: list[tuple[float, float]] = field(default_factory=list)
    ramp: Event | None = None
    waiting: str = ""
    error: Event | None = None

    def feed(self, events: Iterable[Event]) -> None:
        for event in events:
            match event.get("event"):
                case "loading":
                    self.url, self.duration_s = str(event["url"]), float(event["duration_s"])
                    self.vms = list(event.get("vms") or ())
                case "load_progress":
                    self.steps = [*self.steps[-_LONGEST_SERIES:], event]
                    self.total = event.get("total") or {}
                case "load":
                    self.result = event
                case "mark":
                    self.marks.append((float(event["at"]), str(event["what"])))
                case "drill":
                    self.drill = event
                case "turn":
                    self.turns = [*self.turns[-_LONGEST_SERIES:], event]
                case "cpu":
                    self.cpu = [*self.cpu[-_LONGEST_SERIES:], (float(event["at"]), float(event["percent"]))]
                case "ramp":
                    self.ramp = event
                case "waiting":
                    self.waiting = str(event["detail"])
                case "error":
                    self.error = event

    @property
    def shares(self) -> dict[str, int]:
        """Good answers by VM over the whole load; a VM that never answered counts 0."""
        told = (self.result or {}).get("by_vm") or self.total.get("by_vm") or {}
        names = sorted({*self.vms, *told}, key=lambda name: (len(name), name))
        return {name: int(told.get(name, 0)) for name in names}

    @property
    def recent(self) -> dict[str, int]:
        """Good answers by VM in the last report: who answers now."""
        return dict(self.steps[-1].get("by_vm") or {}) if self.steps else {}

    def seconds(self) -> float:
        return float(self.steps[-1]["at"]) if self.steps else 0.0

    def silent_s(self) -> float:
        """For how long nobody has answered, by the last report."""
        answered = next((float(step["at"]) for step in reversed(self.steps) if step["rps"]), 0.0)
        return self.seconds() - answered

    def course(self) -> list[tuple[float, float, float]]:
        """Each step's time, good answers a second, and failures a second."""
        before, found = 0.0, []
        for step in self.steps:
            at = float(step["at"])
            found.append((at, float(step["rps"]), float(step["errors"]) / max(at - before, 0.1)))
            before = at
        return found
