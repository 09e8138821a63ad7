"""The engine, as screens see it: a process of its own that tells events as JSON lines.

200 VMs through the SDKs keep a core busy, and a terminal must stay quick meanwhile; so no engine code runs in the
screens' process. `asyncio.create_subprocess_exec` rather than multiprocessing, whose spawn fails inside a running
Textual app.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from typing import Any

LONGEST_LINE = 4 * 1024 * 1024
"""Bytes; asyncio's default of 64 KiB is less than one event about a balancer with hundreds of NAT rules."""


class EngineProcess:
    """One command of the engine, run with `--json`."""

    def __init__(self, *arguments: str) -> None:
        self.arguments: Sequence[str] = (*arguments, "--json")
        self.narration: list[str] = []  # what the command said on standard error, line by line
        self.exit_status: int | None = None
        self._process: asyncio.subprocess.Process | None = None

    async def events(self) -> AsyncIterator[dict[str, Any]]:
        """Start the command and yield each event until it ends; `exit_status` is set afterwards."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "wizard",
            *self.arguments,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            limit=LONGEST_LINE,
        )
        self._process = process
        assert process.stdout is not None
        assert process.stderr is not None
        listening = asyncio.create_task(self._listen(process.stderr))
        try:
            async for line in process.stdout:
                yield json.loads(line)
            self.exit_status = await process.wait()
        finally:
            if process.returncode is None:
                self.interrupt()
                self.exit_status = await process.wait()
            await listening

    async def _listen(self, stream: asyncio.StreamReader) -> None:
        async for line in stream:
            self.narration.append(line.decode(errors="replace").rstrip())

    def interrupt(self) -> None:
        """Ask the command to stop: it keeps what was done and says so."""
        if self._process is not None and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(signal.SIGINT)
