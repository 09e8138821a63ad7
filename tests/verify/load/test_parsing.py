"""However an answer is cut into reads, it is the one h11 reads; and heads that were seen before deceive nobody."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import h11
import httpx
from hypothesis import given, settings
from hypothesis import strategies as st

from wizard.verify.load import answer
from wizard.verify.load.connection import Connection
from wizard.verify.load.transport import LeanTransport


class Wire(asyncio.Transport):
    """A socket that only remembers whether it was dropped."""

    def __init__(self) -> None:
        super().__init__()
        self.dropped = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        pass

    def abort(self) -> None:
        self.dropped = True


@dataclass
class Asked:
    request: httpx.Request
    attempts: int = 1
    flow: Any = None
    outcomes: list[httpx.Response | Exception] = field(default_factory=list)

    def answered(self, response: httpx.Response) -> None:
        self.outcomes.append(response)

    def failed(self, error: Exception) -> None:
        self.outcomes.append(error)


def ask(owner: LeanTransport, reads: Sequence[bytes], method: str = "GET", ends: bool = False) -> Asked:
    """Send a request on a new connection of `owner` and let these reads come back."""
    exchange = Asked(httpx.Request(method, "http://x/", extensions={"multivm.wire": b""}))
    connection = Connection(owner)
    connection.connection_made(Wire())
    connection.send(exchange)
    for data in reads:
        if not connection.transport.dropped:  # type: ignore[attr-defined]
            connection.data_received(data)
    if ends and not connection.transport.dropped:  # type: ignore[attr-defined]
        connection.eof_received()
        connection.connection_lost(None)
    owner.idle.clear()
    return exchange


Read = tuple[int, list[tuple[bytes, bytes]], bytes]


def as_read(exchange: Asked) -> Read | str:
    (outcome,) = exchange.outcomes
    if isinstance(outcome, Exception):
        return type(outcome).__name__
    body = outcome.stream.data  # type: ignore[union-attr]
    return outcome.status_code, [(name.lower(), value) for name, value in outcome.headers.raw], body


def as_h11_reads(data: bytes, method: str = "GET") -> Read:
    client = h11.Connection(h11.CLIENT)
    client.send(h11.Request(method=method, target="/", headers=[("Host", "x")]))
    client.send(h11.EndOfMessage())
    client.receive_data(data)
    head: h11.Response | None = None
    body = b""
    while True:
        event = client.next_event()
        if event is h11.NEED_DATA:
            client.receive_data(b"")
        elif isinstance(event, h11.Response):
            head = event
        elif isinstance(event, h11.Data):
            body += bytes(event.data)
        elif isinstance(event, h11.EndOfMessage):
            assert head is not None
            return head.status_code, [(bytes(name), bytes(value)) for name, value in head.headers], body


names = st.sampled_from([b"Server", b"X-Served-By", b"Date", b"set-cookie", b"X-A"])
values = st.text("abc XYZ-=;,/0123456789", max_size=12).map(lambda text: text.strip().encode())


@st.composite
def answers(draw: st.DrawFn) -> tuple[bytes, bool]:
    """A valid answer to a GET, and whether it ends with its connection."""
    interim = b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" * draw(st.integers(0, 2))
    status = draw(st.sampled_from([200, 200, 200, 204, 304, 301, 404, 500, 503]))
    body = draw(st.binary(max_size=40))
    headers = draw(st.lists(st.tuples(names, values), max_size=4))
    framing = draw(st.sampled_from(["length", "chunked", "close"]))
    if status in (204, 304):
        framing, body = "none", b""
    payload = body
    if framing == "length":
        headers.append((b"Content-Length", str(len(body)).encode()))
    elif framing == "chunked":
        headers.append((b"Transfer-Encoding", b"chunked"))
        payload = b""
        while body:
            size = draw(st.integers(1, len(body)))
            payload += b"%x\r\n%s\r\n" % (size, body[:size])
            body = body[size:]
        payload += b"0\r\n\r\n"
    head = b"HTTP/1.1 %d Some Reason\r\n" % status + b"".join(b"%s: %s\r\n" % header for header in headers)
    return interim + head + b"\r\n" + payload, framing == "close"


def cut(data: bytes, places: Sequence[int]) -> list[bytes]:
    edges = [0, *sorted({place % len(data) for place in places} - {0}), len(data)]
    return [data[start:end] for start, end in itertools.pairwise(edges)]


@settings(max_examples=300, deadline=None)
@given(answers(), st.lists(st.integers(0, 400), max_size=6))
def test_any_split_reads_as_h11_reads_it(made: tuple[bytes, bool], places: list[int]) -> None:
    data, ends = made
    assert as_read(ask(LeanTransport(), cut(data, places), ends=ends)) == as_h11_reads(data)


@settings(max_examples=50, deadline=None)
@given(answers())
def test_byte_by_byte(made: tuple[bytes, bool]) -> None:
    data, ends = made
    assert as_read(ask(LeanTransport(), [bytes([one]) for one in data], ends=ends)) == as_h11_reads(data)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(answers(), st.lists(st.integers(0, 400), max_size=2)), min_size=2, max_size=4), st.data())
def test_answers_before_do_not_change_how_one_is_read(
    made: list[tuple[tuple[bytes, bool], list[int]]], data: st.DataObject
) -> None:
    owner = LeanTransport()
    for _ in range(2):  # the second time the heads are known
        for (bytes_, ends), places in made:
            whole = data.draw(st.booleans())
            reads = [bytes_] if whole else cut(bytes_, places)
            assert as_read(ask(owner, reads, ends=ends)) == as_h11_reads(bytes_)


@settings(max_examples=300, deadline=None)
@given(answers(), st.integers(0, 400), st.binary(min_size=1, max_size=3), st.lists(st.integers(0, 400), max_size=3))
def test_a_spoiled_answer_is_told_once_and_raises_nothing(
    made: tuple[bytes, bool], place: int, spoil: bytes, places: list[int]
) -> None:
    data, _ = made
    place %= len(data)
    spoiled = data[:place] + spoil + data[place + len(spoil) :]
    assert len(ask(LeanTransport(), cut(spoiled, places), ends=True).outcomes) == 1


LONG = b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n"
SHORT = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"


def test_heads_that_differ_only_in_length_are_two_heads() -> None:
    owner = LeanTransport()
    for _ in range(3):
        assert as_read(ask(owner, [LONG + b"0123456789"]))[2] == b"0123456789"
        assert as_read(ask(owner, [SHORT + b"01234"]))[2] == b"01234"
    assert len(owner.heads) == 2


def test_a_known_head_whose_body_comes_later_waits_for_it() -> None:
    owner = LeanTransport()
    ask(owner, [LONG + b"0123456789"])
    assert as_read(ask(owner, [LONG, b"01234", b"56789"]))[2] == b"0123456789"
    assert as_read(ask(owner, [LONG + b"01234"], ends=True)) == "RemoteProtocolError"
    assert ask(owner, [LONG]).outcomes == []


def test_head_and_get_share_heads_but_not_lengths() -> None:
    owner = LeanTransport()
    assert as_read(ask(owner, [LONG], "HEAD"))[2] == b""
    assert ask(owner, [LONG]).outcomes == [], "the GET's body is still to come"
    assert as_read(ask(owner, [LONG + b"0123456789"]))[2] == b"0123456789"
    assert as_read(ask(owner, [LONG], "HEAD"))[2] == b""
    interim = b"HTTP/1.1 100 Continue\r\n\r\n"
    assert as_read(ask(owner, [interim, LONG], "HEAD"))[0] == 200


def test_an_interim_answer_is_no_answer() -> None:
    assert as_read(ask(LeanTransport(), [b"HTTP/1.1 100 Continue\r\n\r\n"], ends=True)) == "RemoteProtocolError"
    assert ask(LeanTransport(), [b"HTTP/1.1 103 Early\r\n\r\n"]).outcomes == []
    upgrade = b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n"
    assert as_read(ask(LeanTransport(), [upgrade], ends=True)) == "RemoteProtocolError"
    offered = b"HTTP/1.1 200 OK\r\nConnection: upgrade\r\nUpgrade: h2\r\nContent-Length: 2\r\n\r\nhi"
    assert as_read(ask(LeanTransport(), [offered]))[2] == b"hi"


def test_more_than_was_asked_for_ends_the_connection_but_not_the_answer() -> None:
    for more in (SHORT + b"01234", b"nonsense", b"HTTP"):
        owner = LeanTransport()
        exchange = Asked(httpx.Request("GET", "http://x/", extensions={"multivm.wire": b""}))
        connection = Connection(owner)
        connection.connection_made(Wire())
        connection.send(exchange)
        connection.data_received(LONG + b"0123456789" + more)
        assert as_read(exchange)[2] == b"0123456789"
        assert owner.idle == [], more
    closing = LONG.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
    assert as_read(ask(LeanTransport(), [closing + b"0123456789more"]))[2] == b"0123456789"


def test_bytes_on_an_idle_connection_drop_it() -> None:
    owner = LeanTransport()
    connection = Connection(owner)
    wire = Wire()
    connection.connection_made(wire)
    connection.send(Asked(httpx.Request("GET", "http://x/", extensions={"multivm.wire": b""})))
    connection.data_received(LONG + b"0123456789")
    assert owner.idle == [connection]
    connection.data_received(SHORT + b"01234")
    assert owner.idle == []
    assert wire.dropped


def test_what_has_no_end_is_given_up(monkeypatch: Any) -> None:
    endless = [b"HTTP/1.1 200 OK\r\n", *([b"X: " + b"y" * 1000 + b"\r\n"] * 200)]
    assert as_read(ask(LeanTransport(), endless)) == "RemoteProtocolError"
    interims = [b"HTTP/1.1 100 Continue\r\n\r\n" * 100] * 100
    assert as_read(ask(LeanTransport(), interims)) == "RemoteProtocolError"
    monkeypatch.setattr(answer, "LARGEST_BODY", 1000)
    assert as_read(ask(LeanTransport(), [b"HTTP/1.1 200 OK\r\n\r\n", *([b"x" * 300] * 4)])) == "RemoteProtocolError"


def test_the_memory_of_heads_is_bounded() -> None:
    owner = LeanTransport()
    for number in range(2000):
        ask(owner, [b"HTTP/1.1 200 OK\r\nX-Id: %d\r\nContent-Length: 0\r\n\r\n" % number])
    assert 0 < len(owner.heads) <= 512
