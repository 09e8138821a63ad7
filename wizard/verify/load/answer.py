"""An answer in the making: httptools tells what it reads, and this puts it together."""

from __future__ import annotations

import httptools
import httpx

HEAD = "multivm.head"
"""The key in `response.extensions` under which the transport leaves the answer's Head."""

LONGEST_HEAD = 100 * 1024
"""Bytes of an answer's head, interim answers included; httpcore draws the line at the same length."""

LARGEST_BODY = 256 * 1024 * 1024
"""A body is held in memory as a whole, and a server that never ends one must not take all of it."""


class Head:
    """What an answer's head says. `length` is the body's, or None when the head alone does not tell.

    `note` is whatever a reader worked out from the head, kept so that it is worked out once for all answers alike.
    """

    __slots__ = ("extensions", "headers", "keep_alive", "length", "note", "status")

    def __init__(self, status: int, headers: httpx.Headers, keep_alive: bool, length: int | None) -> None:
        self.status = status
        self.headers = headers
        self.keep_alive = keep_alive
        self.length = length
        self.note: str | None = None
        self.extensions = {HEAD: self}


class Answer:
    """Fed with what was read until it is `complete`; raises ValueError for what is not HTTP/1.1, or too long."""

    def __init__(self, method: str) -> None:
        self.complete = False
        self.keep_alive = False
        self.reads = 0
        self.surplus = False
        self.body = bytearray()
        self._method = method
        self._headers: list[tuple[bytes, bytes]] = []
        self._headers_complete = False
        self._head_size = 0
        self._status = 0
        self._parser = httptools.HttpResponseParser(self)

    def feed(self, data: bytes) -> None:
        self.reads += 1
        if not self._headers_complete:
            self._head_size += len(data)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            if not self.complete:
                raise ValueError(f"not HTTP/1.1: {error or 'another protocol was offered'}") from error
            self.surplus = True  # what follows the answer is no answer, and the answer itself was one
        if self._head_size > LONGEST_HEAD and not self._headers_complete:
            raise ValueError(f"a head of more than {LONGEST_HEAD} bytes")
        if len(self.body) > LARGEST_BODY:
            raise ValueError(f"a body of more than {LARGEST_BODY} bytes")

    def head(self, keep_alive: bool) -> Head:
        headers = httpx.Headers(self._headers)
        plain = "transfer-encoding" not in headers and "content-length" in headers
        return Head(self._status, headers, keep_alive, len(self.body) if plain and self._method != "HEAD" else None)

    @property
    def ends_with_connection(self) -> bool:
        """Whether the body is everything up to the end of the connection (RFC 9112, 6.3, last case)."""
        names = {name.lower() for name, _ in self._headers}
        return self._headers_complete and not names & {b"content-length", b"transfer-encoding"}

    # Called by httptools, also for whatever follows the answer in the same read: that must not overwrite it.

    def on_message_begin(self) -> None:
        if self.complete:
            self.surplus = True
            return
        self._headers.clear()
        self._headers_complete = False

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self.complete:
            self._headers.append((name, value))

    def on_headers_complete(self) -> None:
        if self.complete:
            return
        self._status = self._parser.get_status_code()
        self._headers_complete = self._status >= 200  # an interim answer (RFC 9110, 15.2) is followed by the real one
        self.keep_alive = self._parser.should_keep_alive()
        self.complete = self._method == "HEAD" and self._headers_complete

    def on_body(self, data: bytes) -> None:
        if not self.complete:
            self.body += data

    def on_message_complete(self) -> None:
        self.complete = self.complete or self._headers_complete
