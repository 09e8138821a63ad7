"""An ARM in memory: only as much as order, failure, retry and cancelling of the engine need, with virtual time.

Everything else of the engine is tested against the sandbox. Operations end in rounds: when every task waits, all that
run end together and one round has passed, so the number of rounds is the makespan of a graph of equal operations.
"""

from __future__ import annotations

import asyncio
import copy
from collections import deque
from collections.abc import Mapping
from typing import Any

from wizard import ids
from wizard.azure.clouds import Cloud
from wizard.blueprint.resource import OWNER_TAG, Blueprint, Resource
from wizard.errors import AzureError

SUBSCRIPTION = "11111111-2222-3333-4444-555555555555"
NAME = "fleet"
CLOUD = Cloud(name="memory", arm="", authority="", audience="", poll_floor_s=0.001)
NETWORK = "Microsoft.Network/networkSecurityGroups"


def resource(name: str, *after: Resource, type: str = NETWORK, **body: Any) -> Resource:
    """A small resource of ours that waits for others."""
    document = {"location": "westeurope", "tags": {OWNER_TAG: NAME}, "properties": {}, **body}
    return Resource(
        ids.resource_id(SUBSCRIPTION, NAME, type, name), type, name, document, tuple(other.id for other in after)
    )


def group() -> Resource:
    """The resource group itself."""
    return Resource(
        ids.group_id(SUBSCRIPTION, NAME),
        "Microsoft.Resources/resourceGroups",
        NAME,
        {"location": "westeurope", "tags": {OWNER_TAG: NAME}},
    )


def blueprint(*resources: Resource) -> Blueprint:
    return Blueprint(NAME, SUBSCRIPTION, "westeurope", resources)


class Running:
    """An accepted operation."""

    def __init__(self, memory: Memory, id: str, failure: Exception | None) -> None:
        self._memory = memory
        self._id = id
        self._failure = failure
        self.end = asyncio.get_running_loop().create_future()

    async def result(self) -> Any:
        self._memory.running[self._id] = self.end
        self._memory.most_at_once = max(self._memory.most_at_once, len(self._memory.running))
        try:
            await self.end
        finally:
            self._memory.running.pop(self._id, None)
        if self._failure:
            if document := self._memory.documents.get(ids.key(self._id)):
                document["properties"] = {**document.get("properties", {}), "provisioningState": "Failed"}
            raise self._failure
        self._memory.ended.append(self._id)
        return None


class Memory:
    """The documents, what happened to them in order, and what to answer wrongly."""

    cloud = CLOUD
    subscription_id = SUBSCRIPTION

    def __init__(self, *documents: Mapping[str, Any]) -> None:
        self.documents: dict[str, dict[str, Any]] = {ids.key(d["id"]): dict(d) for d in documents}
        self.refusals: dict[str, deque[Exception]] = {}  # by name: what the next requests meet
        self.failures: dict[str, deque[Exception]] = {}  # by name: how the next operations end
        self.writes: list[str] = []
        self.deletes: list[str] = []
        self.bodies: list[dict[str, Any]] = []
        self.if_match: list[str | None] = []
        self.reads: list[str] = []
        self.ended: list[str] = []
        self.resumed: list[str] = []
        self.running: dict[str, asyncio.Future[None]] = {}
        self.most_at_once = 0
        self.rounds = 0
        self.most_reads_at_once = 0
        self._reads_now = 0
        self.on_round: Any = None  # called with the number of each round, before its operations end
        self.on_read: Any = None  # called with the name and how often it was read by now

    async def get(self, id: str) -> dict[str, Any] | None:
        self.reads.append(id)
        if self.on_read:
            name = ids.parse(id).name
            self.on_read(name, self.names(self.reads).count(name))
        self._reads_now += 1
        self.most_reads_at_once = max(self.most_reads_at_once, self._reads_now)
        await asyncio.sleep(0)
        self._reads_now -= 1
        return copy.deepcopy(self.documents.get(ids.key(id)))

    async def begin_put(self, resource: Resource, body: dict[str, Any], *, if_match: str | None = None) -> Running:
        await asyncio.sleep(0)
        self.writes.append(resource.id)
        self.bodies.append(body)
        self.if_match.append(if_match)
        self._refuse(resource.name)
        self.documents[ids.key(resource.id)] = {"id": resource.id, "name": resource.name, "type": resource.type, **body}
        return Running(self, resource.id, self._next(self.failures, resource.name))

    async def begin_delete(self, id: str) -> Running:
        await asyncio.sleep(0)
        self.deletes.append(id)
        self._refuse(ids.parse(id).name)
        self.documents.pop(ids.key(id), None)
        return Running(self, id, self._next(self.failures, ids.parse(id).name))

    async def resume(self, id: str, token: str, *, deleting: bool = False) -> Running:
        self.resumed.append(id)
        return Running(self, id, self._next(self.failures, ids.parse(id).name))

    async def port_mappings(self, pool: str, ip_configuration: str) -> list[dict[str, Any]]:
        return []  # no document here has a NAT rule with a range

    async def instances(self, scale_set: str) -> list[str]:
        return []  # no document here is a scale set

    async def locks(self, group: str) -> list[dict[str, Any]]:
        return []

    async def list_group(self, group: str) -> list[dict[str, Any]] | None:
        root = ids.key(ids.group_id(SUBSCRIPTION, group))
        if root not in self.documents:
            return None
        return [copy.deepcopy(d) for key, d in self.documents.items() if key.startswith(root + "/")]

    def _refuse(self, name: str) -> None:
        if refusal := self._next(self.refusals, name):
            raise refusal

    @staticmethod
    def _next(queue: dict[str, deque[Exception]], name: str) -> Exception | None:
        return queue[name].popleft() if queue.get(name) else None

    def names(self, happened: list[str]) -> list[str]:
        return [ids.parse(each).name for each in happened]

    async def time(self) -> None:
        """Let virtual time pass: run beside the engine, cancel when it has ended."""
        while True:
            for _ in range(30):  # what is ready gets through: a task needs some turns of the loop from ready to waiting
                await asyncio.sleep(0)
            if not self.running:
                await asyncio.sleep(0.0005)  # a retry waits in real time
                continue
            self.rounds += 1
            if self.on_round:
                self.on_round(self.rounds)
            for end in list(self.running.values()):
                if not end.done():
                    end.set_result(None)


def conflict(code: str = "AnotherOperationInProgress", status: int | None = 409) -> AzureError:
    return AzureError(f"Azure refused it: {code}.", "Something else runs.", "Wait.", code=code, status=status)


async def beside_time(memory: Memory, work: Any) -> Any:
    """Await `work` while virtual time passes."""
    clock = asyncio.create_task(memory.time())
    try:
        return await work
    finally:
        clock.cancel()
        await asyncio.gather(clock, return_exceptions=True)
