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
        import httpx

        from wizard.verify.load.transport import LeanTransport

        transport = LeanTransport(connect_timeout_s=TIMEOUT_S, read_timeout_s=TIMEOUT_S)
        request = httpx.Request("GET", self.url)
        vm = ""
        try:
            await asyncio.sleep(EACH_S * number / max(1, self.count))  # spread: not all in the same moment
            with contextlib.suppress(httpx.TransportError):
                vm = await self._ask(transport, request)
            while vm:
                last = self._over
                if not await self._still(transport, request, vm):
                    self.reset[vm] += 1
                    return
                if last:
                    self.survived[vm] += 1
                    return
                await asyncio.sleep(EACH_S)
        finally:
            await transport.aclose()

    async def _still(self, transport: LeanTransport, request: httpx.Request, vm: str) -> bool:
        """Whether the same connection answered again: one that had been closed would be opened anew, and counted."""
        import httpx

        try:
            answered = await self._ask(transport, request)
        except httpx.TransportError:
            return False
        return transport.opened == 1 and answered == vm

    async def _ask(self, transport: LeanTransport, request: httpx.Request) -> str:
        response = await transport.handle_async_request(request)
        return str(response.headers.get(self.header, "")) or "unnamed"
