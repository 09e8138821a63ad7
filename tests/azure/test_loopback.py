"""A port of this computer is asked for without being taken from anybody who asks the same."""

from __future__ import annotations

import socket

from wizard.azure import loopback


def test_who_asks_at_the_same_moment_takes_the_port_from_nobody():
    with socket.socket() as somebody:
        somebody.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        somebody.bind(("127.0.0.1", 0))  # as another process does while it asks
        assert loopback.conflict("", somebody.getsockname()[1]) is None


def test_who_listens_has_it_whatever_address_he_names():
    for address in ("127.0.0.1", "0.0.0.0"):
        with socket.create_server((address, 0)) as server:
            told = loopback.conflict("", server.getsockname()[1])
            assert told == "Another program on this computer listens on it."
