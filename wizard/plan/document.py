"""A plan file's shape: which keys there are and of which type, told all at once.

pydantic would stop at what it cannot build; here a value of the wrong type, or a misspelt key, costs that one key and
everything else is still judged.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cache
from types import MappingProxyType
from typing import Any, get_args, get_origin

from pydantic import BaseModel

from wizard.errors import Problem
from wizard.plan.model import Plan
from wizard.plan.naming import one_of
from wizard.plan.nearest import nearest

_WORDS = {bool: "true or false", int: "a whole number", str: "a text", list: "a list", dict: "a table"}


@dataclass
class Document:
    """`values` holds each key of a plan, dotted, that stands there rightly or by default; faulty ones are missing."""

    values: dict[str, Any] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)


@cache
def fields() -> Mapping[str, Any]:
    """Every key of a plan, dotted and in order (`machines.count`), with its type."""
    return MappingProxyType(dict(_fields(Plan, "")))


@cache
def sections() -> tuple[str, ...]:
    """The names of the tables: machines, network, ..."""
    return tuple(name for name, info in Plan.model_fields.items() if _is_section(info.annotation))


@cache
def lists_of_tables() -> tuple[str, ...]:
    """The keys whose values are lists of tables: machines.data_disks, network.rules."""
    return tuple(key for key, kind in fields().items() if get_origin(kind) is tuple and _is_section(get_args(kind)[0]))


def flatten(plan: Plan) -> dict[str, Any]:
    """A plan's values by dotted key, as the rules take them."""
    return {key: _reach(plan, key) for key in fields()}


def build(values: Mapping[str, Any]) -> Plan:
    """The plan of a complete set of values: `flatten` backwards."""
    tree: dict[str, Any] = {}
    for key, value in values.items():
        *path, name = key.split(".")
        section = tree
        for part in path:
            section = section.setdefault(part, {})
        section[name] = value
    return Plan.model_validate(tree)


def read(tree: Mapping[str, Any]) -> Document:
    """Judge the shape of a parsed plan.toml."""
    document = Document(values=flatten(Plan()))
    unknown = _read_table(document, tree, "")
    for key, guess in unknown.items():
        document.problems.append(_unknown(key, guess))
        # What the misspelt key was to say is not known: nothing is concluded from the default in its place.
        if guess and not _stands(tree, guess):
            document.values.pop(guess, None)
    return document


def _read_table(document: Document, table: Mapping[str, Any], prefix: str, *, written: str = "") -> dict[str, str]:
    """Read the keys of one table; returns the unknown ones with the key that was probably meant, or "".

    `prefix` is where the table belongs, `written` what it is called in the file when that is misspelt.
    """
    unknown: dict[str, str] = {}
    valid = [key.removeprefix(prefix) for key in fields() if key.startswith(prefix)] if prefix else _top()
    for name, value in table.items():
        key = f"{prefix}{name}"
        if not prefix and name in sections():
            unknown.update(_read_section(document, value, name))
        elif key in fields() and name in valid:
            _read_value(document, key, value)
        elif not prefix and isinstance(value, dict) and (meant := _section_meant(name, table)):
            unknown[name] = meant
            unknown.update(_read_table(document, value, f"{meant}.", written=name))
        else:
            near = nearest(name, valid)
            stands_as = f"{written or prefix.rstrip('.')}.{name}".lstrip(".")
            unknown[stands_as] = _elsewhere(name) or (f"{prefix}{near}" if near else "")
    return unknown


def _read_section(document: Document, value: Any, name: str) -> dict[str, str]:
    if isinstance(value, dict):
        return _read_table(document, value, f"{name}.")
    document.problems.append(
        Problem(name, f"This is {_kind(value)}, not a table.", f"{name} holds several keys.", f"Write [{name}].")
    )
    for key in fields():
        if key.startswith(f"{name}."):
            document.values.pop(key, None)
    return {}


def _read_value(document: Document, key: str, value: Any) -> None:
    found, problems = _typed(key, fields()[key], value)
    document.problems.extend(problems)
    if problems and not found:
        document.values.pop(key, None)
    else:  # of a list with a wrong item, the others are judged
        document.values[key] = found


def _typed(key: str, wanted: Any, value: Any) -> tuple[Any, list[Problem]]:
    if isinstance(wanted, type) and issubclass(wanted, StrEnum):
        if not isinstance(value, str):
            return None, [_wrong_type(key, str, value)]
        problem = one_of(key, value, tuple(choice.value for choice in wanted))
        return (None, [problem]) if problem else (wanted(value), [])
    if get_origin(wanted) is tuple and _is_section(get_args(wanted)[0]):
        return _tables(key, get_args(wanted)[0], value)
    if get_origin(wanted) is tuple:
        if not isinstance(value, list):
            return None, [_wrong_type(key, list, value)]
        wrong = [_wrong_type(key, str, item) for item in value if not isinstance(item, str)]
        return tuple(item for item in value if isinstance(item, str)), wrong
    if get_origin(wanted) is dict:
        if not isinstance(value, dict):
            return None, [_wrong_type(key, dict, value)]
        wrong = [_wrong_type(f"{key}.{name}", str, item) for name, item in value.items() if not isinstance(item, str)]
        return {name: item for name, item in value.items() if isinstance(item, str)}, wrong
    # `type(...) is`, because True would pass for the whole number 1.
    return (value, []) if type(value) is wanted else (None, [_wrong_type(key, wanted, value)])


def _tables(key: str, model: type[BaseModel], value: Any) -> tuple[Any, list[Problem]]:
    """A list of tables, such as [[network.rules]]: those that hold nothing wrong, and what is wrong with the others."""
    if not isinstance(value, list) or not all(isinstance(item, Mapping) for item in value):
        what = "This is not a list of tables."
        return None, [Problem(key, what, "Each entry has keys of its own.", f"Write each as a table: [[{key}]].")]
    good: list[BaseModel] = []
    problems: list[Problem] = []
    for number, item in enumerate(value, start=1):
        found, wrong = _table(key, number, model, item)
        problems += wrong
        if not wrong:
            good.append(model.model_validate(found))
    return tuple(good), problems


def _table(
    key: str, number: int, model: type[BaseModel], item: Mapping[str, Any]
) -> tuple[dict[str, Any], list[Problem]]:
    found: dict[str, Any] = {}
    problems: list[Problem] = []
    for name, inner in item.items():
        if name not in model.model_fields:
            near = nearest(name, model.model_fields)
            problems.append(
                Problem(
                    key,
                    f"The key {name} of entry {number} is not known.",
                    "Nothing reads it, so what it says would be lost.",
                    f'Did you mean "{near}"?' if near else f"Known are {', '.join(model.model_fields)}.",
                )
            )
            continue
        found[name], wrong = _typed(key, model.model_fields[name].annotation, inner)
        problems += [replace(each, what=f"{name} of entry {number}: {each.what}") for each in wrong]
    return found, problems


def _wrong_type(key: str, wanted: type, value: Any) -> Problem:
    kind, needed = _kind(value), _WORDS[wanted]
    remedy = f"Write {needed}."
    if isinstance(value, str) and wanted is int and value.strip().lstrip("+-").isdigit():
        remedy = f"Write {value.strip()} without quotes."
    if isinstance(value, str) and wanted is bool and value.lower() in ("true", "false"):
        remedy = f"Write {value.lower()} without quotes."
    if isinstance(value, str) and wanted is list:
        remedy = "Put it in square brackets."
    return Problem(key, f"This is {kind}, not {needed}.", "The key's type is fixed.", remedy)


def _kind(value: Any) -> str:
    """A TOML value's type in words; the value itself is not quoted, it might be a secret in the wrong place."""
    return _WORDS.get(type(value), "a number with a fraction" if isinstance(value, float) else "a date or time")


def _unknown(key: str, guess: str) -> Problem:
    name = key.rpartition(".")[2]
    section, _, meant = guess.rpartition(".")
    if not guess:
        remedy = "Take it out."
    elif meant == name:
        remedy = f"It belongs in [{section}]." if section else "It belongs at the top of the file, before any table."
    else:
        remedy = f'Did you mean "{meant}"?'
    return Problem(key, "This key is not known.", "Nothing reads it, so what it says would be lost.", remedy)


def _elsewhere(name: str) -> str:
    """The key of that very name in another table, or ""."""
    return next((key for key in fields() if key.rpartition(".")[2] == name), "")


def _section_meant(name: str, table: Mapping[str, Any]) -> str | None:
    near = nearest(name, sections())
    return near if near not in table else None


def _stands(tree: Mapping[str, Any], key: str) -> bool:
    value: Any = tree
    for part in key.split("."):
        if not isinstance(value, Mapping) or part not in value:
            return False
        value = value[part]
    return True


def _top() -> list[str]:
    return list(Plan.model_fields)


def _fields(model: type[BaseModel], prefix: str) -> Iterator[tuple[str, Any]]:
    for name, info in model.model_fields.items():
        if _is_section(info.annotation):
            yield from _fields(info.annotation, f"{prefix}{name}.")  # type: ignore[arg-type]
        else:
            yield f"{prefix}{name}", info.annotation


def _is_section(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def _reach(plan: Plan, key: str) -> Any:
    value: Any = plan
    for part in key.split("."):
        value = getattr(value, part)
    return value
