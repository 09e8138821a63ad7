"""Long-running operations: kept in the store, so that a poller goes on after the sandbox was stopped and started.

An operation waits until its time has passed, lets its Kind finish the work, and sets the resource's
`provisioningState`. Clients ask `.../operations/ID` (`Azure-AsyncOperation`: always 200 with a status) or
`.../operationResults/ID` (`Location`: 202 until done, then the result).
"""

from __future__ import annotations

import asyncio
import datetime
import itertools
import logging
import time
import uuid
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from wizard import ids
from wizard.sandbox.arm.errors import ArmError
from wizard.sandbox.arm.kind import Call, Kind, Polling, Reply
from wizard.sandbox.faults import striking
from wizard.sandbox.faults_answers import end_of
from wizard.sandbox.faults_file import Fault
from wizard.sandbox.store import Document, Json, Store

if TYPE_CHECKING:
    from wizard.sandbox.arm.registry import Registry
    from wizard.sandbox.world import World

log = logging.getLogger(__name__)

KEPT_S = 24 * 3600.0
"""How long an ended operation can still be asked for; Azure keeps them for about a day."""
KEPT_LEAST_S = 300.0
"""The same where speed has divided the day: whoever asks is no faster for it."""
WRITES = ("create", "update", "delete")


@dataclass
class Operation:
    """One accepted operation. Times are seconds since the epoch, so that they hold over a restart."""

    id: str
    kind: str
    target: str
    verb: str  # create, update, delete, or the name of an action
    namespace: str
    location: str
    retry_after_s: float
    started: float
    due: float
    arguments: Json = field(default_factory=dict)
    status: str = "InProgress"
    ended: float = 0.0
    error: Json | None = None
    error_status: int = 0
    result: Any = None
    fault: Json | None = None  # what was injected into it


class Operations:
    """All operations, running and lately ended."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._world: World | None = None
        self._registry: Registry | None = None
        stored = sorted((Operation(**value) for _, value in store.items("operation")), key=lambda each: each.started)
        self._all: dict[str, Operation] = {operation.id: operation for operation in stored}  # the oldest first
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._running: dict[str, list[Operation]] = {}
        self._released = asyncio.Event()

    # Life

    @property
    def registry(self) -> Registry:
        """The kinds that operations are of, each made once for this world."""
        assert self._registry is not None
        return self._registry

    def attach(self, world: World, registry: Registry) -> None:
        """Before anything else: what operations act on."""
        self._world = world
        self._registry = registry
        world.faults.cleared.append(self._release)

    def resume(self) -> None:
        """Go on with what was running when the sandbox ended; forget what ended long ago."""
        self._forget_old()
        for operation in self._all.values():
            if operation.status == "InProgress":
                operation.fault = None  # faults do not outlive the sandbox that they were set in
                self._start(operation)

    async def close(self) -> None:
        """Stop waiting; what is unfinished stays in the store."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    # What the server and the kinds use

    def begin(
        self, kind: Kind, target: str, verb: str, seconds: float, *, location: str, arguments: Json | None = None
    ) -> Operation:
        """Accept an operation on the document `target` that takes `seconds` (before speed divides them)."""
        now = time.time()
        operation = Operation(
            id=str(uuid.uuid4()),
            kind=kind.type.lower(),
            target=target,
            verb=verb,
            namespace=kind.type.split("/")[0],
            location=location or "global",
            retry_after_s=kind.retry_after_s,
            started=now,
            due=now + seconds / self._speed,
            arguments=arguments or {},
        )
        self._strike(operation)
        self._forget_old()
        self._all[operation.id] = operation
        self._keep(operation)
        self._start(operation)
        return operation

    def running_on(self, target: str) -> list[Operation]:
        """The unfinished operations on a document, oldest first."""
        return list(self._running.get(ids.key(target), ()))

    def find(self, id: str) -> Operation | None:
        return self._all.get(id.lower())

    async def ended(self, operation: Operation) -> None:
        """Wait for the end of an operation, however it ends."""
        if task := self._tasks.get(operation.id):
            await asyncio.wait([task])

    # URLs and answers

    def url(self, operation: Operation, call: Call, what: str = "operations") -> str:
        """Where to ask for an operation, with the caller's api-version."""
        assert self._world is not None
        base = f"{self._world.arm_url}/subscriptions/{self._world.subscription}"
        version = call.query.get("api-version", "2021-04-01")
        if operation.namespace == "Microsoft.Resources":
            return f"{base}/operationresults/{operation.id}?api-version={version}"
        place = f"providers/{operation.namespace}/locations/{operation.location}"
        return f"{base}/{place}/{what}/{operation.id}?api-version={version}"

    def headers(self, operation: Operation, call: Call, polling: Polling) -> dict[str, str]:
        """What an accepted request carries. A write that is polled by its resource (`none`) carries only the wait."""
        headers = self.wait(operation.retry_after_s)
        call.noted.update(operation_id=operation.id, operation_s=round(operation.due - operation.started, 4))
        if polling == "async-operation":
            headers["Azure-AsyncOperation"] = self.url(operation, call)
            headers["azure-asyncnotification"] = "Enabled"
        if polling == "location" or (polling == "async-operation" and operation.verb not in ("create", "update")):
            headers["Location"] = self.url(operation, call, "operationResults")
        return headers

    def wait(self, seconds: float) -> dict[str, str]:
        """`Retry-After` divided by speed. It has whole seconds; the SDKs read `retry-after-ms` where those are none."""
        scaled = seconds / self._speed
        headers = {"retry-after-ms": str(max(1, round(scaled * 1000)))}
        if scaled >= 1:
            headers["Retry-After"] = str(round(scaled))
        return headers

    def status(self, operation: Operation, call: Call) -> Reply:
        """The answer of `Azure-AsyncOperation`."""
        _note(operation, call)
        body: Json = {"name": operation.id, "status": operation.status, "startTime": self._shown(operation.started)}
        headers = {}
        if operation.status == "InProgress":
            headers = self.wait(operation.retry_after_s)
        else:
            body["endTime"] = self._shown(operation.ended)
        if operation.error is not None:
            body["error"] = operation.error
        if operation.result is not None:
            body["properties"] = {"output": operation.result}
        return Reply(200, body, headers)

    def result(self, operation: Operation, call: Call) -> Reply:
        """The answer of `Location`."""
        _note(operation, call)
        if operation.status == "InProgress":
            headers = self.wait(operation.retry_after_s)
            headers["Location"] = self.url(operation, call, "operationResults")
            return Reply(202, None, headers)
        if operation.error is not None:
            return Reply(operation.error_status, {"error": operation.error})
        if operation.verb == "delete":
            return Reply(200 if operation.namespace == "Microsoft.Resources" else 204)
        if operation.verb in WRITES:
            document = self._store.get(operation.target)
            return Reply(204) if document is None else Reply(200, self.registry.kinds[operation.kind].show(document))
        return Reply(200, operation.result)

    # Inside

    def _shown(self, seconds: float) -> str:
        assert self._world is not None
        return _iso(seconds + self._world.clock.ahead_s)

    @property
    def _speed(self) -> float:
        assert self._world is not None
        return self._world.speed

    def _start(self, operation: Operation) -> None:
        self._running.setdefault(ids.key(operation.target), []).append(operation)
        task = asyncio.get_running_loop().create_task(self._run(operation), name=f"{operation.verb} {operation.target}")
        self._tasks[operation.id] = task

    def _strike(self, operation: Operation) -> None:
        """Give the operation the fault that the request at hand has met, if any."""
        fault = striking.get()
        if fault is None:
            return
        striking.set(None)
        operation.fault = asdict(fault)
        if fault.kind == "stalled" and fault.seconds:
            operation.due += fault.seconds / self._speed

    def _release(self) -> None:
        """What was held up goes on, also what would only be held up from now on."""
        for operation in self._all.values():
            if operation.status == "InProgress" and (operation.fault or {}).get("kind") == "stalled":
                operation.fault = None
        self._released.set()
        self._released = asyncio.Event()

    async def _befall(self, operation: Operation) -> None:
        """What was injected into an operation whose time has come: it waits on, or ends badly."""
        if operation.fault is None:
            return
        fault = Fault(**operation.fault)
        if fault.kind == "stalled" and not fault.seconds:
            await self._released.wait()
        if fault.kind in ("failed-operation", "superseded", "allocation-failed"):
            raise end_of(fault)

    async def _run(self, operation: Operation) -> None:
        try:
            await asyncio.sleep(max(0.0, operation.due - time.time()))
            await self._befall(operation)
            operation.result = await self._finish(operation)
            operation.status = "Succeeded"
        except asyncio.CancelledError:
            raise
        except ArmError as error:
            self._fail(operation, error)
        except Exception:
            log.exception("%s of %s failed", operation.verb, operation.target)
            self._fail(operation, ArmError(500, "InternalServerError", "An internal error occurred."))
        operation.ended = time.time()
        self._keep(operation)
        running = self._running[ids.key(operation.target)]
        running.remove(operation)
        if not running:
            del self._running[ids.key(operation.target)]
        del self._tasks[operation.id]

    async def _finish(self, operation: Operation) -> Any:
        kind = self.registry.kinds[operation.kind]
        document = self._store.get(operation.target)
        if document is None:
            raise ArmError(404, "ResourceNotFound", f"The Resource '{operation.target}' was not found.")
        if operation.verb == "delete":
            await kind.deleted(document)
            self.forget(document)
            return None
        if operation.verb in WRITES:
            await kind.succeed(document, operation.verb == "create")
            set_state(kind, document, "Succeeded")
            self._store.put(document)
            return None
        return await completions(kind)[operation.verb](document, operation.arguments)

    def forget(self, document: Document) -> None:
        """Delete a document and every document below it."""
        below = ids.key(document.id) + "/"
        for other in self._store:
            if ids.key(other.id).startswith(below):
                self._store.delete(other.id)
        self._store.delete(document.id)

    def _fail(self, operation: Operation, error: ArmError) -> None:
        superseded = error.code == "CanceledAndSupersededDueToAnotherOperation"
        operation.status = "Canceled" if superseded else "Failed"
        operation.error = error.error()
        operation.error_status = error.status
        document = self._store.get(operation.target)
        if document is not None and operation.verb in WRITES:
            set_state(self.registry.kinds[operation.kind], document, operation.status)
            self._store.put(document)

    def _keep(self, operation: Operation) -> None:
        self._store.write("operation", operation.id, asdict(operation))

    def _forget_old(self) -> None:
        """Forget what ended long ago; a look at the oldest ones alone, because every new operation asks for it."""
        until = time.time() - max(KEPT_S / self._speed, KEPT_LEAST_S)
        oldest = itertools.takewhile(lambda operation: operation.started < until, self._all.values())
        for operation in [each for each in oldest if each.status != "InProgress" and each.ended < until]:
            del self._all[operation.id]
            self._store.write("operation", operation.id, None)


def completions(kind: Kind) -> dict[str, Any]:
    """The methods that `@completes` marks, by action."""
    return {
        method.arm_completes: method
        for method in (getattr(kind, name) for name in dir(kind) if not name.startswith("__"))
        if hasattr(method, "arm_completes")
    }


def set_state(kind: Kind, document: Document, state: str) -> None:
    """Set `provisioningState` of a document and of the children inside it."""
    if kind.provisioning is None:
        return
    properties = document.body.setdefault("properties", {})
    properties["provisioningState"] = state
    for child in kind.children:
        for item in properties.get(child.where) or ():
            item.setdefault("properties", {})["provisioningState"] = state


def _note(operation: Operation, call: Call) -> None:
    """For the requests log: which operation was asked for, and, once it has ended, how long it really took."""
    call.noted.update(operation_id=operation.id, operation_status=operation.status)
    if operation.status != "InProgress":
        call.noted["operation_s"] = round(operation.ended - operation.started, 4)


def _iso(seconds: float) -> str:
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC).isoformat()
