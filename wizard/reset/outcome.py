"""What one VM's reset leaves: the result, and what the deployment's record has to know of it."""

from __future__ import annotations

from dataclasses import dataclass

from wizard.reset.events import ResetDone


@dataclass(frozen=True)
class Outcome:
    """`administrator` is who is to be known as the VM's administrator from now on; None leaves it as it was.

    `unsettled` says that what was asked of the VM may still happen: its credential stays uncertain.
    """

    done: ResetDone
    administrator: str | None = None
    unsettled: bool = False
