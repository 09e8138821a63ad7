"""What words become: parameters, command and arithmetic substitution, field splitting and path names."""

from __future__ import annotations

import ast
import fnmatch
import operator
import posixpath
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from wizard.sandbox.fabric.shell.session import ShellExit
from wizard.sandbox.fabric.shell.streams import Capture, Output, TextInput
from wizard.sandbox.fabric.shell.words import Part, Word, parse_double

if TYPE_CHECKING:
    from wizard.sandbox.fabric.shell.interpreter import Shell

_PARAMETER = re.compile(r"^(?P<length>#)?(?P<name>\w+|[?$#@*!-])(?P<rest>.*)$", re.DOTALL)
_GLOB = frozenset("*?[")


class ExpansionError(Exception):
    """A word that cannot be expanded; the message is bash's."""


async def text(shell: Shell, word: Word, error: Output) -> str:
    """A word as one string, without splitting: an assignment's value, a redirection's target."""
    pieces = [await _part(shell, part, error) for part in word.parts]
    joined = "".join(pieces)
    if word.parts and not word.parts[0].quoted and word.parts[0].kind == "text" and joined.startswith("~"):
        joined = _tilde(shell, joined)
    return joined


async def fields(shell: Shell, word: Word, error: Output) -> list[str]:  # noqa: PLR0912 - one pass over the parts
    """A word as the arguments it makes: split at blanks where it is not quoted, then matched against paths."""
    found: list[list[tuple[str, bool]]] = [[]]
    started = False
    for part in word.parts:
        if part.kind == "parameter" and part.value == "@" and part.quoted:
            for index, one in enumerate(shell.parameters[1:]):
                if index:
                    found.append([])
                found[-1].append((one, True))
                started = True
            continue
        value = await _part(shell, part, error)
        if part.quoted or part.kind == "text":
            if part is word.parts[0] and part.kind == "text" and not part.quoted and value.startswith("~"):
                value = _tilde(shell, value)
            found[-1].append((value, part.quoted))
            started = started or part.quoted or bool(value)
            continue
        pieces = value.split()
        if value[:1].isspace() and found[-1]:
            found.append([])
        for index, piece in enumerate(pieces):
            if index:
                found.append([])
            found[-1].append((piece, False))
            started = True
        if pieces and value[-1:].isspace():
            found.append([])
    if not started:
        return []
    result: list[str] = []
    for field in found:
        if field:
            result += _paths(shell, _braces(field))
    return result


def _braces(field: list[tuple[str, bool]]) -> list[list[tuple[str, bool]]]:
    """`{1..3}` and `{a,b}` of an unquoted field."""
    if len(field) != 1 or field[0][1]:
        return [field]
    match = re.match(r"^(.*?)\{([^{}]*)\}(.*)$", field[0][0], re.DOTALL)
    if match is None:
        return [field]
    if span := re.match(r"^(-?\d+)\.\.(-?\d+)$", match[2]):
        low, high = int(span[1]), int(span[2])
        step = 1 if high >= low else -1
        if abs(high - low) > 10_000:
            return [field]
        values = [str(number) for number in range(low, high + step, step)]
    elif "," in match[2]:
        values = match[2].split(",")
    else:
        return [field]
    return [one for value in values for one in _braces([(match[1] + value + match[3], False)])]


def _paths(shell: Shell, alternatives: list[list[tuple[str, bool]]]) -> list[str]:
    result: list[str] = []
    for field in alternatives:
        plain = "".join(value for value, _ in field)
        if not any(sign in _GLOB for value, quoted in field if not quoted for sign in value):
            result.append(plain)
            continue
        pattern = "".join(re.sub(r"([*?\[])", r"[\1]", value) if quoted else value for value, quoted in field)
        matches = shell.machine.guest.disk.glob(posixpath.join(shell.cwd, pattern))
        if not pattern.startswith("/"):
            inside = shell.cwd.rstrip("/") + "/"
            matches = [one.removeprefix(inside) for one in matches]
        result += matches or [plain]
    return result


def _tilde(shell: Shell, value: str) -> str:
    head, slash, rest = value.partition("/")
    if head == "~":
        return (shell.variable("HOME") or shell.home) + slash + rest
    user = shell.machine.guest.accounts.get(head[1:])
    return str(user["home"]) + slash + rest if user else value


async def _part(shell: Shell, part: Part, error: Output) -> str:
    match part.kind:
        case "text":
            return part.value
        case "command":
            made = await _command(shell, part.value, error)
        case "arithmetic":
            made = str(arithmetic(shell, part.value))
        case _:
            made = await _parameter(shell, part.value, error)
    shell.budget.charge(len(made))
    return made


async def _command(shell: Shell, source: str, error: Output) -> str:
    held = Capture()
    child = shell.child()
    try:
        shell.substituted = await child.run(source, TextInput(), held, error)
    except ShellExit as ended:
        shell.substituted = ended.code
    return held.text.rstrip("\n")


def special(shell: Shell, name: str) -> str | None:
    """A parameter's value, or None when it is unset."""
    match name:
        case "?":
            return str(shell.status)
        case "$":
            return "2048"
        case "#":
            return str(len(shell.parameters) - 1)
        case "@" | "*":
            return " ".join(shell.parameters[1:])
        case "!" | "-":
            return ""
        case "RANDOM":
            import random

            return str(random.randrange(32768))  # noqa: S311 - the shell's own $RANDOM
        case "SECONDS":
            return str(int(shell.machine.guest.uptime()))
        case "UID" | "EUID":
            return str((shell.machine.guest.accounts.get(shell.user) or {"uid": 65534})["uid"])
        case "HOSTNAME":
            return shell.machine.guest.hostname
    if name.isdigit():
        index = int(name)
        return shell.parameters[index] if index < len(shell.parameters) else None
    return shell.variable(name)


async def _parameter(shell: Shell, source: str, error: Output) -> str:
    match = _PARAMETER.match(source)
    if match is None:
        raise ExpansionError(f"${{{source}}}: bad substitution")
    name, rest = match["name"], match["rest"]
    value = special(shell, name)
    if match["length"] and not rest:
        return str(len(value or ""))
    if not rest:
        return value or ""

    async def word(raw: str) -> str:
        return "".join([await _part(shell, part, error) for part in parse_double(raw.strip("\"'"))])

    colon = rest.startswith(":")
    sign, argument = (rest[1:2], rest[2:]) if colon else (rest[:1], rest[1:])
    missing = not value if colon else value is None
    match sign:
        case "-":
            return await word(argument) if missing else value or ""
        case "=":
            if missing:
                shell.assign(name, value := await word(argument))
            return value or ""
        case "+":
            return "" if missing else await word(argument)
        case "?":
            if missing:
                raise ExpansionError(f"{name}: {await word(argument) or 'parameter null or not set'}")
            return value or ""
        case "#" | "%":
            return _trim(value or "", sign, argument, word_pattern=await word(argument.removeprefix(sign)))
        case "/":
            pattern, _, replacement = argument.removeprefix("/").partition("/")
            expression = fnmatch.translate(await word(pattern)).removesuffix("\\Z").removesuffix("\\z")
            made = await word(replacement)
            return re.sub(expression, lambda _: made, value or "", count=0 if argument.startswith("/") else 1)
    if colon and (span := re.match(r"^:\s*(-?\d+)(?::(-?\d+))?$", rest)):
        start = int(span[1])
        cut = (value or "")[start:]
        return cut[: int(span[2])] if span[2] else cut
    raise ExpansionError(f"${{{source}}}: bad substitution")


def _trim(value: str, sign: str, argument: str, word_pattern: str) -> str:
    longest = argument.startswith(sign)
    sizes = range(len(value) + 1)
    for size in reversed(sizes) if longest else sizes:
        head = value[:size] if sign == "#" else value[len(value) - size :]
        if fnmatch.fnmatchcase(head, word_pattern):
            return value[size:] if sign == "#" else value[: len(value) - size]
    return value


_BINARY: dict[type[ast.AST], Callable[[int, int], int]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: lambda a, b: int(a / b),
    ast.FloorDiv: lambda a, b: int(a / b),
    ast.Mod: lambda a, b: a - int(a / b) * b,
    ast.Lt: lambda a, b: int(a < b),
    ast.LtE: lambda a, b: int(a <= b),
    ast.Gt: lambda a, b: int(a > b),
    ast.GtE: lambda a, b: int(a >= b),
    ast.Eq: lambda a, b: int(a == b),
    ast.NotEq: lambda a, b: int(a != b),
}


def arithmetic(shell: Shell, source: str) -> int:
    """`$((...))`: integers, variables, the usual operators; 64 bits as in a shell."""
    named = re.sub(r"\$\{?(\w+)\}?", lambda match: special(shell, match[1]) or "0", source)
    try:
        value = _evaluate(shell, ast.parse(named.strip() or "0", mode="eval").body)
    except (SyntaxError, ValueError, TypeError, RecursionError):
        raise ExpansionError(f"{source}: syntax error in expression") from None
    except ZeroDivisionError:
        raise ExpansionError(f"{source}: division by 0") from None
    return (value + 2**63) % 2**64 - 2**63


def _evaluate(shell: Shell, node: Any) -> int:
    match node:
        case ast.Constant(value=int(value)):
            return value
        case ast.Name(id=name):
            found = special(shell, name) or "0"
            return int(found) if found.lstrip("-").isdigit() else 0
        case ast.UnaryOp(op=ast.USub(), operand=inner):
            return -_evaluate(shell, inner)
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _BINARY:
            return _BINARY[type(op)](_evaluate(shell, left), _evaluate(shell, right))
        case ast.Compare(left=left, ops=[op], comparators=[right]) if type(op) in _BINARY:
            return _BINARY[type(op)](_evaluate(shell, left), _evaluate(shell, right))
    raise ValueError
