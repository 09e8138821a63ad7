"""What PowerShell's operators, casts, members and methods do with values; an error for those that are not here."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from wizard.sandbox.fabric.windows.powershell.syntax import NotUnderstood
from wizard.sandbox.fabric.windows.powershell.values import PsError, Thing, listed, text, truth


def property_of(of: Any, name: str) -> Any:
    """A member by its lower-case name; of a list, that of each item."""
    if isinstance(of, Thing):
        return of.get(name)
    if isinstance(of, list):
        if name in ("count", "length"):
            return len(of)
        return [found for item in of if (found := property_of(item, name)) is not None]
    if isinstance(of, str) and name == "length":
        return len(of)
    return 1 if name == "count" and of is not None else None


def method(of: Any, name: str, given: list[Any]) -> Any:
    """A method call; PsError as .NET has it, NotUnderstood for a method that is not here."""
    if of is None:
        raise PsError("You cannot call a method on a null-valued expression.")
    words = [text(one) for one in given]
    if isinstance(of, str) and (work := _TEXT_METHODS.get((name, len(words)))) is not None:
        return work(of, *words)
    if isinstance(of, datetime) and (name, words) == ("touniversaltime", []):
        return of
    if isinstance(of, datetime) and (name, words) == ("tostring", ["u"]):
        return f"{of:%Y-%m-%d %H:%M:%S}Z"
    if name == "tostring" and not words:
        return text(of)
    raise NotUnderstood(f".{name}() of {type(of).__name__}")


_TEXT_METHODS: Mapping[tuple[str, int], Callable[..., Any]] = {
    ("replace", 2): str.replace,
    ("tolower", 0): str.lower,
    ("tolowerinvariant", 0): str.lower,
    ("toupper", 0): str.upper,
    ("toupperinvariant", 0): str.upper,
    ("trim", 0): str.strip,
    ("startswith", 1): str.startswith,
    ("endswith", 1): str.endswith,
    ("contains", 1): str.__contains__,
    ("split", 1): str.split,
}


def item(of: Any, index: Any) -> Any:
    """`of[index]`; nothing where there is none, as PowerShell has it."""
    try:
        return of[index]
    except (TypeError, IndexError, KeyError):
        return None


def cast(type: str, value: Any) -> Any:
    """`[type]value`"""
    match type.removeprefix("system."):
        case "string":
            return text(value)
        case "int" | "int32":
            try:
                return int(text(value))
            except ValueError:
                raise PsError(f'Cannot convert value "{text(value)}" to type "System.Int32".') from None
        case "bool":
            return truth(value)
        case "void":
            return None
    raise NotUnderstood(f"[{type}]")


def plus(left: Any, right: Any) -> Any:
    """`+`, which numbers, lists and texts each have their own of."""
    if isinstance(left, list):
        return [*left, *listed(right)]
    if isinstance(left, int | float) and isinstance(right, int | float):
        return left + right
    return right if left is None else text(left) + text(right)


def compute(operator: str, left: Any, right: Any) -> Any:
    """An operator of two values."""
    if operator == "+":
        return plus(left, right)
    if operator == "-contains":
        return any(_equal(item, right) for item in listed(left))
    if operator in ("-", "-gt", "-ge", "-lt", "-le"):
        if not (isinstance(left, int | float) and isinstance(right, int | float)):
            raise NotUnderstood(f"{operator} of what is no number")
        results = {"-gt": left > right, "-ge": left >= right, "-lt": left < right, "-le": left <= right}
        return left - right if operator == "-" else results[operator]
    match operator.removeprefix("-").removeprefix("not"):
        case "eq" | "ieq":
            return _equal(left, right)
        case "ceq":
            return text(left) == text(right)
        case "ne":
            return not _equal(left, right)
        case "like":
            fits = fnmatch.fnmatchcase(text(left).lower(), text(right).lower())
        case "match":
            fits = re.search(text(right), text(left), re.IGNORECASE) is not None
        case _:
            raise NotUnderstood(operator)
    return fits != operator.startswith("-not")


def _equal(left: Any, right: Any) -> bool:
    if left is None or right is None:
        return left is right
    if isinstance(left, bool):
        return left == truth(right)
    return text(left).lower() == text(right).lower()
