"""One JSON line for every request: what was asked and how it ended, never a body, a token or a query's secret.

A line of an accepted write has `operation_id` and `operation_s`, the seconds (after speed) that the operation is to
take; a line of a question about one has its `operation_id`, its `operation_status` and, once it has ended, how long it
really took. A refusal that names a time to wait has `retry_after_s`. That makes the log the truth about makespans.
"""

from __future__ import annotations

import datetime
import json
import os
from pathlib import Path
from typing import IO

from wizard.sandbox.arm.kind import Call

LIMIT = 64 * 1024 * 1024
"""Bytes after which the log starts anew, the old one kept as `.1`: a poller in a loop must not fill a disk."""


class RequestsLog:
    """Appends; lines leave at once, so that a reader sees a request when it has been answered."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stream = self._open()

    def write(self, call: Call, status: int, seconds: float, request_id: str) -> None:
        line = {
            "time": datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds"),
            "method": call.method,
            "path": call.path,
            "status": status,
            "operation": _operation(call),
            "api_version": call.query.get("api-version", ""),
            "ms": round(seconds * 1000, 2),
            "request_id": request_id,
            "client_request_id": call.headers.get("x-ms-client-request-id", ""),
            "user_agent": call.headers.get("user-agent", "")[:120],
            **call.noted,
        }
        self._stream.write(json.dumps(line) + "\n")
        if self._stream.tell() > LIMIT:
            self._stream.close()
            self._path.replace(self._path.with_name(self._path.name + ".1"))
            self._stream = self._open()

    def close(self) -> None:
        self._stream.close()

    def _open(self) -> IO[str]:
        descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        return os.fdopen(descriptor, "a", buffering=1, encoding="utf-8")


def _operation(call: Call) -> str:
    """Azure's own form of an operation's name: `Microsoft.Network/loadBalancers/write`."""
    verb = {"GET": "read", "HEAD": "read", "PUT": "write", "PATCH": "write", "DELETE": "delete"}.get(call.method)
    if call.action:
        return f"{call.type}/{call.action}/action"
    return f"{call.type}/{verb}" if call.type and verb else ""
