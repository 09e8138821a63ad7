"""The in-memory connection: order, pressure, halves and ends."""

from __future__ import annotations

import asyncio

from tests.sandbox.fabric.conftest import until
from wizard.sandbox.fabric import wire


class Side(asyncio.Protocol):
    def __init__(self) -> None:
        self.received = b""
        self.eof = self.paused = False
        self.lost: list[Exception | None] = []

    def data_received(self, data: bytes) -> None:
        self.received += data

    def eof_received(self) -> bool:
        self.eof = True
        return True

    def pause_writing(self) -> None:
        self.paused = True

    def resume_writing(self) -> None:
        self.paused = False

    def connection_lost(self, error: Exception | None) -> None:
        self.lost.append(error)


def joined() -> tuple[wire.WireEnd, Side, wire.WireEnd, Side]:
    near, far = wire.pair(("10.0.0.4", 5000), ("10.0.0.5", 80))
    client, server = Side(), Side()
    near.set_protocol(client)
    far.set_protocol(server)
    return near, client, far, server


async def test_a_reader_that_pauses_holds_its_writer() -> None:
    near, client, far, server = joined()
    far.pause_reading()
    sent = b""
    while not client.paused:
        near.write(b"x" * 10_000)
        sent += b"x" * 10_000
    assert len(sent) < 100_000
    assert server.received == b""
    near.close()
    far.resume_reading()
    await until(lambda: server.lost)
    assert server.received == sent
    assert server.lost == [None]
    assert client.lost == [None]


async def test_a_half_closed_side_still_hears() -> None:
    near, client, far, server = joined()
    near.write(b"question")
    near.write_eof()
    await until(lambda: server.eof)
    far.write(b"answer")
    assert (server.received, client.received) == (b"question", b"answer")
    assert not client.lost


async def test_an_abort_is_an_error_at_the_other_end_and_told_once() -> None:
    near, client, far, server = joined()
    far.abort()
    far.abort()
    near.close()
    await until(lambda: server.lost and client.lost)
    assert server.lost == [None]
    assert len(client.lost) == 1


async def test_a_severed_end_tells_nothing() -> None:
    near, client, far, server = joined()
    far.sever()
    near.write(b"hello?")
    await until(lambda: server.lost)
    assert server.received == b""
    assert client.lost == []
