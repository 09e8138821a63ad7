"""What a script is made of once it has been read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


class NotUnderstood(Exception):  # noqa: N818 - what the reader says
    """The script uses what this PowerShell does not have. Nothing is guessed."""


@dataclass(frozen=True)
class Literal:
    value: Any


@dataclass(frozen=True)
class Text:
    """A double-quoted string: pieces of text and expressions."""

    pieces: tuple[str | Expression, ...]


@dataclass(frozen=True)
class Variable:
    """`name`, or `env:COMPUTERNAME`; in lower case."""

    name: str


@dataclass(frozen=True)
class Member:
    """`of.name`, or `of.name(arguments)` when there are arguments."""

    of: Expression
    name: str
    arguments: tuple[Expression, ...] | None = None


@dataclass(frozen=True)
class Static:
    """`[type]::name`, with arguments when it is called."""

    type: str
    name: str
    arguments: tuple[Expression, ...] | None = None


@dataclass(frozen=True)
class Item:
    """`of[index]`"""

    of: Expression
    index: Expression


@dataclass(frozen=True)
class Cast:
    type: str
    value: Expression


@dataclass(frozen=True)
class Operation:
    """Two operands, or one for `-not`."""

    operator: str
    operands: tuple[Expression, ...]


@dataclass(frozen=True)
class Group:
    """`( ... )`, `$( ... )` or `@( ... )`."""

    body: tuple[Statement, ...]
    list: bool = False


@dataclass(frozen=True)
class Block:
    """`{ ... }`"""

    body: tuple[Statement, ...]


@dataclass(frozen=True)
class Several:
    """`a, b, c`"""

    items: tuple[Expression, ...]


Expression = Literal | Text | Variable | Member | Static | Item | Cast | Operation | Group | Block | Several


@dataclass(frozen=True)
class Parameter:
    """`-Name`; whether the next argument is its value, the command knows. `value` is set by `-Name:value`."""

    name: str
    value: Expression | None = None


@dataclass(frozen=True)
class Command:
    name: str
    arguments: tuple[Parameter | Expression, ...]
    quiet: bool = False  # its errors go to $null


@dataclass(frozen=True)
class Pipeline:
    elements: tuple[Command | Expression, ...]


@dataclass(frozen=True)
class Assign:
    variable: str
    value: Pipeline
    adds: bool = False


@dataclass(frozen=True)
class If:
    branches: tuple[tuple[Pipeline, tuple[Statement, ...]], ...]
    otherwise: tuple[Statement, ...]


@dataclass(frozen=True)
class Try:
    body: tuple[Statement, ...]
    catch: tuple[Statement, ...]


@dataclass(frozen=True)
class ForEach:
    variable: str
    over: Pipeline
    body: tuple[Statement, ...]


@dataclass(frozen=True)
class Leave:
    """`exit`, `return` or `throw`."""

    how: str
    value: Pipeline | None


Statement = Pipeline | Assign | If | Try | ForEach | Leave
