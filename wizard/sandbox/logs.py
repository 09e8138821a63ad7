"""What lies in Log Analytics workspaces: rows by table, a file for each table, a JSON object on each line.

A workspace is known by its customerId, which stays the same when a deleted workspace is made again in time.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from wizard.sandbox import control


class Logs:
    """All workspaces' rows. Each has a `TimeGenerated` in ISO 8601, UTC."""

    @property
    def _folder(self) -> Path:
        return control.folder() / "workspaces"

    def append(self, workspace: str, table: str, rows: list[dict[str, Any]]) -> None:
        """Add rows, the oldest first; the table is made when it is missing."""
        folder = self._folder / workspace
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with (folder / f"{table}.jsonl").open("a", encoding="utf-8") as stream:
            stream.write("".join(json.dumps(row) + "\n" for row in rows))

    def rows(self, workspace: str, table: str) -> Iterator[dict[str, Any]]:
        """A table's rows in the order they came; none where nothing came yet."""
        path = self._folder / workspace / f"{table}.jsonl"
        if path.is_file():
            with path.open(encoding="utf-8") as stream:
                yield from (json.loads(line) for line in stream)

    def forget(self, workspace: str) -> None:
        """The workspace is deleted for good, and everything in it."""
        shutil.rmtree(self._folder / workspace, ignore_errors=True)
