"""What is kept of a machine in the store's table "guest", whatever system it runs: its record and its serial log.

It survives stops, restarts and the sandbox's own end.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from wizard.sandbox.store import Store

_SERIAL_LIMIT = 128 * 1024  # characters of serial log that are kept; Azure shows the last part too
_SAVE_AFTER = 0.5  # s: a boot writes dozens of lines, and 200 machines boot at once


class GuestRecord:
    """One record. `key` is `ids.key` of the machine."""

    def __init__(self, store: Store, key: str, record: dict[str, Any]) -> None:
        self._store = store
        self.key = key
        self.record = record
        self._timer: asyncio.TimerHandle | None = None
        self._gone = False

    @property
    def hostname(self) -> str:
        return str(self.record["computer_name"])

    def uptime(self) -> float:
        """Seconds since the last boot began."""
        return max(0.0, time.time() - float(self.record.get("booted_at") or time.time()))

    def log(self, *lines: str) -> None:
        """Write to the serial console."""
        text = self.record["serial"] + "".join(f"{line}\r\n" for line in lines)
        self.record["serial"] = text[-_SERIAL_LIMIT:]
        self.save_soon()

    def save(self) -> None:
        """Keep the record now."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if not self._gone:
            self._store.write("guest", self.key, self.record)

    def save_soon(self) -> None:
        """Keep the record within half a second."""
        if self._timer is not None or self._gone:
            return
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            self._store.write("guest", self.key, self.record)
            return
        self._timer = loop.call_later(_SAVE_AFTER, self.save)

    def forget(self) -> None:
        """The disk is gone; what still writes to it writes nowhere."""
        self._gone = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._store.write("guest", self.key, None)

    def settle(self) -> None:
        """Write what is pending; nothing is scheduled afterwards."""
        if self._timer is not None:
            self.save()
