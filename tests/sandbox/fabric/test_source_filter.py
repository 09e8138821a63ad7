"""The socket filter: a denied source gets no handshake, an allowed one does."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator

import pytest

from tests.sandbox.fabric.azure_documents import loopback
from wizard.sandbox.fabric import addresses, sourcefilter
from wizard.sandbox.fabric.addresses import EVERYTHING, NOTHING

pytestmark = pytest.mark.skipif(not sourcefilter.AVAILABLE, reason="socket filters are Linux's")


@contextlib.contextmanager
def listening(allowed: addresses.Addresses) -> Iterator[tuple[socket.socket, tuple[str, int]]]:
    with socket.socket() as server:
        assert sourcefilter.attach(server, allowed)
        server.bind((loopback(), 0))
        server.listen()
        yield server, server.getsockname()


def answers(where: tuple[str, int], source: str) -> bool:
    try:
        with socket.create_connection(where, timeout=0.3, source_address=(source, 0)):
            return True
    except TimeoutError:
        return False


def test_only_allowed_sources_shake_hands() -> None:
    allowed = addresses.union([addresses.prefix("127.0.0.8/30"), addresses.prefix("127.0.1.0/24")])
    with listening(allowed) as (_, where):
        asked = ("127.0.0.7", "127.0.0.8", "127.0.0.11", "127.0.0.12", "127.0.1.0", "127.0.1.255", "127.0.2.0")
        found = {source: answers(where, source) for source in asked}
    assert [source for source, answered in found.items() if answered] == [
        "127.0.0.8",
        "127.0.0.11",
        "127.0.1.0",
        "127.0.1.255",
    ]


def test_a_new_filter_replaces_the_old_and_leaves_connections_alone() -> None:
    with listening(EVERYTHING) as (server, where), socket.create_connection(where) as client:
        accepted = server.accept()[0]
        sourcefilter.attach(server, NOTHING)
        assert not answers(where, "127.0.0.1")
        client.sendall(b"still here")
        accepted.settimeout(2)
        assert accepted.recv(100) == b"still here"
        accepted.close()


def test_too_many_intervals_leave_the_decision_to_the_check_at_accept() -> None:
    many = tuple((2 * n, 2 * n) for n in range(2000))
    assert sourcefilter.program(many) is None
    with listening(NOTHING) as (server, where):
        assert sourcefilter.attach(server, many) is False
        assert answers(where, "127.0.0.1")
