"""Connections that stay: what happens to users who are in the middle of something when their VM goes away.

Each is kept alive and asks for the page twice a second. The balancer never moves it to another VM, so it either goes on
(its VM is still there) or ends with its VM.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import httpx

    from wizard.verify.load.transport import LeanTransport

EACH_S = 0.5
TIMEOUT_S = 3.0


class HeldConnections:
    """`count` kept-alive connections, opened by `start` and watched until `end`."""

    def __init__(self, url: str, count: int, header: str) -> None:
        self.url = url
        self.count = count
        self.header = header
        self.survived: Counter[str] = Counter()
        self.reset: Counter[str] = Counter()
        self._tasks: list[asyncio.Task[None]] = []
        self._over = False

    def start(self) -> None:
        self._tasks = [asyncio.create_task(self._hold(number)) for number in range(self.count)]

    async def end(self) -> None:
        """Ask each one last time, and close them."""
        self._over = True
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def cancel(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _hold(self, number: int) -> None:
        await asyncio.sleep(EACH_S * number / max(1, self.count))  # spread: not all in the same moment
        while await self._hold_one():
            pass

    async def _hold_one(self) -> bool:
        """One connection from its first answer to its end; whether the server took its leave and another is wanted."""
        import httpx

        from wizard.verify.load.transport import LeanTransport

        transport = LeanTransport(connect_timeout_s=TIMEOUT_S, read_timeout_s=TIMEOUT_S)
        request = httpx.Request("GET", self.url)
        vm = ""
        try:
            with contextlib.suppress(httpx.TransportError):
                vm, leaving = await self._ask(transport, request)
            while vm:
                last = self._over
                if leaving:
                    self.survived[vm] += last
                    await asyncio.sleep(EACH_S)
                    return not last
                try:
                    answered, leaving = await self._ask(transport, request)
                except httpx.TransportError:
                    answered = ""
                if answered != vm or transport.opened > 1:  # one that had been closed was opened anew
                    self.reset[vm] += 1
                    return False
                if last:
                    self.survived[vm] += 1
                    return False
                await asyncio.sleep(EACH_S)
            return False
        finally:
            await transport.aclose()

    async def _ask(self, transport: LeanTransport, request: httpx.Request) -> tuple[str, bool]:
        """The VM that answered, and whether it said that this was the connection's last answer (RFC 9112, 9.6).

        A server ends a connection after so many answers (nginx 1,000, Apache 100): that is no user's loss.
        """
        from wizard.verify.load.answer import HEAD

        response = await transport.handle_async_request(request)
        return str(response.headers.get(self.header, "")) or "unnamed", not response.extensions[HEAD].keep_alive
