"""Looks after scale sets as Azure does unasked: the health of their machines, repairs, processors' use, autoscale.

Azure's seconds are divided by speed: a machine's health is asked every 5 of them, processors are read every 60, which
is the grain of `Percentage CPU`, and autoscale decides each time they are read. The load is real, so that its requests
are counted in real seconds.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections import deque
from typing import TYPE_CHECKING

from wizard import ids
from wizard.sandbox.arm.compute import scale_set_members as members
from wizard.sandbox.arm.compute import scale_set_rules as rules
from wizard.sandbox.arm.compute.reading import mapping
from wizard.sandbox.arm.compute.scale_sets import ScaleSets
from wizard.sandbox.arm.errors import ArmError
from wizard.sandbox.arm.insights import autoscaling
from wizard.sandbox.fabric import work
from wizard.sandbox.store import Document, Json

if TYPE_CHECKING:
    from wizard.sandbox.world import World

ASK_EVERY_S = 5.0
GRAIN_S = 60.0
LEAST_TURN_S = 0.1
"""Real seconds: however fast ARM's clock runs, nothing is asked more often."""
IDLE_SHARE = 4.0
"""After a turn of t seconds the next one waits 4 t, up to Azure's own interval: a turn asks up to 1,000 machines."""
KEPT = 720
"""Readings of a processor that are kept: 12 hours, autoscale's longest window."""
CHANGED = "healthSince"

log = logging.getLogger(__name__)


class Watch:
    """One task beside the server. `cpu` holds the readings of each machine (`ids.key`), oldest first: (time, %)."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.cpu: dict[str, deque[tuple[float, float]]] = {}
        self._seen: dict[str, tuple[float, int]] = {}
        self._repairing: set[str] = set()
        self._jobs: set[asyncio.Task[None]] = set()
        self._task: asyncio.Task[None] | None = None
        self._read_at = 0.0

    def start(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._run(), name="scale sets")

    async def close(self) -> None:
        tasks = [task for task in (self._task, *self._jobs) if task is not None]
        for task in tasks:
            task.cancel()
        for task in tasks:
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def _run(self) -> None:
        took = 0.0
        while True:
            rest = min(ASK_EVERY_S, IDLE_SHARE * took)
            await asyncio.sleep(max(LEAST_TURN_S, ASK_EVERY_S / self.world.speed, rest))
            if not self.world.store.of_type(rules.TYPE):
                continue
            began = time.monotonic()
            try:
                await self.turn()
            except Exception:  # one turn's trouble must not end the watch
                log.exception("the scale sets could not be looked after")
            took = time.monotonic() - began

    async def turn(self) -> None:
        """Ask every machine for its health, repair, and once a minute read processors and let autoscale decide."""
        sets = self.world.store.of_type(rules.TYPE)
        for scale_set in sets:
            settings = rules.health_settings(scale_set.body)
            if settings is not None:
                machines = members.of(self.world.store, scale_set.id)
                await asyncio.gather(*(self._ask(vm, settings) for vm in machines))
                self._repair(scale_set, machines)
        now = time.monotonic()
        if now - self._read_at >= GRAIN_S / min(self.world.speed, autoscaling.FASTEST):
            self._read_at = now
            self._read(sets, now)
            await autoscaling.decide(self.world, self.cpu, now)

    # Processors

    def _read(self, sets: list[Document], now: float) -> None:
        there = {ids.key(vm.id): vm for one in sets for vm in members.of(self.world.store, one.id)}
        for key in [key for key in self.cpu if key not in there]:
            del self.cpu[key]
            self._seen.pop(key, None)
        for key, vm in there.items():
            try:
                requests, running = self.world.fabric.requests(vm.id), self.world.fabric.agent_ready(vm.id)
            except ArmError:  # its fabric part is being made or gone
                continue
            before, self._seen[key] = self._seen.get(key), (now, requests)
            if before is None or not running:
                continue
            size = self.world.catalog.size(vm.body["properties"]["hardwareProfile"]["vmSize"])
            percent = work.percent(requests - before[1], now - before[0], size.cores if size else 1)
            self.cpu.setdefault(key, deque(maxlen=KEPT)).append((now, percent))
            self.world.fabric.meter.add(key, autoscaling.METRIC, percent)
            scale_set = members.set_of(self.world.store, vm)
            if scale_set is not None:
                told = (("VMName", vm.name),)
                self.world.fabric.meter.add(ids.key(scale_set.id), autoscaling.METRIC, percent, told)

    # Health

    async def _ask(self, vm: Document, settings: Json) -> None:
        protocol, port = str(settings.get("protocol", "http")).lower(), int(settings.get("port") or 80)
        path = str(settings.get("requestPath") or "/")
        path = path if path.startswith("/") else f"/{path}"
        try:
            found = await self.world.fabric.healthy(vm.id, protocol, port, path, ASK_EVERY_S)
        except ArmError:
            return
        state = {True: "healthy", False: "unhealthy", None: "unknown"}[found]
        if vm.extra.get("health") != state:
            vm.extra["health"], vm.extra[CHANGED] = state, time.time()
            if self.world.store.get(vm.id) is not None:
                self.world.store.put(vm)

    def _repair(self, scale_set: Document, machines: list[Document]) -> None:
        """Replace an unhealthy machine once the grace after its last change has passed: one at a time."""
        if not mapping(scale_set.body, "properties.automaticRepairsPolicy").get("enabled"):
            return
        key = ids.key(scale_set.id)
        if key in self._repairing or self.world.operations.running_on(scale_set.id):
            return
        grace = rules.grace_s(scale_set.body) / self.world.speed
        for vm in machines:
            if vm.extra.get("health") != "unhealthy" or self.world.operations.running_on(vm.id):
                continue
            if time.time() - max(vm.extra.get(CHANGED, 0.0), vm.changed) < grace:
                continue
            self._repairing.add(key)
            job = asyncio.get_running_loop().create_task(self._replace(scale_set, vm))
            self._jobs.add(job)
            job.add_done_callback(self._jobs.discard)
            return

    async def _replace(self, scale_set: Document, vm: Document) -> None:
        kind = self.world.operations.registry.kind(rules.TYPE)
        assert isinstance(kind, ScaleSets)
        log.info("repairing %s: %s is not healthy", scale_set.name, vm.name)
        try:
            await kind.replace(scale_set, vm)
        except ArmError as error:
            log.warning("%s could not be repaired: %s", scale_set.name, error)
        finally:
            self._repairing.discard(ids.key(scale_set.id))
