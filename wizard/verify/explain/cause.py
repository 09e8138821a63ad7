"""A proved cause of a failed check."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Cause:
    """Why something does not work.

    kind    a word that scripts may compare, such as `nsg-denies` or `vm-stopped`
    what    the cause, as one sentence without its full stop
    proof   which document, rule or line of a log shows it
    remedy  what to do now: the plan's key, or the action in the portal or of the Azure CLI
    """

    kind: str
    what: str
    proof: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.what} ({self.proof})" if self.proof else self.what
