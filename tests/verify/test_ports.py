"""Closed and open, as a stranger finds them."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import socket
import struct
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from tests.verify.servers import free_port
from wizard.verify import ports

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def listening(handler: Handler, host: str = "127.0.0.1") -> AsyncIterator[int]:
    served: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        served.add(asyncio.current_task())  # type: ignore[arg-type]
        await handler(reader, writer)
        with contextlib.suppress(OSError):
            await writer.wait_closed()

    server = await asyncio.start_server(serve, host, 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await asyncio.gather(*served, return_exceptions=True)


async def speaks(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"SSH-2.0-x\r\n")
    await writer.drain()
    writer.close()


async def waits(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()
    writer.close()


async def hangs_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.close()


async def resets(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    sock = writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


@pytest.mark.parametrize(
    ("handler", "state"), [(speaks, "open"), (waits, "open"), (hangs_up, "closed"), (resets, "closed")]
)
async def test_what_a_connection_meets(handler: Handler, state: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ports, "LISTEN_S", 0.2)
    async with listening(handler) as port:
        assert await ports.reach("127.0.0.1", port) == state


async def test_refused_is_closed() -> None:
    assert await ports.reach("127.0.0.1", free_port()) == "closed"


async def test_an_address_that_is_not_ours_cannot_be_tried_from() -> None:
    assert await ports.reach("127.0.0.1", free_port(), "203.0.113.77") == "cannot-try"


async def test_open_ports_are_told_from_closed_ones() -> None:
    async with listening(speaks) as one, listening(speaks) as two:
        found, untold = await ports.open_among("127.0.0.1", [one, free_port(), two, one])
    assert found == sorted([one, two])
    assert untold == []


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has all of 127.0.0.0/8")
async def test_a_listener_on_every_address_says_nothing_about_this_one() -> None:
    async with listening(speaks, "0.0.0.0") as everywhere, listening(speaks, "127.0.0.1") as here:
        found, untold = await ports.open_among("127.0.0.1", [everywhere, here])
    assert found == [here]
    assert untold == [everywhere]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has all of 127.0.0.0/8")
async def test_the_source_is_the_one_asked_for() -> None:
    seen: list[str] = []

    async def notes(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(writer.get_extra_info("peername")[0])
        writer.close()

    async with listening(notes) as port:
        await ports.reach("127.0.0.1", port, "127.200.1.2")
    assert seen == ["127.200.1.2"]


@pytest.mark.parametrize(
    ("host", "allowed", "possible"),
    [
        ("127.18.4.5", ["127.0.0.1/32"], True),
        ("127.18.4.5", ["10.0.0.0/8", "AzureCloud"], True),
        ("127.18.4.5", [], True),
        ("127.18.4.5", ["127.0.0.0/8"], False),
        ("127.18.4.5", ["Internet"], False),
        ("127.18.4.5", ["127.0.0.1", "*"], False),
        ("203.0.113.5", ["198.51.100.7/32"], False),
    ],
)
def test_a_foreign_source_is_one_that_is_not_allowed(host: str, allowed: list[str], possible: bool) -> None:
    source = ports.foreign_source(host, allowed)
    assert (source is not None) is possible
    if source is not None:
        assert ipaddress.ip_address(source).is_loopback
        assert source != "127.0.0.1"
