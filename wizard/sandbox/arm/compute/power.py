"""Starting, stopping and restarting machines, and waiting for what takes them time."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

from wizard.sandbox.arm.compute.reading import not_allowed
from wizard.sandbox.arm.errors import ArmError
from wizard.sandbox.arm.kind import Call, Kind, Reply, action, completes
from wizard.sandbox.store import Document, Json

if TYPE_CHECKING:
    from wizard.sandbox.world import World

START_S, STOP_S, DEALLOCATE_S, RESTART_S, REDEPLOY_S = 15.0, 15.0, 30.0, 20.0, 90.0
"""How long Azure typically takes (from memory)."""
PATIENCE_S = 600.0
"""How long an operation waits for a machine beyond its own time, before speed divides it."""
LEAST_PATIENCE_S = 30.0
"""Real seconds: boots of many machines at once share two cores, however fast the sandbox is told to be."""
LOOK_EVERY_S = 0.05

log = logging.getLogger(__name__)
_background: set[asyncio.Task[None]] = set()


def soon(work: Callable[[], Coroutine[Any, Any, None]], after: float = 0.0) -> None:
    """Run work beside the request that asked for it. Its operation makes sure of the outcome later."""

    async def run() -> None:
        await asyncio.sleep(after)
        try:
            await work()
        except ArmError:  # the machine is gone: the operation will say so
            log.info("work in the background had nothing to work on", exc_info=True)

    task = asyncio.get_running_loop().create_task(run())
    _background.add(task)
    task.add_done_callback(_background.discard)


async def until(world: World, condition: Callable[[], bool], seconds: float = PATIENCE_S) -> bool:
    """Wait for a condition; False when the patience (divided by speed) is over."""
    clock = asyncio.get_running_loop().time
    end = clock() + max(LEAST_PATIENCE_S, seconds / world.speed)
    while not condition():
        if clock() >= end:
            return False
        await asyncio.sleep(LOOK_EVERY_S)
    return True


def conflict() -> ArmError:
    """What compute answers while another operation on the same machine runs (its newer wording)."""
    return ArmError(
        409,
        "Conflict",
        "The request failed due to conflict with a concurrent request. To resolve it, please refer to "
        "https://aka.ms/activitylog to get more details on the conflicting requests.",
    )


class PowerActions(Kind):
    """The actions of a virtual machine that change its power state."""

    def check_idle(self, document: Document) -> None:
        if self.world.operations.running_on(document.id):
            raise conflict()

    def state(self, document: Document) -> str:
        return self.world.fabric.power_state(document.id)

    @action("start")
    async def start(self, call: Call, document: Document) -> Reply:
        self.check_idle(document)
        if document.extra.get("generalized"):
            raise not_allowed(f"Operation 'start' is not allowed on VM '{document.name}' since the VM is generalized.")
        if self.state(document) != "running":
            soon(lambda: self.world.fabric.power_on(document.id))
        return Reply.later("start", START_S)

    @completes("start")
    async def started(self, document: Document, arguments: Json) -> None:
        await self._run(document)

    @action("powerOff")
    async def power_off(self, call: Call, document: Document) -> Reply:
        self.check_idle(document)
        if self.state(document) in ("deallocated", "deallocating"):
            raise not_allowed(
                f"Operation 'powerOff' is not allowed on VM '{document.name}' since the VM is either deallocated or "
                "marked to be deallocated."
            )
        skip = call.query.get("skipshutdown", "").lower() == "true"
        if self.state(document) != "stopped":
            soon(lambda: self.world.fabric.power_off(document.id, skip_shutdown=skip))
        return Reply.later("powerOff", STOP_S)

    @completes("powerOff")
    async def powered_off(self, document: Document, arguments: Json) -> None:
        await self._halt(document, deallocate=False)

    @action("deallocate")
    async def deallocate(self, call: Call, document: Document) -> Reply:
        self.check_idle(document)
        if self.state(document) != "deallocated":
            soon(lambda: self.world.fabric.power_off(document.id, deallocate=True))
        return Reply.later("deallocate", DEALLOCATE_S)

    @completes("deallocate")
    async def deallocated(self, document: Document, arguments: Json) -> None:
        await self._halt(document, deallocate=True)

    @action("generalize")
    async def generalize(self, call: Call, document: Document) -> Reply:
        """An image may be taken of it from now on; it starts no more."""
        self.check_idle(document)
        if self.state(document) not in ("stopped", "deallocated"):
            raise not_allowed(f"VM '{document.name}' must be stopped or deallocated before it is generalized.")
        document.extra["generalized"] = True
        self.world.store.put(document)
        return Reply(200)

    @action("restart")
    async def restart(self, call: Call, document: Document) -> Reply:
        self.check_idle(document)
        if self.state(document) not in ("running", "starting"):
            raise not_allowed("The operation requires the VM to be running (or set to run).")
        soon(lambda: self.world.fabric.restart(document.id))
        return Reply.later("restart", RESTART_S)

    @completes("restart")
    async def restarted(self, document: Document, arguments: Json) -> None:
        await self._run(document)

    @action("redeploy")
    async def redeploy(self, call: Call, document: Document) -> Reply:
        """On another host: the machine is shut down and boots there."""
        self.check_idle(document)
        if self.state(document) != "running":
            raise not_allowed("The operation requires the VM to be running (or set to run).")
        soon(lambda: self.world.fabric.power_off(document.id, deallocate=True))
        return Reply.later("redeploy", REDEPLOY_S)

    @completes("redeploy")
    async def redeployed(self, document: Document, arguments: Json) -> None:
        await self._halt(document, deallocate=True)
        await self._run(document)

    async def _run(self, document: Document) -> None:
        """Make sure that it runs, also when the sandbox ended before the start was done."""
        if self.state(document) not in ("running", "starting"):
            await self.world.fabric.power_on(document.id)
        if not await until(self.world, lambda: self.state(document) == "running"):
            raise ArmError(
                409,
                "VMStartTimedOut",
                f"VM '{document.name}' did not start in the allotted time. The VM may still start successfully. Please "
                "check the power state later.",
            )

    async def _halt(self, document: Document, *, deallocate: bool) -> None:
        wanted, way = ("deallocated", "deallocating") if deallocate else ("stopped", "stopping")
        if self.state(document) not in (wanted, way):
            await self.world.fabric.power_off(document.id, deallocate=deallocate)
        if not await until(self.world, lambda: self.state(document) == wanted):
            raise ArmError(409, "VMStopTimedOut", f"VM '{document.name}' did not stop in the allotted time.")
