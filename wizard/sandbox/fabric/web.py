"""The machines' web server: HTTP/1.1 as nginx answers it, driven by the nginx configuration on the machine's disk.

`answers.py` decides what to say; here is how it is said. A request that was answered before, byte for byte, from an
unchanged configuration and disk is answered from memory: that path is one dictionary lookup and one write.
"""

from __future__ import annotations

import asyncio
import time
from email.utils import formatdate
from typing import Protocol, cast

from wizard.sandbox.fabric.answers import Request
from wizard.sandbox.fabric.work import Work

_MAX_LINE = 8 * 1024  # nginx's large_client_header_buffers: one line, and four such buffers in all
_MAX_HEAD = 4 * _MAX_LINE
_MAX_BODY = 1024 * 1024  # nginx's client_max_body_size
_KEEP_ALIVE = 75.0  # s, nginx's keepalive_timeout
_REMEMBERED = 512

_date = (0, b"")


def http_date() -> bytes:
    """The Date header's value now, made once a second."""
    global _date  # noqa: PLW0603
    now = int(time.time())
    if _date[0] != now:
        _date = (now, formatdate(now, usegmt=True).encode())
    return _date[1]


class Answer(Protocol):
    """What a site says to one request. `repeatable`: it would say the same to the same bytes."""

    repeatable: bool

    def wire(self, *, keep: bool, head: bool) -> tuple[bytes, bytes]: ...


class Site(Protocol):
    """What a connection asks: nginx's servers on a port (`answers`), or IIS's site."""

    work: Work
    """What the machine does is counted there: each request once."""

    @property
    def keepalive_requests(self) -> int: ...

    def remembered(self, raw: bytes) -> tuple[bytes, bytes] | None: ...

    def remember(self, raw: bytes, before: bytes, after: bytes, most: int) -> None: ...

    def refusal(self, status: int, peer: tuple[str, int], local: tuple[str, int]) -> Answer: ...

    def respond(self, request: Request) -> Answer: ...


class HttpConnection(asyncio.Protocol):
    """One connection to a machine's port."""

    __slots__ = (
        "_active",
        "_body_left",
        "_buffer",
        "_chunked",
        "_closing",
        "_ending",
        "_local",
        "_paused",
        "_peer",
        "_served",
        "_site",
        "_timer",
        "_transport",
    )

    def __init__(self, site: Site) -> None:
        self._site = site
        self._transport: asyncio.Transport | None = None
        self._buffer = b""
        self._body_left = 0
        self._chunked = False
        self._served = 0
        self._closing = False
        self._ending = False
        self._paused = False
        self._active = True
        self._peer = ("", 0)
        self._local = ("", 0)
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._peer = transport.get_extra_info("peername")
        self._local = transport.get_extra_info("sockname")
        self._watch()

    def connection_lost(self, error: Exception | None) -> None:
        self._transport = None
        if self._timer is not None:
            self._timer.cancel()

    def data_received(self, data: bytes) -> None:
        self._active = True
        if not self._buffer and not self._body_left and not self._chunked and not self._closing and not self._paused:
            known = self._site.remembered(data)
            if known is not None and self._served + 1 < self._site.keepalive_requests:
                self._served += 1
                self._site.work.requests += 1
                cast(asyncio.Transport, self._transport).write(b"".join((known[0], http_date(), known[1])))
                return
        self._buffer += data
        self._work()

    def eof_received(self) -> bool:
        """What was asked before the client closed its side is still answered."""
        self._ending = True
        return self._paused

    def pause_writing(self) -> None:
        self._paused = True
        if self._transport is not None:
            self._transport.pause_reading()

    def resume_writing(self) -> None:
        self._paused = False
        if self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()
            self._work()
            if self._ending and not self._paused:
                self._finish()

    def _watch(self) -> None:
        """Close a connection that has been quiet for the keep-alive time; looked at coarsely, not per request."""
        if self._active:
            self._active = False
            self._timer = asyncio.get_running_loop().call_later(_KEEP_ALIVE, self._watch)
        elif self._transport is not None:
            self._transport.close()

    def _work(self) -> None:
        while self._buffer and not self._closing and not self._paused and self._transport is not None:
            if self._body_left or self._chunked:
                if not self._drain():
                    return
                continue
            if self._buffer[:2] == b"\r\n":  # empty lines before a request are skipped
                self._buffer = self._buffer[2:]
                continue
            end = self._buffer.find(b"\r\n\r\n")
            if end < 0:
                line = self._buffer.find(b"\r\n")
                if (line < 0 and len(self._buffer) > _MAX_LINE) or line > _MAX_LINE:
                    self._refuse(414)
                elif len(self._buffer) > _MAX_HEAD:
                    self._refuse(400)
                return
            raw, whole = self._buffer[: end + 4], len(self._buffer) == end + 4
            self._buffer = self._buffer[end + 4 :]
            self._answer(raw, whole)

    def _drain(self) -> bool:
        """Throw a request's body away; True when it is all gone."""
        if not self._chunked:
            taken = min(self._body_left, len(self._buffer))
            self._buffer, self._body_left = self._buffer[taken:], self._body_left - taken
            return self._body_left == 0
        while True:
            line = self._buffer.find(b"\r\n")
            if line < 0:
                if len(self._buffer) > _MAX_LINE:
                    self._refuse(400)
                return False
            try:
                size = int(self._buffer[:line].split(b";")[0], 16)
            except ValueError:
                self._refuse(400)
                return False
            if size > _MAX_BODY or size < 0:
                self._refuse(413)
                return False
            if size == 0:
                end = self._buffer.find(b"\r\n\r\n", line)
                if end < 0:
                    return False
                self._buffer, self._chunked = self._buffer[end + 4 :], False
                return True
            if len(self._buffer) < line + 2 + size + 2:
                return False
            self._buffer = self._buffer[line + 2 + size + 2 :]

    def _answer(self, raw: bytes, whole: bool) -> None:
        request = parse_request(raw, self._peer, self._local)
        if isinstance(request, int):
            self._refuse(request)
            return
        length = request.headers.get("content-length", "0")
        if "transfer-encoding" in request.headers:
            if request.headers["transfer-encoding"].lower() != "chunked":
                self._refuse(501)
                return
            if "content-length" in request.headers:
                self._refuse(400)
                return
            self._chunked = True
        elif not (length.isascii() and length.isdigit()):
            self._refuse(400)
            return
        elif int(length) > _MAX_BODY:
            self._refuse(413)
            return
        else:
            self._body_left = int(length)
        self._served += 1
        self._site.work.requests += 1
        keep = request.keep_alive and self._served < self._site.keepalive_requests
        response = self._site.respond(request)
        before, after = response.wire(keep=keep, head=request.method == "HEAD")
        self._send(before, after)
        if not keep:
            self._finish()
        elif whole and response.repeatable and not self._body_left and not self._chunked:
            self._site.remember(raw, before, after, _REMEMBERED)

    def _refuse(self, status: int) -> None:
        self._send(*self._site.refusal(status, self._peer, self._local).wire(keep=False, head=False))
        self._finish()

    def _send(self, before: bytes, after: bytes) -> None:
        if self._transport is not None:
            self._transport.write(b"".join((before, http_date(), after)))

    def _finish(self) -> None:
        self._closing = True
        self._buffer = b""
        if self._transport is not None:
            self._transport.close()


_TOKEN_BYTES = frozenset(b"!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")


def parse_request(raw: bytes, peer: tuple[str, int], local: tuple[str, int]) -> Request | int:
    """A request's head, or the status that refuses it."""
    lines = raw[:-4].split(b"\r\n")
    words = [word for word in lines[0].split(b" ") if word]
    if len(lines[0]) > _MAX_LINE:
        return 414
    if len(words) != 3 or not set(words[0]) <= _TOKEN_BYTES:
        return 400
    if not words[2].startswith(b"HTTP/"):
        return 400
    if words[2] not in (b"HTTP/1.1", b"HTTP/1.0"):
        return 505 if words[2][5:6].isdigit() and words[2] > b"HTTP/1.9" else 400
    headers: dict[str, str] = {}
    for line in lines[1:]:
        name, colon, value = line.partition(b":")
        if not colon or not name or not set(name) <= _TOKEN_BYTES or len(line) > _MAX_LINE or b"\0" in line:
            return 400
        key = name.decode("ascii").lower()
        if key in headers and key in ("host", "content-length"):
            return 400
        headers[key] = value.strip(b" \t").decode("latin-1")
    newest = words[2] == b"HTTP/1.1"
    if newest and not headers.get("host"):
        return 400
    target = words[1].decode("latin-1")
    if target.startswith(("http://", "https://")):
        target = "/" + target.split("//", 1)[1].partition("/")[2]
    if not target.startswith("/"):
        return 400
    connection = headers.get("connection", "").lower()
    keep = "close" not in connection if newest else "keep-alive" in connection
    return Request(words[0].decode("ascii"), target, headers, peer, local, keep, newest)
