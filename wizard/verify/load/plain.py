"""TCP sockets driven by hand, for connections that carry one plain-HTTP exchange each.

`loop.create_connection` costs a task, a future and several turns of the loop, and watching a socket through the loop a
handle that lives for one answer. Here all sockets of a transport are watched by one epoll object, itself watched by the
loop; the request is sent in the turn that asks for it (on loopback the handshake is over by then; elsewhere it waits
until the socket is writable), and the end that the server sends behind its answer is mostly read together with it.
Together that saves a quarter of the CPU of a request on a connection of its own.
"""

from __future__ import annotations

import asyncio
import errno
import os
import select
import socket
import sys
from time import perf_counter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from wizard.verify.load.connection import Connection

READ = 64 * 1024
"""Bytes read at once."""

AVAILABLE = sys.platform == "linux"
"""Elsewhere there is no epoll, and connections are made as asyncio makes them."""


class Watch:
    """One epoll object for all of a transport's plain sockets."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.epoll = select.epoll()
        self.sockets: dict[int, PlainSocket] = {}
        loop.add_reader(self.epoll.fileno(), self._ready)

    def close(self) -> None:
        """Every socket must be closed by now."""
        self.loop.remove_reader(self.epoll.fileno())
        self.epoll.close()

    def _ready(self) -> None:
        for fd, events in self.epoll.poll(0):
            # A socket that was closed by what an earlier event led to may have left its number to a new one; what is
            # done then finds nothing to read, and nothing is lost.
            plain = self.sockets.get(fd)
            if plain is None:
                continue
            if events & select.EPOLLOUT:
                plain.writable()
            if events & ~select.EPOLLOUT:
                plain.readable()


class PlainSocket(asyncio.Transport):
    """What a Connection asks of its transport, over a socket of ours."""

    __slots__ = ("_connection", "_fd", "_sock", "_unsent", "_watch")

    def __init__(self, watch: Watch, connection: Connection) -> None:
        super().__init__()
        self._watch = watch
        self._connection = connection
        self._sock: socket.socket | None = None
        self._fd = -1
        self._unsent = b""

    def connect(self, family: socket.AddressFamily, address: tuple[Any, ...]) -> None:
        """Begin to connect. Raises OSError when that is known to have failed already."""
        sock = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        failed = sock.connect_ex(address)
        if failed not in {0, errno.EINPROGRESS}:
            sock.close()
            raise OSError(failed, os.strerror(failed))
        self._sock = sock
        self._fd = fd = sock.fileno()
        self._watch.sockets[fd] = self
        self._watch.epoll.register(fd, select.EPOLLIN)
        self._connection.connecting = True
        self._connection.connection_made(self)

    def write(self, data: bytes | bytearray | memoryview) -> None:
        assert self._sock is not None
        try:
            sent = self._sock.send(data)
            self._connection.connecting = False
        except BlockingIOError:
            sent = 0
        except OSError as error:
            self._watch.loop.call_soon(self._lost, error)
            return
        if sent < len(data):
            self._unsent = bytes(data[sent:])
            self._watch.epoll.modify(self._fd, select.EPOLLIN | select.EPOLLOUT)

    def ended(self) -> bool:
        """Whether the server has closed its side by now; then this one is closed too."""
        if self._sock is None:
            return True
        try:
            over = not self._sock.recv(READ)
        except BlockingIOError:
            return False
        except OSError:
            over = True
        if over:
            self._lost(None)
        else:
            self.abort()  # more than was asked for
        return True

    def abort(self) -> None:
        if self._sock is not None:
            self._lost(None)

    def close(self) -> None:
        self.abort()

    def is_closing(self) -> bool:
        return self._sock is None

    def readable(self) -> None:
        if self._sock is None:
            return
        try:
            data = self._sock.recv(READ)
        except (BlockingIOError, InterruptedError):
            return
        except OSError as error:
            self._lost(error)
            return
        if data:
            self._connection.data_received(data)
        else:
            self._connection.eof_received()
            self._lost(None)

    def writable(self) -> None:
        if self._sock is None:
            return
        failed = self._sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if failed:
            self._lost(OSError(failed, os.strerror(failed)))
            return
        self._connection.heard = perf_counter()  # from here on it is the answer that is waited for
        self._watch.epoll.modify(self._fd, select.EPOLLIN)
        unsent, self._unsent = self._unsent, b""
        self.write(unsent)

    def _lost(self, error: OSError | None) -> None:
        sock, self._sock = self._sock, None
        if sock is None:
            return
        del self._watch.sockets[self._fd]
        sock.close()  # epoll forgets it by itself
        self._connection.connection_lost(error)
