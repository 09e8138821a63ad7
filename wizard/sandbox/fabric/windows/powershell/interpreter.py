"""Runs a script inside a Windows machine, as SYSTEM, with the cmdlets in `cmdlets`."""

from __future__ import annotations

import base64
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from wizard.sandbox.fabric.windows.powershell import reader
from wizard.sandbox.fabric.windows.powershell.operations import cast, compute, item, method, plus, property_of
from wizard.sandbox.fabric.windows.powershell.syntax import (
    Assign,
    Block,
    Cast,
    Command,
    Expression,
    ForEach,
    Group,
    If,
    Item,
    Leave,
    Literal,
    Member,
    NotUnderstood,
    Operation,
    Parameter,
    Pipeline,
    Several,
    Statement,
    Static,
    Text,
    Try,
    Variable,
)
from wizard.sandbox.fabric.windows.powershell.values import PsError, Thing, listed, printed, single, text, truth

if TYPE_CHECKING:
    from wizard.sandbox.fabric.windows.machine import WindowsMachine

_MOST_STEPS = 20_000  # statements of one script: a loop that does not end must


class Exit(Exception):  # noqa: N818 - what the script does
    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


class _Return(Exception):  # noqa: N818 - what the script does
    pass


@dataclass(frozen=True)
class Outcome:
    """What a script left. `code` is powershell.exe's exit code."""

    out: str
    error: str
    code: int


@dataclass
class Call:
    """One cmdlet at work: what it was given by name (in lower case) and by place, and what comes down the pipe."""

    shell: Shell
    name: str
    named: dict[str, Any]
    placed: list[Any]
    piped: list[Any]

    @property
    def machine(self) -> WindowsMachine:
        return self.shell.machine

    def get(self, *names: str, place: int | None = None) -> Any:
        """The first of these parameters that was given, else what stands at `place`."""
        for name in names:
            if name in self.named:
                return self.named[name]
        return self.placed[place] if place is not None and place < len(self.placed) else None

    def need(self, *names: str, place: int | None = None) -> str:
        found = self.get(*names, place=place)
        if found is None:
            raise PsError(f"Cannot process command because of one or more missing mandatory parameters: {names[0]}.")
        return text(found)

    def switch(self, name: str) -> bool:
        return truth(self.named.get(name, False))


Work = Callable[[Call], Awaitable[Any]]


@dataclass(frozen=True)
class Cmdlet:
    """`takes` are its parameters, `switches` those without a value; both in lower case."""

    work: Work
    takes: frozenset[str]
    switches: frozenset[str]


CMDLETS: dict[str, Cmdlet] = {}
_COMMON = frozenset(("erroraction", "ea", "warningaction", "verbose"))


def cmdlet(*names: str, takes: str = "", switches: str = "") -> Callable[[Work], Work]:
    """Make a function a cmdlet under its names."""

    def register(work: Work) -> Work:
        made = Cmdlet(work, frozenset(takes.split()), frozenset(switches.split()))
        CMDLETS.update(dict.fromkeys((name.lower() for name in names), made))
        return work

    return register


@dataclass
class Shell:
    """One powershell.exe: its variables last as long as its script."""

    machine: WindowsMachine
    variables: dict[str, Any] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)
    steps: int = 0

    def __post_init__(self) -> None:
        self.variables.update({"null": None, "true": True, "false": False, "erroractionpreference": "Continue"})

    async def script(self, source: str) -> Outcome:
        """Run a script to its end."""
        out: list[Any] = []
        code = 0
        try:
            await self.body(reader.read(source), out)
        except NotUnderstood as problem:
            self.errors.append(f"The sandbox's PowerShell does not understand this script: {problem}")
            code = 1
        except PsError as problem:
            self.errors.append(str(problem))
            code = 1
        except Exit as left:
            code = left.code
        except _Return:
            pass
        return Outcome(printed(out), "".join(f"{line}\n" for line in self.errors), code)

    # Statements

    async def body(self, statements: Sequence[Statement], out: list[Any]) -> None:
        for statement in statements:
            self.steps += 1
            if self.steps > _MOST_STEPS:
                raise PsError("The script was ended: it takes too many steps.")
            await self._statement(statement, out)

    async def _statement(self, statement: Statement, out: list[Any]) -> None:
        match statement:
            case Pipeline():
                out += await self._guarded(statement)
            case Assign(variable, value, adds):
                found = single(await self.pipeline(value))
                self._assign(variable, plus(self.variables.get(variable), found) if adds else found)
            case If(branches, otherwise):
                for condition, body in branches:
                    if truth(single(await self.pipeline(condition))):
                        await self.body(body, out)
                        return
                await self.body(otherwise, out)
            case Try(body, catch):
                try:
                    await self.body(body, out)
                except PsError as problem:
                    exception = Thing("Exception", {"Message": str(problem)})
                    self.variables["_"] = Thing("ErrorRecord", {"Exception": exception, "ToString": str(problem)})
                    await self.body(catch, out)
            case ForEach(variable, over, body):
                for item in await self.pipeline(over):
                    self._assign(variable, item)
                    await self.body(body, out)
            case Leave(how, value):
                await self._leave(how, value, out)

    async def _guarded(self, statement: Pipeline) -> list[Any]:
        """An error that does not end the script is written, and the next statement runs."""
        try:
            return await self.pipeline(statement)
        except PsError as problem:
            if text(self.variables["erroractionpreference"]).lower() == "stop":
                raise
            self.errors.append(str(problem))
            return []

    async def _leave(self, how: str, value: Pipeline | None, out: list[Any]) -> None:
        found = await self.pipeline(value) if value is not None else []
        if how == "exit":
            code = single(found)
            raise Exit(code if isinstance(code, int) else 0)
        if how == "throw":
            raise PsError(text(single(found)) or "ScriptHalted")
        out += found
        raise _Return

    def _assign(self, name: str, value: Any) -> None:
        if ":" in name:
            raise NotUnderstood(f"${name} cannot be set here")
        self.variables[name] = value

    # Pipelines

    async def pipeline(self, pipeline: Pipeline) -> list[Any]:
        found: list[Any] = []
        for at, element in enumerate(pipeline.elements):
            if isinstance(element, Command):
                found = await self._run(element, found)
            elif at:
                raise NotUnderstood("a value cannot stand behind |")
            else:
                found = listed(await self.value(element))
        return found

    async def _run(self, command: Command, piped: list[Any]) -> list[Any]:
        name = command.name.lower().removesuffix(".exe")
        known = CMDLETS.get(name)
        if known is None:
            raise NotUnderstood(f"{command.name} is not a command that this machine has")
        call = await self._bind(command, known, piped)
        preference = text(call.get("erroraction", "ea") or self.variables["erroractionpreference"]).lower()
        try:
            return listed(await known.work(call))
        except PsError as problem:
            if preference in ("silentlycontinue", "ignore") or command.quiet:
                return []
            if preference == "stop":
                raise PsError(f"{command.name} : {problem}") from None
            self.errors.append(f"{command.name} : {problem}")
            return []

    async def _bind(self, command: Command, known: Cmdlet, piped: list[Any]) -> Call:
        named: dict[str, Any] = {}
        placed: list[Any] = []
        waiting = ""
        native = not known.takes and not known.switches
        for argument in command.arguments:
            if isinstance(argument, Parameter):
                if native:  # a program of its own reads its own words
                    placed.append(f"-{argument.name}")
                    continue
                if waiting:
                    raise PsError(f"Missing an argument for parameter '{waiting}'.")
                name = _parameter(argument.name, command.name, known)
                if argument.value is not None:
                    named[name] = await self.value(argument.value)
                elif name in known.switches:
                    named[name] = True
                else:
                    waiting = name
            elif waiting:
                named[waiting] = await self.value(argument)
                waiting = ""
            else:
                placed.append(await self.value(argument))
        if waiting:
            raise PsError(f"Missing an argument for parameter '{waiting}'.")
        return Call(self, command.name, named, placed, piped)

    async def block(self, block: Block, item: Any) -> list[Any]:
        """Run a script block with `$_`."""
        before = self.variables.get("_")
        self.variables["_"] = item
        out: list[Any] = []
        try:
            await self.body(block.body, out)
        finally:
            self.variables["_"] = before
        return out

    # Values

    async def value(self, expression: Expression) -> Any:
        match expression:
            case Literal(found):
                return found
            case Text(pieces):
                return "".join([one if isinstance(one, str) else text(await self.value(one)) for one in pieces])
            case Variable(name):
                return self._variable(name)
            case Block():
                return expression
            case Several(items):
                return [await self.value(item) for item in items]
            case Group(body, as_list):
                out: list[Any] = []
                await self.body(body, out)
                return out if as_list else single(out)
            case Item(of, index):
                return item(await self.value(of), await self.value(index))
            case Member(of, name, None):
                return property_of(await self.value(of), name)
            case Member(of, name, arguments):
                given = [await self.value(one) for one in arguments or ()]
                return method(await self.value(of), name, given)
            case Static(type, name, arguments):
                return self._static(type, name, [await self.value(one) for one in arguments or ()])
            case Cast(type, inner):
                return cast(type, await self.value(inner))
            case Operation(operator, operands):
                return await self._operation(operator, operands)
        raise NotUnderstood(type(expression).__name__)

    def _variable(self, name: str) -> Any:
        if name.startswith("env:"):
            return self.machine.environment().get(name[4:].upper())
        return self.variables.get(name.removeprefix("script:").removeprefix("global:"))

    async def _operation(self, operator: str, operands: Sequence[Expression]) -> Any:
        left = await self.value(operands[0])
        if operator == "-not":
            return not truth(left)
        if operator in ("-and", "-or"):
            if truth(left) == (operator == "-or"):
                return truth(left)
            return truth(await self.value(operands[1]))
        return compute(operator, left, await self.value(operands[1]))

    def _static(self, type: str, name: str, arguments: list[Any]) -> Any:
        match type.removeprefix("system."), name:
            case "convert", "tobase64string":
                return base64.b64encode(arguments[0]).decode()
            case "environment", "machinename":
                return self.machine.environment()["COMPUTERNAME"]
            case "datetime", "utcnow":
                return datetime.now(UTC)
            case "io.file", "writealltext":
                self.machine.disk.write(text(arguments[0]), text(arguments[1]))
                return None
        raise NotUnderstood(f"[{type}]::{name}")


def _parameter(given: str, command: str, known: Cmdlet) -> str:
    """A parameter by its name or the beginning of it, as PowerShell takes it."""
    name = given.lower()
    names = known.takes | known.switches | _COMMON
    if name in names:
        return name
    fits = [one for one in names if one.startswith(name)]
    if len(fits) == 1:
        return fits[0]
    raise NotUnderstood(f"{command} has no parameter -{given} here")
