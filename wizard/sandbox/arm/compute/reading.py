"""Values out of a request's body, and what the compute provider answers when one is missing or wrong.

Wordings are those of Microsoft's list of VM error messages (azure-docs, articles/virtual-machines/error-messages.md)
unless a line says otherwise. A body is what a stranger sent: each value's type is checked where it is read.
"""

from __future__ import annotations

from typing import Any, TypeVar

from wizard.sandbox.arm import errors
from wizard.sandbox.arm.errors import ArmError
from wizard.sandbox.store import Json

T = TypeVar("T")


def invalid(message: str, target: str | None = None) -> ArmError:
    return ArmError(400, "InvalidParameter", message, target=target)


def bad(message: str, target: str | None = None) -> ArmError:
    return ArmError(400, "BadRequest", message, target=target)


def not_allowed(message: str, target: str | None = None) -> ArmError:
    return ArmError(409, "OperationNotAllowed", message, target=target)


def missing(name: str) -> ArmError:
    return invalid(f"Required parameter '{name}' is missing (null).", name)


def change(name: str) -> ArmError:
    """A property that a PUT on an existing resource would change, and must not."""
    return ArmError(409, "PropertyChangeNotAllowed", f"Changing property '{name}' is not allowed.", target=name)


def text(body: Json, path: str) -> str | None:
    return _value(body, path, str)


def flag(body: Json, path: str) -> bool | None:
    return _value(body, path, bool)


def number(body: Json, path: str) -> int | None:
    value = _value(body, path, int)
    if isinstance(value, bool):
        raise _wrong(path, int)
    return value


def mapping(body: Json, path: str) -> Json:
    """The object at a dotted path; an empty one when there is none."""
    return _value(body, path, dict) or {}


def items(body: Json, path: str) -> list[Json]:
    """The list of objects at a dotted path; an empty one when there is none."""
    found = _value(body, path, list) or []
    for item in found:
        if not isinstance(item, dict):
            raise _wrong(f"{path}[]", dict)
    return found


_WRITABLE = ("location", "tags", "sku", "zones", "identity", "plan", "extendedLocation", "properties")


def writable(body: Json) -> Json:
    """A body's top level without what only ARM writes (`id`, `etag`, ...), as it comes with a PUT after a GET."""
    return {name: body[name] for name in _WRITABLE if body.get(name) is not None}


def without_nulls(value: Any) -> Any:
    """Null means left out."""
    if isinstance(value, dict):
        return {name: without_nulls(item) for name, item in value.items() if item is not None}
    if isinstance(value, list):
        return [without_nulls(item) for item in value if item is not None]
    return value


def _value(body: Json, path: str, kind: type[T]) -> T | None:
    value: Any = body
    walked = ""
    for part in path.split("."):
        if not isinstance(value, dict):
            raise _wrong(walked, dict)
        value = value.get(part)
        walked = f"{walked}.{part}" if walked else part
        if value is None:
            return None
    if not isinstance(value, kind):
        raise _wrong(path, kind)
    return value


_NAMES = {str: "a string", bool: "a boolean", int: "an integer", dict: "an object", list: "an array"}


def _wrong(path: str, kind: type) -> ArmError:
    return errors.invalid_content(f"The value at path '{path}' must be {_NAMES[kind]}")
