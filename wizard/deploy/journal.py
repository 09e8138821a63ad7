"""Where a run's intents are kept before its requests leave. The engine calls it at each turn of a write.

Until a durable one is handed in, `NoJournal` keeps nothing: tags and deterministic names are what a second run
continues from.
"""

from __future__ import annotations

from typing import Protocol

from wizard.deploy.arm import Poller


class Journal(Protocol):
    """The turns of one write, in order; a retry begins again with `intent`."""

    def intent(self, id: str) -> None:
        """The request is about to leave. What this keeps must be durable when it returns."""

    def answered(self, id: str, poller: Poller | None) -> None:
        """ARM has accepted the request; the poller knows the operation, None when it ended at once."""

    def ended(self, id: str, code: str) -> None:
        """The write is over: `code` is empty when it succeeded, else ARM's error code."""


class NoJournal:
    """Keeps nothing."""

    def intent(self, id: str) -> None:
        pass

    def answered(self, id: str, poller: Poller | None) -> None:
        pass

    def ended(self, id: str, code: str) -> None:
        pass
