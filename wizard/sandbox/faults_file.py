"""What can go wrong in the sandbox, and the file that says when: read here, done by `faults`."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal

from wizard.errors import InputError

EXAMPLE = """\
seed = 7                  # what probabilities are drawn from (0)

[[fault]]                 # the second and third write of a machine meet a 429
kind = "throttled"
method = "PUT"            # POLL: a question about an operation; "*": any
type = "Microsoft.Compute/virtualMachines"    # a pattern, in any case
name = "web*"             # a pattern; `group` is one for the group's name
nth = 2                   # the first match that it is for (1)
times = 2                 # for how many (1; 0: all that follow)
retry_after_s = 10        # before speed divides it; 0: the answer names none

[[fault]]                 # one question in twenty is cut off
kind = "reset-in-body"
method = "GET"
probability = 0.05        # of each match (1); then `times` is 0 unless given
"""
"""A file as a person writes one."""

Where = Literal["request", "answer", "operation", "guest", "clock"]

VM = "Microsoft.Compute/virtualMachines"
EXTENSION = f"{VM}/extensions"
WRITES = "PUT,PATCH,DELETE"
BEGINNERS = "PUT,PATCH,POST,DELETE"
"""Methods that begin operations."""


@dataclass(frozen=True)
class Kind:
    """One thing that can go wrong: where it strikes, in a line what it does, and what it is for unless a file says."""

    where: Where
    does: str
    method: str = "*"
    type: str = "*"


KINDS: Mapping[str, Kind] = {
    "throttled": Kind("request", "429 TooManyRequests with Retry-After (`retry_after_s`, 0: without)"),
    "in-progress": Kind("request", "409 AnotherOperationInProgress", WRITES),
    "retryable": Kind("request", "429 RetryableErrorDueToAnotherOperation", WRITES),
    "nic-reserved": Kind("request", "400 NicReservedForAnotherVm, for 180 s from then on", "PUT,DELETE", VM),
    "server-error": Kind("request", "500, 502 or 503 (`status`)"),
    "reset": Kind("request", "the connection is reset, and nothing was done"),
    "expired-token": Kind("request", "401: the request's token does not hold any more"),
    "quota": Kind("request", "409 OperationNotAllowed: the cores' quota", "PUT", VM),
    "sku-not-available": Kind("request", "409 SkuNotAvailable", "PUT", VM),
    "policy": Kind("request", "403 RequestDisallowedByPolicy", "PUT"),
    "lost-answer": Kind("answer", "it is done, and the connection is reset before a word of the answer"),
    "reset-in-body": Kind("answer", "it is done, and the connection ends in the middle of the answer"),
    "truncated-json": Kind("answer", "it is done, and the answer is half of its JSON"),
    "stalled": Kind("operation", "the operation ends `seconds` later, or not before faults are cleared", BEGINNERS),
    "failed-operation": Kind("operation", "the operation fails (`code`, `message`)", BEGINNERS),
    "superseded": Kind("operation", "the operation ends as CanceledAndSupersededDueToAnotherOperation", "PUT,PATCH"),
    "allocation-failed": Kind("operation", "the operation fails with AllocationFailed", "PUT", VM),
    "lost-operation": Kind("operation", "who asks for the operation is told 404; the work goes on", BEGINNERS),
    "silent-agent": Kind("guest", "the machine's agent does not report (`seconds`; else until faults are cleared)"),
    "patch-fails": Kind("guest", "updates are found, and the first that is to be installed fails (until cleared)"),
    "vmaccess-unchanged": Kind("guest", "VMAccess reports success and changes nothing", "PUT,PATCH", EXTENSION),
    "clock-jump": Kind("clock", "the sandbox's clock jumps (`seconds`, negative: back)"),
}

STATUS = (500, 502, 503)
METHODS = frozenset(("GET", "HEAD", "PUT", "PATCH", "POST", "DELETE", "POLL"))


@dataclass(frozen=True)
class Fault:
    """One `[[fault]]` of a file, with every default filled in."""

    kind: str
    method: str
    type: str
    name: str = "*"
    group: str = "*"
    nth: int = 1
    times: int = 1
    probability: float = 1.0
    seed: int = 0
    retry_after_s: float = 10.0
    status: int = 500
    seconds: float = 0.0
    code: str = "InternalOperationError"
    message: str = "An internal execution error occurred. Please retry later."


def read(path: Path) -> tuple[Fault, ...]:
    """The faults of a file. Raises InputError with the place, the rule and the way out."""
    try:
        return parse(path.read_text(encoding="utf-8"), str(path))
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "It is not text in UTF-8."
        raise InputError(f"The file of faults {path} cannot be read.", f"{why}", "Name another file.") from None


def parse(text: str, name: str = "the file of faults") -> tuple[Fault, ...]:
    """The faults that a TOML text describes. Raises InputError."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise _wrong(name, "is not TOML", f"{error}.") from None
    entries, seed = document.pop("fault", []), document.pop("seed", 0)
    if document:
        raise _wrong(f"{name}: {next(iter(document))}", "is no key of it", "It has `seed`, and `[[fault]]` tables.")
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise _wrong(f"{name}: fault", "is not a list of tables", "Each fault begins with a line `[[fault]]`.")
    if not _whole(seed):
        raise _wrong(f"{name}: seed", f"is {seed!r}", "It is a whole number.")
    return tuple(_fault(entry, f"{name}: fault {number}", seed) for number, entry in enumerate(entries, 1))


def _fault(entry: Mapping[str, Any], place: str, seed: int) -> Fault:
    kind = KINDS.get(entry["kind"]) if isinstance(entry.get("kind"), str) else None
    if kind is None:
        said = f"is {entry['kind']!r}" if "kind" in entry else "is missing"
        raise _wrong(f"{place}: kind", said, f"Kinds are: {', '.join(KINDS)}.")
    known = {one.name: one for one in fields(Fault)}
    if unknown := sorted(set(entry) - set(known)):
        raise _wrong(f"{place}: {unknown[0]}", "is no key of a fault", f"Keys are: {', '.join(known)}.")
    values = {"method": kind.method, "type": kind.type, "seed": seed, **entry}
    if "probability" in entry:
        values.setdefault("times", 0)
    for key, value in values.items():
        if rule := _broken(key, value):
            raise _wrong(f"{place}: {key}", f"is {value!r}", rule)
    for key in ("retry_after_s", "seconds", "probability"):
        if key in values:
            values[key] = float(values[key])
    return Fault(**{**values, "method": str(values["method"]).upper()})


def _broken(key: str, value: Any) -> str:
    """The rule that a value breaks, or ""."""
    match key:
        case "nth" | "times":
            least = 1 if key == "nth" else 0
            return "" if _whole(value) and value >= least else f"It is a whole number from {least} on."
        case "seed":
            return "" if _whole(value) else "It is a whole number."
        case "probability":
            return "" if _number(value) and 0 < value <= 1 else "It is more than 0 and at most 1."
        case "retry_after_s":
            return "" if _number(value) and 0 <= value <= 3600 else "It is 0 to 3600 seconds."
        case "seconds":
            return "" if _number(value) and abs(value) <= 10 * 365 * 86400 else "It is a number of seconds."
        case "status":
            return "" if _whole(value) and value in STATUS else f"It is one of {', '.join(map(str, STATUS))}."
        case "method":
            named = {part.strip().upper() for part in value.split(",")} if isinstance(value, str) else {""}
            good = named == {"*"} or named <= METHODS
            return "" if good else f'It is "*", or of {", ".join(sorted(METHODS))}, with commas between.'
    return "" if isinstance(value, str) and value else "It is a text."


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value == value  # noqa: PLR0124 - no NaN


def _wrong(place: str, what: str, rule: str) -> InputError:
    remedy = "multivm-wizard sandbox faults kinds tells what there is; --help shows an example."
    return InputError(f"{place} {what}.", rule, remedy)
