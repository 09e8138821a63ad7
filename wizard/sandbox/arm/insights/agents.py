"""The Azure Monitor agents in the machines: what each of them sends to which workspace, once a minute.

An agent reports while its machine runs, its extension is enabled, an identity signs it in, the machine or its scale set
is associated with a rule for its system, and port 443 of the Internet can be reached. Where one of these is missing it
sends nothing, and no one is told: it is the workspace in which its rows are missing.

A minute is divided by the sandbox's speed, whatever `samplingFrequencyInSeconds` says (from memory: an agent sends what
it has sampled about once a minute). A row is in the workspace at once; Azure takes some minutes.
"""

from __future__ import annotations

import asyncio
import datetime
import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wizard import ids
from wizard.sandbox.arm.compute import identities
from wizard.sandbox.arm.compute import scale_set_members as members
from wizard.sandbox.arm.compute.extensions import AGENT_LINUX, AGENT_WINDOWS, EXTENSION, HANDLERS, handler_of
from wizard.sandbox.arm.compute.reading import mapping, text
from wizard.sandbox.arm.errors import ArmError
from wizard.sandbox.arm.insights import collection
from wizard.sandbox.arm.operationalinsights import tables
from wizard.sandbox.fabric import counters, work
from wizard.sandbox.fabric.counters import Reading, Sample

if TYPE_CHECKING:
    from wizard.sandbox.store import Document, Json
    from wizard.sandbox.world import World

EVERY_S = 60.0
LEAST_TURN_S = 1.0
"""Real seconds: however fast ARM's clock runs, a workspace gets no more than that."""
HTTPS = 443
_AGENTS = (AGENT_LINUX, AGENT_WINDOWS)
_LOG = logging.getLogger(__name__)


@dataclass
class _Seen:
    """What a machine had done when it was looked at last."""

    at: float
    requests: int
    received: int
    sent: int


class Agents:
    """Runs while the sandbox does."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._task: asyncio.Task[None] | None = None
        self._seen: dict[str, _Seen] = {}

    def start(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._run(), name="agents")

    def close(self) -> None:
        if self._task is not None:
            self._task.cancel()

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(max(LEAST_TURN_S, EVERY_S / self._world.speed))
            try:
                self.turn()
            except Exception:  # a turn that fails is no reason to look no more
                _LOG.exception("the agents could not report")

    def turn(self) -> None:
        """Let every agent that can report do so."""
        agents = self._agents()
        for gone in set(self._seen) - set(agents):
            del self._seen[gone]
        for key, agent in agents.items():
            vm = self._world.store.get(key)
            if vm is None:
                continue
            try:
                self._report(key, vm, agent)
            except ArmError:  # its fabric part is being made or gone
                continue

    def _agents(self) -> dict[str, Document]:
        """The agent's extension of each machine that has one, by the machine's key: a machine has one of a handler."""
        found = (one for one in self._world.store.of_type(EXTENSION) if handler_of(one.body) in _AGENTS)
        return {ids.key(one.id.rsplit("/", 2)[0]): one for one in found}

    def _report(self, key: str, vm: Document, agent: Document) -> None:
        reading = self._read(key, vm)
        if reading is None or not self._works(vm, agent) or self._world.fabric.no_way_out(vm.id, HTTPS) is not None:
            return
        now = datetime.datetime.now(datetime.UTC)
        system = _system(vm)
        samples = (
            counters.windows(reading)
            if system == "Windows"
            else counters.linux(reading, self._world.fabric.file(vm.id, "/proc/meminfo"))
        )
        told: set[str] = set()
        for rule in self._rules(vm, system):
            for workspace, specifiers in _asked(rule):
                rows = [_perf(vm, self._name(vm), one, now) for one in counters.chosen(samples, specifiers)]
                self._send(workspace, "Perf", rows)
            for place in rule.body["properties"]["destinations"]["logAnalytics"]:
                if ids.key(place["workspaceResourceId"]) not in told:
                    told.add(ids.key(place["workspaceResourceId"]))
                    self._send(place["workspaceResourceId"], "Heartbeat", [self._heartbeat(vm, agent, now)])

    def _read(self, key: str, vm: Document) -> Reading | None:
        """What it has done since it was looked at last; None while it does not run, and at first."""
        fabric, now = self._world.fabric, time.monotonic()
        if fabric.power_state(vm.id) != "running":
            self._seen.pop(key, None)
            return None
        received, sent = fabric.meter.carried(key)
        seen = _Seen(now, fabric.requests(vm.id), received, sent)
        before, self._seen[key] = self._seen.get(key), seen
        if before is None:
            return None
        size = self._world.catalog.size(str(vm.body["properties"]["hardwareProfile"]["vmSize"]))
        cpu = work.percent(seen.requests - before.requests, now - before.at, size.cores if size else 1)
        return Reading(cpu, now - before.at, received, sent, before.received, before.sent)

    def _works(self, vm: Document, agent: Document) -> bool:
        """Whether the agent is enabled, and an identity of its machine signs it in."""
        if str(mapping(agent.extra, "status").get("code", "")) != "ProvisioningState/succeeded":
            return False
        asked = text(agent.body, "properties.settings.authentication.managedIdentity.identifier-value") or ""
        return identities.signs_in(self._world, vm.body.get("identity"), asked)

    def _rules(self, vm: Document, system: str) -> Iterator[Document]:
        """The rules that the machine or its scale set is associated with, those for its system."""
        scale_set = members.set_of(self._world.store, vm)
        scopes = [vm.id, *([scale_set.id] if scale_set is not None else [])]
        found = [one for scope in scopes for one in collection.of(self._world.store, ids.key(scope))]
        for asked in dict.fromkeys(ids.key(one["properties"]["dataCollectionRuleId"]) for one in found):
            rule = self._world.store.get(asked)
            if rule is not None and rule.body.get("kind") in (None, system):
                yield rule

    def _send(self, workspace_id: str, table: str, rows: list[Json]) -> None:
        workspace = self._world.store.get(workspace_id)
        if workspace is not None and rows:
            self._world.logs.append(workspace.body["properties"]["customerId"], table, rows)

    def _name(self, vm: Document) -> str:
        return str(self._world.fabric.os_facts(vm.id)["computerName"])

    def _heartbeat(self, vm: Document, agent: Document, now: datetime.datetime) -> Json:
        facts = self._world.fabric.os_facts(vm.id)
        about = {
            "Computer": self._name(vm),
            "OSType": _system(vm),
            "OSName": facts.get("osName"),
            "Version": HANDLERS[handler_of(agent.body)],
            "VMUUID": vm.body["properties"]["vmId"],
        }
        return tables.heartbeat(vm, about, _iso(now))


def _asked(rule: Document) -> Iterator[tuple[str, list[str]]]:
    """The workspaces that a rule's counters go to, with the counters of each."""
    properties = rule.body["properties"]
    places = {one["name"]: one["workspaceResourceId"] for one in properties["destinations"]["logAnalytics"]}
    for flow in properties["dataFlows"]:
        specifiers = [
            each
            for source in properties["dataSources"].get("performanceCounters") or ()
            if tables.PERF_STREAM in flow["streams"] and tables.PERF_STREAM in source["streams"]
            for each in source["counterSpecifiers"]
        ]
        for name in flow["destinations"]:
            yield places[name], specifiers


def _perf(vm: Document, computer: str, sample: Sample, now: datetime.datetime) -> Json:
    return tables.perf(
        vm,
        {
            "Computer": computer,
            "ObjectName": sample.object,
            "CounterName": sample.counter,
            "InstanceName": sample.instance,
            "CounterValue": sample.value,
        },
        _iso(now),
    )


def _system(vm: Document) -> str:
    return str(vm.body["properties"]["storageProfile"]["osDisk"]["osType"])


def _iso(moment: datetime.datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%S.%f}Z"
