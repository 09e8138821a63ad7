"""Runs that are played: a test tells their events, and no process is behind them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from wizard import runs
from wizard.runs import Ended
from wizard.runs.starting import UnderWay

SUBSCRIPTION = "/subscriptions/0f5e2a7c-1b1c-4c60-8a53-5a1d6d1f0001/resourceGroups/rg"
ZERO = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def id_of(type: str, name: str) -> str:
    return f"{SUBSCRIPTION}/providers/{type}/{name}"


NSG = id_of("Microsoft.Network/networkSecurityGroups", "web-nsg")
VNET = id_of("Microsoft.Network/virtualNetworks", "web-vnet")
BALANCER = id_of("Microsoft.Network/loadBalancers", "web-lb")
ADDRESS = id_of("Microsoft.Network/publicIPAddresses", "web-lb-pip")


def nic(number: int) -> str:
    return id_of("Microsoft.Network/networkInterfaces", f"web{number}-nic")


def vm(number: int) -> str:
    return id_of("Microsoft.Compute/virtualMachines", f"web{number}")


def planned(id: str, *after: str, state: str = "absent") -> dict[str, Any]:
    parts = id.split("/")
    return {
        "event": "planned",
        "id": id,
        "type": f"{parts[6]}/{parts[7]}",
        "name": parts[8],
        "after": list(after),
        "state": state,
    }


def resource(id: str, state: str, at: float, **more: Any) -> dict[str, Any]:
    return {"event": "resource", "id": id, "state": state, "at": at, "seconds": None, "why": "", "remedy": "", **more}


def plan_of(vms: int) -> list[dict[str, Any]]:
    """A small deployment: security group, network, address, balancer, and NIC and VM each."""
    found = [planned(NSG), planned(VNET, NSG), planned(ADDRESS), planned(BALANCER, ADDRESS)]
    found += [planned(nic(number), VNET, BALANCER) for number in range(1, vms + 1)]
    return found + [planned(vm(number), nic(number)) for number in range(1, vms + 1)]


def stamped(events: list[dict[str, Any]], zero: datetime = ZERO) -> list[dict[str, Any]]:
    """The events with the times that a run's file gives them."""
    told = []
    for number, event in enumerate(events, 1):
        at = timedelta(seconds=float(event.get("at") or event.get("seconds") or 0))
        told.append({**event, "n": number, "at_utc": (zero + at).isoformat()})
    return told


ENDED = {"event": "ended", "state": "done", "exit_status": 0, "what": "", "why": "", "remedy": "", "problems": []}


@dataclass
class Play:
    """A run as screens see it. `tell` adds events; `end` ends it."""

    kind: str = "deploy"
    name: str = "rg"
    id: str = "play"
    began_utc: str = "2026-01-02T03:04:05.000+00:00"
    request: Mapping[str, Any] = field(default_factory=dict)
    cancelled: int = 0
    ended: Ended | None = None

    def __post_init__(self) -> None:
        self._told: list[dict[str, Any]] = []
        self._news = asyncio.Event()

    @property
    def alive(self) -> bool:
        return self.ended is None

    def tell(self, *events: dict[str, Any]) -> None:
        self._told += stamped(list(events), datetime.now(UTC))
        self._news.set()

    def end(self, state: str = "done", exit_status: int = 0, **more: Any) -> None:
        self.tell({**ENDED, "state": state, "exit_status": exit_status, **more})
        self.ended = Ended(state, exit_status, **more)  # type: ignore[arg-type]
        self._news.set()

    async def events(self, after: int = 0) -> AsyncIterator[dict[str, Any]]:
        place = 0
        while True:
            while place < len(self._told):
                yield self._told[place]
                place += 1
            if self.ended is not None:
                return
            self._news.clear()
            await self._news.wait()

    async def cancel(self) -> bool:
        self.cancelled += 1
        return True


class Stage:
    """What `wizard.runs` is while a test plays: `started` holds (kind, name, request, secrets) of each start."""

    def __init__(self) -> None:
        self.started: list[tuple[str, str, dict[str, Any], dict[str, Any]]] = []
        self.plays: list[Play] = []
        self.known: set[int] = set()
        """The plays whose end somebody has seen."""

    def play(self, **facts: Any) -> Play:
        """A run that is there already."""
        self.plays.insert(0, Play(**facts))
        return self.plays[0]

    async def start(self, kind: str, name: str, request: Any = None, secrets: Any = None) -> Play:
        if self.plays and self.plays[0].alive:
            error = UnderWay(f"A run is under way on {name}: {self.plays[0].kind}.", "", "Attach to it.")
            error.run = self.plays[0]  # type: ignore[assignment]
            raise error
        self.started.append((kind, name, dict(request or {}), dict(secrets or {})))
        return self.play(kind=kind, name=name, request=dict(request or {}))

    def history(self, name: str) -> list[Play]:
        return list(self.plays)

    def see(self, run: object) -> None:
        self.known.add(id(run))

    def seen(self, run: object) -> bool:
        return id(run) in self.known

    def latest(self, name: str) -> Play | None:
        return self.plays[0] if self.plays else None


def staged(monkeypatch: pytest.MonkeyPatch) -> Stage:
    stage = Stage()
    for name in ("start", "history", "latest", "see", "seen"):
        monkeypatch.setattr(runs, name, getattr(stage, name))
    return stage


def status(
    vms: int = 2, *, auth: str = "ssh-key", changed: str | None = None, state: str = "deployed"
) -> dict[str, Any]:
    """The desk's answer to `status`."""
    names = [f"web{number}" for number in range(1, vms + 1)]
    ids = [NSG, VNET, ADDRESS, BALANCER, *(vm(number) for number in range(1, vms + 1))]
    return {
        "name": "rg",
        "cloud": "sandbox",
        "subscription": "0f5e2a7c",
        "created": "2026-01-02T03:04:05+00:00",
        "state": state,
        "resources": [{"id": each, "type": "/".join(each.split("/")[6:8]), "state": "Succeeded"} for each in ids],
        "http": "http://127.1.2.3:8081",
        "ssh": {name: f"127.1.2.3:{50000 + number}" for number, name in enumerate(names, 1)},
        "rdp": {},
        "credentials": {name: {"user": "azureuser", "created_with": auth, "changed_at": changed} for name in names},
        "plan": {
            "name": "rg",
            "prefix": "web",
            "location": "westeurope",
            "cloud": "sandbox",
            "machines": {
                "count": vms,
                "auth": auth,
                "admin_user": "azureuser",
                "os": "linux",
                "size": "Standard_D2s_v5",
                "placement": "availability-set",
                "fault_domains": 2,
                "update_domains": 5,
            },
            "network": {"address_space": "10.0.0.0/16", "subnet": "10.0.1.0/24"},
            "balancer": {"frontend_port": 8081},
        },
    }


def assessed(vm: str, domain: str, *classes: str, pending: bool = False, why: str = "") -> dict[str, Any]:
    """What is due on a VM: an update of each of these classes."""
    patches = [
        {"name": f"package-{each.lower()}", "version": "1.2", "kb": "", "classes": [each], "reboot": "NeverReboots"}
        for each in classes
    ]
    return {
        "event": "assessed",
        "vm": vm,
        "domain": domain,
        "due": len(classes),
        "critical_and_security": sum(each != "Other" for each in classes),
        "other": classes.count("Other"),
        "reboot_pending": pending,
        "patches": patches,
        "windows": False,
        "why": why,
    }


def patching(vm: str, domain: str, state: str, at: float, detail: str = "") -> dict[str, Any]:
    """A VM goes on to its next state."""
    return {"event": "patching", "vm": vm, "domain": domain, "state": state, "at": at, "detail": detail}


def vm_patched(vm: str, domain: str, at: float, **more: Any) -> dict[str, Any]:
    """How an installation ended: well, unless it says otherwise."""
    ended = {"status": "Succeeded", "installed": 2, "failed": 0, "pending": 0, "reboot": "Completed"}
    common = {"event": "vm_patched", "vm": vm, "domain": domain, "at": at, "seconds": 20.0, "why": "", "remedy": ""}
    return {**common, **ended, **more}


def domain_begun(domain: str, number: int, of: int, at: float, *vms: str) -> dict[str, Any]:
    return {
        "event": "domain", "domain": domain, "vms": list(vms), "number": number, "of": of, "at": at, "drained": True,
    }  # fmt: skip


def patched(vms: int, **more: Any) -> dict[str, Any]:
    """The end of a patching."""
    sums = {"vms": vms, "current": 0, "installed": 2 * vms, "restarted": vms, "reboot_pending": [], "seconds": 90.0}
    load = {"requests": None, "failed_requests": None, "longest_gap_s": None, "kept_alive": None}
    return {"event": "patched", "name": "rg", "domains": [], "machines": [], "evidence": "/e", **sums, **load, **more}


ASSESSMENT = {"event": "assessment", "name": "rg", "vms": 3, "due_vms": 2, "due": 4, "failed": 0}
