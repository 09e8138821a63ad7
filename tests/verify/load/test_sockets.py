"""The lean transport against sockets with bad manners, and against httpx as it comes."""

from __future__ import annotations

import asyncio
import gc
import itertools
import random
import socket
import ssl
import struct
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from tests.verify.load.manners import Serve, server
from tests.verify.load.outsiders import certificates
from tests.verify.servers import free_port
from wizard.verify.load.kinds import kind
from wizard.verify.load.transport import LeanTransport

PAGE = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
BOTH = pytest.mark.parametrize("keep_alive", [True, False])


@asynccontextmanager
async def transport(**options: object) -> AsyncIterator[LeanTransport]:
    made = LeanTransport(**options)  # type: ignore[arg-type]
    try:
        yield made
    finally:
        await made.aclose()
        assert not made.connections


async def ask(lean: LeanTransport, url: str, method: str = "GET", **options: object) -> httpx.Response:
    response = await lean.handle_async_request(httpx.Request(method, url, **options))  # type: ignore[arg-type]
    await response.aread()
    return response


def scripted(*pieces: bytes, pause_s: float = 0.0, then: str = "close") -> Serve:
    """To each request these pieces, then `close`, `reset` or `stay`."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            await reader.readuntil(b"\r\n\r\n")
            for piece in pieces:
                writer.write(piece)
                await asyncio.sleep(pause_s)
            if then == "stay":
                continue
            if then == "reset":
                linger = struct.pack("ii", 1, 0)
                writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            return

    return serve


@BOTH
@pytest.mark.parametrize(
    ("serve", "kinds"),
    [
        (scripted(then="close"), {"protocol"}),
        (scripted(then="reset"), {"reset"}),
        (scripted(PAGE[:30], then="close"), {"protocol"}),
        (scripted(PAGE[:-1], then="close"), {"protocol"}),
        (scripted(PAGE[:-1], pause_s=0.05, then="reset"), {"reset"}),
        (scripted(PAGE[:-1], then="stay"), {"timeout"}),
        (scripted(then="stay"), {"timeout"}),
        (scripted(b"220 mail.example ESMTP\r\n", then="stay"), {"protocol"}),
        (scripted(b"HTTP/2 200 OK\r\n\r\n", then="stay"), {"protocol"}),
        (scripted(b"\x00" * 100, then="stay"), {"protocol"}),
        (scripted(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", then="stay"), {"protocol"}),
        (scripted(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel", then="close"), {"protocol"}),
    ],
)
async def test_kinds(serve: Serve, kinds: set[str], keep_alive: bool) -> None:
    async with server(serve) as url, transport(keep_alive=keep_alive, read_timeout_s=0.2) as lean:
        for _ in range(2):  # the second one is a plain socket where connections are not kept
            with pytest.raises(httpx.TransportError) as failed:
                await ask(lean, url)
            assert {kind(failed.value)} == kinds


@BOTH
async def test_bodies_that_end_with_their_connection(keep_alive: bool) -> None:
    serve = scripted(b"HTTP/1.1 200 OK\r\n\r\n", b"until ", b"the end", pause_s=0.01)
    async with server(serve) as url, transport(keep_alive=keep_alive) as lean:
        for _ in range(3):
            assert (await ask(lean, url)).content == b"until the end"
        assert lean.stale == 0


@BOTH
async def test_a_slow_answer_is_in_time_as_long_as_something_comes(keep_alive: bool) -> None:
    pieces = [PAGE[place : place + 6] for place in range(0, len(PAGE), 6)]
    serve = scripted(*pieces, pause_s=0.05, then="stay")
    async with server(serve) as url, transport(keep_alive=keep_alive, read_timeout_s=0.2) as lean:
        for _ in range(2):
            began = time.perf_counter()
            assert (await ask(lean, url)).content == b"hello"
            assert time.perf_counter() - began > 0.3


@BOTH
async def test_a_read_timeout_is_noticed_in_time(keep_alive: bool) -> None:
    async with server(scripted(then="stay")) as url, transport(keep_alive=keep_alive, read_timeout_s=0.3) as lean:
        for _ in range(2):
            began = time.perf_counter()
            with pytest.raises(httpx.ReadTimeout):
                await ask(lean, url)
            assert 0.29 < time.perf_counter() - began < 0.6


async def test_a_stale_connection_is_replaced_once_and_counted() -> None:
    """The server answers once, and meets the next request on that connection by closing or resetting it."""
    for reset in (False, True):
        heard: list[bytes] = []

        async def serve(
            reader: asyncio.StreamReader,
            writer: asyncio.StreamWriter,
            heard: list[bytes] = heard,
            reset: bool = reset,
        ) -> None:
            heard.append(await reader.readuntil(b"\r\n\r\n"))
            writer.write(PAGE)
            heard.append(await reader.readuntil(b"\r\n\r\n"))
            if reset:
                linger = struct.pack("ii", 1, 0)
                writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)

        async with server(serve) as url, transport() as lean:
            for _ in range(3):
                assert (await ask(lean, url)).content == b"hello"
            assert lean.stale == 2
            assert lean.opened == 3
            with pytest.raises(httpx.TransportError):
                await ask(lean, url, "POST", content=b"once")  # might have been carried out: not sent again
            assert lean.stale == 2


async def test_a_server_that_never_answers_a_second_time_is_not_asked_for_ever() -> None:
    answered = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal answered
        await reader.readuntil(b"\r\n\r\n")
        answered += 1
        if answered == 1:
            writer.write(PAGE)
            await reader.readuntil(b"\r\n\r\n")

    async with server(serve) as url, transport() as lean:
        await ask(lean, url)
        with pytest.raises(httpx.RemoteProtocolError, match="without an answer"):
            await ask(lean, url)
        assert (answered, lean.stale) == (2, 1)


async def test_an_idle_connection_that_the_server_closes_is_forgotten() -> None:
    closed = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(PAGE)
        await writer.drain()
        await closed.wait()

    async with server(serve) as url, transport() as lean:
        await ask(lean, url)
        assert len(lean.idle) == 1
        closed.set()
        async with asyncio.timeout(5):
            while lean.idle:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        await ask(lean, url)
        assert (lean.stale, lean.opened) == (0, 2)


def full_listener() -> tuple[socket.socket, list[socket.socket]]:
    """A listener whose queue is full: further SYNs are dropped, as by a firewall."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(0)
    waiting = []
    for _ in range(2):
        sock = socket.socket()
        sock.setblocking(False)
        sock.connect_ex(listener.getsockname())
        waiting.append(sock)
    return listener, waiting


@BOTH
async def test_a_connection_that_nobody_takes_times_out(keep_alive: bool) -> None:
    listener, waiting = full_listener()
    port = listener.getsockname()[1]
    async with transport(keep_alive=keep_alive, connect_timeout_s=0.3) as lean:
        for known in (False, True):
            if known:  # as if it had been met before: plain sockets then connect by themselves
                lean._address, lean._plainly = (socket.AF_INET, ("127.0.0.1", port)), not keep_alive
            began = time.perf_counter()
            with pytest.raises(httpx.ConnectTimeout):
                await ask(lean, f"http://127.0.0.1:{port}/")
            assert 0.29 < time.perf_counter() - began < 0.6
    for sock in (listener, *waiting):
        sock.close()


async def test_a_plain_socket_whose_handshake_takes_its_time() -> None:
    """The kernel sends a dropped SYN again after a second; by then there is room."""
    listener, waiting = full_listener()
    listener.setblocking(False)
    port = listener.getsockname()[1]
    loop = asyncio.get_running_loop()
    async with transport(keep_alive=False, connect_timeout_s=5, read_timeout_s=0.5) as lean:
        lean._address, lean._plainly = (socket.AF_INET, ("127.0.0.1", port)), True
        asking = asyncio.create_task(ask(lean, f"http://127.0.0.1:{port}/", "POST", content=b"x" * 100_000))
        await asyncio.sleep(0.05)
        for one in waiting:
            one.close()
        got, accepted = b"", []
        while not got:  # those that only waited end without a word
            sock, _ = await loop.sock_accept(listener)
            accepted.append(sock)
            got = await loop.sock_recv(sock, 65536)
        while not got.endswith(b"x" * 100_000):
            got += await loop.sock_recv(sock, 65536)
        await loop.sock_sendall(sock, PAGE)
        assert (await asking).content == b"hello"
    for one in (listener, *accepted):
        one.close()


@BOTH
async def test_a_big_request_arrives_whole(keep_alive: bool) -> None:
    got: list[int] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
            got.append(len(await reader.readexactly(length)))
            writer.write(PAGE)

    async def parts() -> AsyncIterator[bytes]:
        yield b"part"
        yield b"s"

    async with server(serve) as url, transport(keep_alive=keep_alive) as lean:
        for _ in range(2):
            assert (await ask(lean, url, "POST", content=b"x" * 5_000_000)).content == b"hello"
        assert (await ask(lean, url, "PUT", content=parts())).content == b"hello"
    assert got == [5_000_000, 5_000_000, 5]


@BOTH
async def test_refused(keep_alive: bool) -> None:
    async with transport(keep_alive=keep_alive) as lean:
        async with server(scripted(PAGE)) as url:
            await ask(lean, url)
        for _ in range(2):
            with pytest.raises(httpx.ConnectError) as refused:
                await ask(lean, url)
            assert kind(refused.value) == "refused"
    async with transport() as lean:
        with pytest.raises(httpx.ConnectError):
            await ask(lean, f"http://127.0.0.1:{free_port()}/")
        with pytest.raises(httpx.ConnectError) as nameless:
            await ask(lean, "http://no-such-host.invalid/")
        assert kind(nameless.value) == "connect"


async def test_a_name_with_several_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    async with server(scripted(PAGE, then="stay")) as url, transport() as lean:
        port = httpx.URL(url).port
        dead, alive = ("127.0.0.2", port), ("127.0.0.1", port)
        looked_up: list[str] = []

        async def lookup(host: str, *_: object, **__: object) -> list[tuple[object, ...]]:
            looked_up.append(host)
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", where) for where in (dead, alive)]

        monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", lookup)
        assert (await ask(lean, f"http://several.example:{port}/")).content == b"hello"
        lean.idle.pop().transport.abort()
        assert (await ask(lean, f"http://several.example:{port}/")).content == b"hello"
        assert looked_up.count("several.example") == 1, "the address that worked is kept"


@BOTH
async def test_cancelled_requests_leave_nothing_behind(keep_alive: bool) -> None:
    async with server(scripted(then="stay")) as url, transport(keep_alive=keep_alive) as lean:
        for pause_s in (0, 0, 0.05, 0.05):
            asking = asyncio.create_task(ask(lean, url))
            await asyncio.sleep(pause_s)
            asking.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asking
        async with asyncio.timeout(2):
            while lean.connections or lean._connecting:  # noqa: ASYNC110
                await asyncio.sleep(0.01)


async def test_closing_tells_everyone(tmp_path: Path) -> None:
    """Connecting, in the middle of a TLS handshake, or waiting for an answer: each is told, and nothing is left."""

    async def mute(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async with server(mute) as url:
        for scheme in ("http", "https"):
            for pause_s in (0, 0.05):
                lean = LeanTransport(tls=ssl.create_default_context())
                asking = [asyncio.create_task(ask(lean, url.replace("http:", f"{scheme}:"))) for _ in range(5)]
                await asyncio.sleep(pause_s)
                await lean.aclose()
                outcomes = await asyncio.wait_for(asyncio.gather(*asking, return_exceptions=True), 2)
                assert all(isinstance(outcome, httpx.TransportError) for outcome in outcomes), outcomes
                assert not lean.connections
                gc.collect()  # a socket left open would be a ResourceWarning, and those are errors here
    made = certificates(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*made.good)
    trusting = ssl.create_default_context(cafile=str(made.authority))
    async with server(scripted(PAGE, then="stay"), tls=context) as url:
        lean = LeanTransport(tls=trusting)
        assert (await ask(lean, url)).content == b"hello"
        await lean.aclose()
        assert not lean.connections
        gc.collect()


def an_answer(chance: random.Random) -> list[bytes]:
    """A random answer, right or wrong, in random pieces."""
    body = chance.randbytes(chance.choice([0, 1, 65, 3000]))
    status = chance.choice([200, 200, 200, 204, 301, 304, 404, 503])
    bare = status in (204, 304)
    head = f"HTTP/1.{chance.choice('1110')} {status} Reason\r\nX-Served-By: vm{chance.randint(1, 3)}\r\n".encode()
    framing = chance.choice(["length", "chunked", "close"])
    if bare:
        data = head + b"\r\n"
    elif framing == "length":
        data = head + b"Content-Length: %d\r\n\r\n" % len(body) + body
    elif framing == "chunked":
        head = head.replace(b"HTTP/1.0", b"HTTP/1.1")
        data = head + b"Transfer-Encoding: chunked\r\n\r\n" + (b"%x\r\n%s\r\n" % (len(body), body) if body else b"")
        data += b"0\r\n\r\n"
    else:
        data = head + b"\r\n" + body
    fault = chance.choice(["", "", "", "cut", "spoilt"])
    if fault == "cut" and framing != "close":
        data = data[: chance.randrange(len(data))]
    elif fault == "spoilt":
        data = b"\x16\x03" + data
    edges = sorted({0, len(data), *(chance.randrange(len(data) + 1) for _ in range(chance.randint(0, 3)))})
    return [data[start:end] for start, end in itertools.pairwise(edges)]


async def test_random_answers_are_what_httpx_says_they_are() -> None:
    chance = random.Random(20261123)
    made = [an_answer(chance) for _ in range(150)]

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        for piece in made[int(head.split()[1].strip(b"/"))]:
            writer.write(piece)
            await asyncio.sleep(0)

    async def outcome(client: httpx.AsyncBaseTransport, url: str) -> tuple[object, ...]:
        request = httpx.Request("GET", url)
        try:
            response = await client.handle_async_request(request)
            content = await response.aread()
            await response.aclose()
        except httpx.TransportError as error:
            return (kind(error),)
        return response.status_code, response.headers.multi_items(), content

    async with server(serve) as url, transport(keep_alive=False) as once, transport() as kept:
        stock = httpx.AsyncHTTPTransport(trust_env=False)
        for number in range(len(made)):
            expected = await outcome(stock, f"{url}{number}")
            for lean in (once, kept):
                assert await outcome(lean, f"{url}{number}") == expected, made[number]
        await stock.aclose()
