"""What can go wrong, told to a person.

    WizardError          what happened, why, and the remedy; exit status 1
    ├── InputError       the input is wrong (a plan, an option); exit status 2
    ├── UnreachableError no sign-in, or the cloud cannot be reached; exit status 3
    └── AzureError       Azure refused or failed: also `code` and `status` as ARM told them

A `Problem` is one fault of an input or of a cloud's readiness; many are reported at once and none is raised.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Literal

Severity = Literal["error", "warning"]


class WizardError(Exception):
    """An error with all that a person needs: what happened, why, and what to do now."""

    exit_status = 1

    def __init__(self, what: str, why: str = "", remedy: str = "") -> None:
        super().__init__(what, why, remedy)
        self.what = what
        self.why = why
        self.remedy = remedy

    def __str__(self) -> str:
        return " ".join(part for part in (self.what, self.why, self.remedy) if part)

    def as_event(self) -> dict[str, str]:
        """The object that `--json` prints for any error."""
        return {"event": "error", "what": self.what, "why": self.why, "remedy": self.remedy}


class InputError(WizardError):
    """The input is wrong: nothing was tried."""

    exit_status = 2


class UnreachableError(WizardError):
    """There is no sign-in, or the cloud does not answer."""

    exit_status = 3


class AzureError(WizardError):
    """Azure refused a request or an operation failed.

    `code` is ARM's error code (`QuotaExceeded`), `status` the HTTP status or None when the failure was told by an
    operation that had been accepted.
    """

    def __init__(
        self, what: str, why: str = "", remedy: str = "", *, code: str = "", status: int | None = None
    ) -> None:
        super().__init__(what, why, remedy)
        self.code = code
        self.status = status


@dataclass(frozen=True)
class Problem:
    """One fault: the field (a dotted plan key, or "" for the whole), the rule it breaks and the way out."""

    field: str
    what: str
    why: str = ""
    remedy: str = ""
    severity: Severity = "error"

    def as_event(self) -> dict[str, str]:
        """The object that `plan check` and `preflight` print for it."""
        return {"event": "problem", **asdict(self)}
