"""What lies in Log Analytics workspaces: rows by table, a file for each table, a JSON object on each line.

A workspace is known by its customerId, which stays the same when a deleted workspace is made again in time.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from wizard.home import write_atomically
from wizard.sandbox import control

LARGEST = 8_000_000
"""Bytes of a table beyond which its older half is let go of: agents write day and night, and a query reads it all."""


class Logs:
    """All workspaces' rows. Each has a `TimeGenerated` in ISO 8601, UTC."""

    @property
    def _folder(self) -> Path:
        return control.folder() / "workspaces"

    def append(self, workspace: str, table: str, rows: list[dict[str, Any]]) -> None:
        """Add rows, the oldest first; the table is made when it is missing."""
        folder = self._folder / workspace
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = folder / f"{table}.jsonl"
        with path.open("a", encoding="utf-8") as stream:
            stream.write("".join(json.dumps(row) + "\n" for row in rows))
            size = stream.tell()
        if size > LARGEST:
            lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
            write_atomically(path, "".join(lines[len(lines) // 2 :]))

    def rows(self, workspace: str, table: str) -> Iterator[dict[str, Any]]:
        """A table's rows in the order they came; none where nothing came yet."""
        path = self._folder / workspace / f"{table}.jsonl"
        if path.is_file():
            with path.open(encoding="utf-8") as stream:
                yield from (json.loads(line) for line in stream)

    def forget(self, workspace: str) -> None:
        """The workspace is deleted for good, and everything in it."""
        shutil.rmtree(self._folder / workspace, ignore_errors=True)
