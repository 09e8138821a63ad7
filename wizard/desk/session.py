"""What the desk keeps between questions: whom it is signed in as, open connections, and answers that do not change."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from wizard.errors import UnreachableError

if TYPE_CHECKING:
    from wizard.azure.clients import Azure
    from wizard.azure.clouds import Cloud

T = TypeVar("T")

CLOSING_S = 0.5


class Tell:
    """Says something that nobody asked for: `tell("starting", cloud="sandbox")`."""

    def __init__(self, write: Callable[[dict[str, Any]], None], id: int | None = None) -> None:
        self._write = write
        self._id = id

    def __call__(self, name: str, **fields: Any) -> None:
        about = {} if self._id is None else {"id": self._id}
        self._write({"tell": name, **about, **fields})

    def of(self, id: int) -> Tell:
        """The same, for what belongs to one question."""
        return Tell(self._write, id)


@dataclass(frozen=True)
class _Open:
    azure: Azure
    stack: AsyncExitStack


class Session:
    """One per desk. `cloud` is the one signed in to last; `subscriptions` what was chosen for each."""

    def __init__(self, tell: Tell) -> None:
        self.tell = tell
        self.cloud = "sandbox"
        self.subscriptions: dict[str, str] = {}
        self.signed_in: dict[str, str] = {}  # account by cloud, where sign_in was asked
        self._open: dict[tuple[str, str | None], _Open] = {}
        self._retired: list[_Open] = []
        self._locks: dict[str, asyncio.Lock] = {}
        self._answers: dict[tuple[str, ...], asyncio.Task[Any]] = {}

    @asynccontextmanager
    async def at(self, cloud: str | None, subscription: str | None = None) -> AsyncIterator[Azure]:
        """A connection to a cloud, which is started if it does not run; it stays open for the next question.

        Raises as `clients.connect` does. One that stopped answering is opened anew for the next question.
        """
        name = cloud or self.cloud
        async with self._connected(name, subscription or self.subscriptions.get(name), choose=True) as azure:
            yield azure

    @asynccontextmanager
    async def anywhere(self, cloud: str) -> AsyncIterator[Azure]:
        """A connection without a subscription: for the list of them."""
        async with self._connected(cloud, "", choose=False) as azure:
            yield azure

    @asynccontextmanager
    async def _connected(self, name: str, subscription: str | None, *, choose: bool) -> AsyncIterator[Azure]:
        azure = await self._connection(name, subscription, choose)
        try:
            yield azure
        except UnreachableError:
            self.retire(name)
            raise

    async def _connection(self, name: str, subscription: str | None, choose: bool) -> Azure:
        from wizard.azure import clients

        async with self._locks.setdefault(name, asyncio.Lock()):
            cloud = await self._running(name)
            found = self._open.get((name, subscription))
            if found is not None and found.azure.cloud.arm == cloud.arm:
                return found.azure
            if found is not None:  # it was started anew, at another address
                self.retire(name)
            async with AsyncExitStack() as stack:
                azure = await stack.enter_async_context(clients.connect(cloud, subscription or None, choose=choose))
                self._open[name, subscription] = _Open(azure, stack.pop_all())
            return azure

    async def running(self, name: str) -> Cloud:
        """A cloud with all that it tells of itself, started if it does not run; nobody is signed in."""
        async with self._locks.setdefault(name, asyncio.Lock()):
            return await self._running(name)

    async def _running(self, name: str) -> Cloud:
        from wizard.azure import clouds

        cloud = await asyncio.to_thread(clouds.find, name)
        if cloud.start is None:
            return cloud
        try:
            return await clouds.current(cloud)
        except UnreachableError:
            began = time.monotonic()
            self.tell("starting", cloud=name)
            cloud = await clouds.ensure_running(cloud)
            self.tell("started", cloud=name, seconds=round(time.monotonic() - began, 1))
            return cloud

    def retire(self, cloud: str) -> None:
        """Use a cloud's connections and answers no more; whoever still does so, may."""
        for key in [key for key in self._open if key[0] == cloud]:
            self._retired.append(self._open.pop(key))
        for answer in [key for key in self._answers if key[0] == cloud]:
            self._answers.pop(answer)

    async def once(self, key: tuple[str, ...], ask: Callable[[], Awaitable[T]]) -> T:
        """Ask for what does not change while a wizard is open once; `key` begins with the cloud's name.

        Many may wait for one answer, and that one of them gives up does not concern the others.
        """
        task = self._answers.get(key)
        if task is None:
            task = self._answers[key] = asyncio.ensure_future(ask())
            task.add_done_callback(lambda done: self._forget_failed(key, done))
        answer: T = await asyncio.shield(task)
        return answer

    def _forget_failed(self, key: tuple[str, ...], task: asyncio.Task[Any]) -> None:
        if task.cancelled() or task.exception() is not None:
            self._answers.pop(key, None)

    async def close(self) -> None:
        """Close every connection, as far as that takes no long time."""
        for cloud in {name for name, _ in self._open}:
            self.retire(cloud)
        with contextlib.suppress(Exception):
            async with asyncio.timeout(CLOSING_S):
                for each in self._retired:
                    await each.stack.aclose()
