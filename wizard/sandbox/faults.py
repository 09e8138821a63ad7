"""Which request meets which fault. The server asks before a request is worked on; kinds and operations ask later.

Of the faults that match a request, the first in the file strikes; each counts its own matches and strokes. Draws come
from a seed and the match's number, so that the same requests meet the same faults however they interleave.
"""

from __future__ import annotations

import fnmatch
import random
import time
from collections.abc import Callable, Iterable
from contextvars import ContextVar
from dataclasses import asdict, dataclass
from typing import Any

from wizard import ids
from wizard.sandbox.faults_file import KINDS, VM, Fault

NIC_RESERVED_S = 180.0
"""How long Azure holds a network interface after a machine's failure; its message says so."""

LASTING = ("silent-agent", "patch-fails")
"""Faults of a machine that are states: kinds ask for them, and no count of requests ends them."""

striking: ContextVar[Fault | None] = ContextVar("striking", default=None)
"""The fault of operations and guests that the request at hand has met."""


@dataclass(frozen=True)
class Asked:
    """What a request is about: `POLL` for a question about an operation, then with that operation's resource."""

    method: str
    type: str
    names: tuple[str, ...]
    group: str

    @property
    def name(self) -> str:
        return self.names[-1] if self.names else ""


class _Standing:
    """A fault that was set, and what it has met."""

    def __init__(self, fault: Fault, number: int) -> None:
        self.fault = fault
        self.matches = 0
        self.strokes = 0
        self.since = time.monotonic()
        self._number = number

    def strikes(self, asked: Asked) -> bool:
        if not self.fits(asked):
            return False
        fault = self.fault
        if fault.times and self.strokes >= fault.times and fault.kind not in LASTING:
            return False
        self.matches += 1
        if self.matches < fault.nth:
            return False
        drawn = random.Random(f"{fault.seed}/{self._number}/{self.matches}").random()  # noqa: S311 - no secret
        if drawn >= fault.probability:
            return False
        self.strokes += 1
        return True

    def fits(self, asked: Asked) -> bool:
        fault = self.fault
        if KINDS[fault.kind].where == "guest":
            return self._fits_guest(asked)
        return (
            (fault.method == "*" or asked.method in {part.strip() for part in fault.method.split(",")})
            and _matches(asked.type, fault.type)
            and _matches(asked.name, fault.name)
            and _matches(asked.group, fault.group)
        )

    def _fits_guest(self, asked: Asked) -> bool:
        """`name` is the machine's, whatever of it the request is about."""
        fault = self.fault
        return (
            bool(asked.names)
            and asked.type.lower().startswith(VM.lower())
            and _matches(asked.names[0], fault.name)
            and _matches(asked.group, fault.group)
            and (fault.kind in LASTING or asked.method in fault.method.split(","))
            and (fault.kind in LASTING or asked.type.lower() == fault.type.lower())
        )


class Faults:
    """The faults that stand now. `changed` is called after each stroke and each setting."""

    def __init__(self) -> None:
        self._standing: list[_Standing] = []
        self._revoked: set[str] = set()
        self._reserved: dict[tuple[str, str], tuple[float, Fault]] = {}
        self._unchanged: set[str] = set()
        self.changed: list[Callable[[], None]] = []
        self.cleared: list[Callable[[], None]] = []

    def set(self, faults: Iterable[Fault]) -> None:
        """Put these in place of all that stood; what the old ones held up goes on."""
        self._standing = [_Standing(fault, number) for number, fault in enumerate(faults)]
        self._revoked.clear()
        self._reserved.clear()
        self._unchanged.clear()
        for tell in (*self.cleared, *self.changed):
            tell()

    def listing(self) -> list[dict[str, Any]]:
        """Each standing fault's keys, with how many requests matched and how many it struck."""
        return [{**asdict(one.fault), "matches": one.matches, "strokes": one.strokes} for one in self._standing]

    @property
    def stand(self) -> bool:
        """Whether there is any."""
        return bool(self._standing)

    # What the server asks

    def meet(self, asked: Asked, token: str, speed: float) -> Fault | None:
        """The fault that this request meets, or None."""
        if held := self._held(asked):
            return held
        for standing in self._standing:
            if standing.strikes(asked):
                self._strike(standing.fault, asked, token, speed)
                for tell in self.changed:
                    tell()
                return standing.fault
        return None

    def missed(self, fault: Fault) -> None:
        """The request began no operation that this fault could befall: the stroke is still to come."""
        for standing in self._standing:
            if standing.fault is fault:
                standing.strokes -= 1

    def is_revoked(self, token: str) -> bool:
        return token in self._revoked

    def _strike(self, fault: Fault, asked: Asked, token: str, speed: float) -> None:
        if fault.kind == "expired-token":
            self._revoked.add(token)
        elif fault.kind == "nic-reserved":
            self._reserved[_key(asked)] = (time.monotonic() + NIC_RESERVED_S / speed, fault)

    def _held(self, asked: Asked) -> Fault | None:
        until, fault = self._reserved.get(_key(asked), (0.0, None))
        if fault is None or asked.method not in fault.method.split(","):
            return None
        return fault if time.monotonic() < until else None

    # What kinds ask

    def silent(self, vm_id: str, speed: float) -> bool:
        """Whether a machine's agent is kept from reporting."""
        return self._lasts("silent-agent", vm_id, speed)

    def fails_to_patch(self, vm_id: str, speed: float) -> bool:
        """Whether an installation of updates on a machine fails."""
        return self._lasts("patch-fails", vm_id, speed)

    def _lasts(self, kind: str, vm_id: str, speed: float) -> bool:
        if not self._standing:
            return False
        parsed = ids.parse(vm_id)
        asked = Asked("GET", parsed.type, parsed.names, parsed.group)
        return any(
            one.fault.kind == kind
            and one.fits(asked)
            and (not one.fault.seconds or time.monotonic() - one.since < one.fault.seconds / speed)
            for one in self._standing
        )

    def leave_unchanged(self, extension_id: str) -> None:
        self._unchanged.add(ids.key(extension_id))

    def left_unchanged(self, extension_id: str) -> bool:
        """Whether VMAccess's settings are to be thrown away this once."""
        key = ids.key(extension_id)
        found = key in self._unchanged
        self._unchanged.discard(key)
        return found


def _key(asked: Asked) -> tuple[str, str]:
    return asked.group.lower(), "/".join((asked.type, *asked.names)).lower()


def _matches(text: str, pattern: str) -> bool:
    return fnmatch.fnmatchcase(text.lower(), pattern.lower())
