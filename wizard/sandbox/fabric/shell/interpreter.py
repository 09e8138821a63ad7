"""Runs a script's tree inside one machine: expansion, control flow, redirections, and the commands' calling convention.

Everything is bounded: steps, text held, time. A script that never ends costs its own session, not the sandbox.
"""

from __future__ import annotations

import fnmatch
import posixpath
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wizard.sandbox.fabric import disk as disks
from wizard.sandbox.fabric import redhat
from wizard.sandbox.fabric.shell import expansion, grammar
from wizard.sandbox.fabric.shell.grammar import Compound, Node, Pipeline, Redirect, Simple
from wizard.sandbox.fabric.shell.session import Budget, Exhausted, LoopControl, Return, ShellExit
from wizard.sandbox.fabric.shell.streams import Capture, Input, Output, TextInput, nowhere
from wizard.sandbox.fabric.shell.words import ShellSyntaxError, Word

if TYPE_CHECKING:
    from wizard.sandbox.fabric.machine import Machine

_DEEPEST = 40  # substitutions, functions and sub-shells inside each other
_PROGRAM_FOLDERS = ("/bin", "/usr/bin", "/sbin", "/usr/sbin", "/usr/local/bin")


@dataclass
class Call:
    """One command's surroundings. `args` has its name first."""

    shell: Shell
    args: list[str]
    stdin: Input
    out: Output
    error: Output

    @property
    def machine(self) -> Machine:
        return self.shell.machine

    def fail(self, message: str, code: int = 1) -> int:
        """Tell `NAME: MESSAGE` on standard error."""
        self.error(f"{self.args[0]}: {message}\n")
        return code


Command = Callable[[Call], Awaitable[int]]
COMMANDS: dict[str, Command] = {}


def command(*names: str) -> Callable[[Command], Command]:
    """Mark a coroutine function as the program of these names."""

    def mark(function: Command) -> Command:
        for name in names:
            COMMANDS[name] = function
        return function

    return mark


class Shell:
    """One shell process: a user, a working directory, variables."""

    def __init__(self, machine: Machine, user: str, budget: Budget | None = None) -> None:
        from wizard.sandbox.fabric.shell import commands

        commands.load()
        self.machine = machine
        self.user = user
        self.login = user
        self.budget = budget or Budget()
        account = machine.guest.accounts.get(user) or {"home": "/"}
        self.home = str(account["home"])
        self.cwd = self.home if machine.guest.disk.is_dir(self.home) else "/"
        self.variables: dict[str, str] = {}
        self.environment: dict[str, str] = {
            "HOME": self.home,
            "USER": user,
            "LOGNAME": user,
            "SHELL": "/bin/bash",
            "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "LANG": "C.UTF-8",
            "PWD": self.cwd,
        }
        self.parameters: list[str] = ["bash"]
        self.functions: dict[str, Compound] = {}
        self.status = 0
        self.substituted = 0  # status of the last command substitution
        self.exit_on_error = False
        self.trace = False
        self.line = 1

    def child(self, user: str | None = None) -> Shell:
        """A sub-shell: what it changes stays with it."""
        made = Shell(self.machine, user or self.user, self.budget)
        made.login = self.login
        if user is None or user == self.user:
            made.variables = dict(self.variables)
            made.environment = dict(self.environment)
        made.cwd = self.cwd
        made.parameters = list(self.parameters)
        made.functions = dict(self.functions)
        made.status = self.status
        return made

    def path(self, text: str) -> str:
        """A path as this shell's working directory makes it absolute."""
        return posixpath.normpath(posixpath.join(self.cwd, text))

    def groups(self) -> set[str]:
        return set(self.machine.guest.accounts.groups(self.user))

    def check(self, path: str, want: int) -> None:
        """Raise PermissionError unless this user may read (4) or write (2) a path, or make it in its folder."""
        if self.user == "root":
            return
        disk = self.machine.guest.disk
        node = disk.node(path)
        if node is None and want == 2:
            node = disk.node(posixpath.dirname(disk.resolve(path)))
        if node is not None and not disks.may(node, self.user, self.groups(), want):
            raise PermissionError("Permission denied")

    def variable(self, name: str) -> str | None:
        if name in self.variables:
            return self.variables[name]
        return self.environment.get(name)

    def assign(self, name: str, value: str) -> None:
        if name in self.environment:
            self.environment[name] = value
        else:
            self.variables[name] = value

    async def run(self, text: str, stdin: Input, out: Output, error: Output) -> int:
        """Run a script; its exit code. ShellExit is raised only by `exit`."""
        try:
            nodes = grammar.parse(text)
        except ShellSyntaxError as problem:
            error(f"bash: line 1: {problem}\n")
            self.status = 2
            return 2
        return await self.run_list(nodes, stdin, self._counted(out), self._counted(error))

    async def script(self, text: str, stdin: Input, out: Output, error: Output) -> int:
        """`run`, with `exit` and an exhausted budget turned into the exit code."""
        try:
            return await self.run(text, stdin, out, error)
        except ShellExit as ended:
            return ended.code
        except LoopControl:
            return 0
        except Exhausted:
            error("Killed\n")
            return 137

    def _counted(self, output: Output) -> Output:
        if output is nowhere or getattr(output, "counted", False):
            return output

        def write(text: str) -> None:
            self.budget.charge(len(text))
            output(text)

        write.counted = True  # type: ignore[attr-defined]
        return write

    async def run_list(self, nodes: list[Node], stdin: Input, out: Output, error: Output) -> int:
        for index, node in enumerate(nodes):
            if (node.joined == "&&" and self.status) or (node.joined == "||" and not self.status):
                continue
            self.status = await self._pipeline(node.pipeline, stdin, out, error)
            tested = node.pipeline.negated or (index + 1 < len(nodes) and nodes[index + 1].joined)
            if self.status and self.exit_on_error and not tested:
                raise ShellExit(self.status)
        return self.status

    async def _pipeline(self, pipeline: Pipeline, stdin: Input, out: Output, error: Output) -> int:
        commands = pipeline.commands
        for index, one in enumerate(commands):
            last = index == len(commands) - 1
            if len(commands) == 1:
                status = await self._command(one, stdin, out, error)
                continue
            held = Capture()
            target = out if last else self._counted(held)
            try:
                status = await self.child()._command(one, stdin, target, error)
            except Return:
                raise
            except ShellExit as ended:
                status = ended.code
            stdin = TextInput(held.text)
        return int(not status) if pipeline.negated else status

    async def _command(self, one: Simple | Compound, stdin: Input, out: Output, error: Output) -> int:
        await self.budget.step()
        files: list[tuple[str, Capture, bool]] = []
        try:
            stdin, out, error = await self._redirect(one.redirects, stdin, out, error, files)
        except OSError as problem:
            error(f"bash: line {self.line}: {problem}\n")
            return 1
        try:
            if isinstance(one, Compound):
                return await self._compound(one, stdin, out, error)
            return await self._simple(one, stdin, out, error)
        finally:
            for path, held, appends in files:
                self._write_out(path, held.text, appends)

    def _write_out(self, path: str, text: str, appends: bool) -> None:
        disk = self.machine.guest.disk
        before = disk.read(path) if appends and disk.exists(path) else ""
        disk.write(path, before + text, owner=None if disk.exists(path) else self.user)

    async def _redirect(
        self, redirects: list[Redirect], stdin: Input, out: Output, error: Output,
        files: list[tuple[str, Capture, bool]],
    ) -> tuple[Input, Output, Output]:  # fmt: skip
        for one in redirects:
            if one.operator == "<<":
                stdin = TextInput(await expansion.text(self, one.target, error))
                continue
            target = await expansion.text(self, one.target, error)
            if one.operator in (">&", "<&"):
                if one.fd == 2 and target == "1":
                    error = out
                elif one.fd == 1 and target == "2":
                    out = error
                continue
            if one.operator == "<":
                stdin = TextInput(self.read_file(target))
                continue
            sink = self._sink(target, one.operator == ">>", files, out, error)
            if one.operator == "&>":
                out = error = sink
            elif one.fd == 2:
                error = sink
            else:
                out = sink
        return stdin, out, error

    def _sink(
        self, target: str, appends: bool, files: list[tuple[str, Capture, bool]], out: Output, error: Output
    ) -> Output:
        if target in ("/dev/null", "/dev/stdout", "/dev/stderr", "/dev/tty"):
            return {"/dev/null": nowhere, "/dev/stderr": error}.get(target, out)
        path = self.path(target)
        try:
            self.check(path, 2)
            self._write_out(path, "", appends)  # the file is there, and empty, before the command runs
        except OSError as problem:
            raise OSError(f"{target}: {problem}") from None
        held = Capture()
        files.append((path, held, True))
        return self._counted(held)

    def read_file(self, target: str) -> str:
        """A file's text, or an OSError that names the file as it was named."""
        if target == "/dev/null":
            return ""
        path = self.path(target)
        try:
            self.check(path, 4)
            return self.machine.guest.disk.read(path)
        except OSError as problem:
            raise OSError(f"{target}: {problem}") from None

    async def _compound(  # noqa: PLR0912 - a case per kind
        self, one: Compound, stdin: Input, out: Output, error: Output
    ) -> int:
        match one.kind:
            case "group":
                return await self.run_list(one.body, stdin, out, error)
            case "subshell":
                try:
                    return await self.child().run_list(one.body, stdin, out, error)
                except ShellExit as ended:
                    return ended.code
            case "function":
                self.functions[one.name] = one
                return 0
            case "if":
                for test, body in one.tests:
                    if await self._test(test, stdin, out, error):
                        return await self.run_list(body, stdin, out, error)
                self.status = 0
                return await self.run_list(one.body, stdin, out, error) if one.body else 0
            case "case":
                return await self._case(one, stdin, out, error)
            case "for":
                words = self.parameters[1:] if one.words is None else await self._words(one.words, error)
                status = 0
                for word in words:
                    self.assign(one.name, word)
                    status, stop = await self._round(one.body, stdin, out, error)
                    if stop:
                        break
                return status
            case _:
                status = 0
                test, body = one.tests[0]
                while await self._test(test, stdin, out, error) == (one.kind == "while"):
                    status, stop = await self._round(body, stdin, out, error)
                    if stop:
                        break
                return status

    async def _test(self, nodes: list[Node], stdin: Input, out: Output, error: Output) -> bool:
        kept, self.exit_on_error = self.exit_on_error, False
        try:
            return await self.run_list(nodes, stdin, out, error) == 0
        finally:
            self.exit_on_error = kept

    async def _round(self, body: list[Node], stdin: Input, out: Output, error: Output) -> tuple[int, bool]:
        await self.budget.step()
        try:
            return await self.run_list(body, stdin, out, error), False
        except LoopControl as control:
            if control.levels > 1:
                raise LoopControl(control.goes_on, control.levels - 1) from None
            return 0, not control.goes_on

    async def _case(self, one: Compound, stdin: Input, out: Output, error: Output) -> int:
        assert one.words is not None
        value = await expansion.text(self, one.words[0], error)
        for patterns, body in one.cases:
            for pattern in patterns:
                if fnmatch.fnmatchcase(value, await expansion.text(self, pattern, error)):
                    return await self.run_list(body, stdin, out, error)
        return 0

    async def _words(self, words: list[Word], error: Output) -> list[str]:
        found: list[str] = []
        for word in words:
            found += await expansion.fields(self, word, error)
        return found

    async def _simple(self, one: Simple, stdin: Input, out: Output, error: Output) -> int:
        self.substituted = 0
        try:
            args = await self._words(one.words, error)
            values = [(name, await expansion.text(self, word, error)) for name, word in one.assignments]
        except expansion.ExpansionError as problem:
            error(f"bash: line {self.line}: {problem}\n")
            return 1
        if self.trace and args:
            error(f"+ {' '.join(args)}\n")
        if not args:
            for name, value in values:
                self.assign(name, value)
            return self.substituted  # `x=$(false)` has the status of what it ran
        kept = dict(self.environment)
        self.environment.update(values)
        try:
            return await self.call(args, stdin, out, error)
        finally:
            for name, _ in values:
                if name in kept:
                    self.environment[name] = kept[name]
                else:
                    self.environment.pop(name, None)

    async def call(self, args: list[str], stdin: Input, out: Output, error: Output) -> int:
        """Run a command by name: a function, a program, or a script on the disk."""
        name = args[0]
        self.budget.depth += 1
        try:
            if self.budget.depth > _DEEPEST:
                raise Exhausted
            if name in self.functions:
                return await self._function(args, stdin, out, error)
            folder, _, program = name.rpartition("/")
            found = COMMANDS.get(program if folder in _PROGRAM_FOLDERS else name)
            if found is not None and not redhat.has(self.machine.guest, program):
                found = None
            if found is not None:
                try:
                    return await found(Call(self, args, stdin, out, error))
                except (OSError, ValueError, IndexError) as problem:
                    error(f"{program}: {problem}\n")
                    return 1
            return await self._file(args, stdin, out, error)
        finally:
            self.budget.depth -= 1

    async def _function(self, args: list[str], stdin: Input, out: Output, error: Output) -> int:
        kept, self.parameters = self.parameters, [self.parameters[0], *args[1:]]
        try:
            return await self.run_list(self.functions[args[0]].body, stdin, out, error)
        except Return as ended:
            return ended.code
        finally:
            self.parameters = kept

    async def _file(self, args: list[str], stdin: Input, out: Output, error: Output) -> int:
        name, disk = args[0], self.machine.guest.disk
        path = self.path(name) if "/" in name else f"/usr/local/bin/{name}"
        node = disk.node(path)
        if node is None or ("/" not in name and "dir" in node):
            why = "No such file or directory" if "/" in name else "command not found"
            error(f"bash: line {self.line}: {name}: {why}\n")
            return 127
        if "dir" in node or not disks.may(node, self.user, self.groups(), 1) or not int(node.get("mode", 0)) & 0o111:
            error(f"bash: line {self.line}: {name}: {'Is a directory' if 'dir' in node else 'Permission denied'}\n")
            return 126
        return await self.run_script(disk.read(path), [path, *args[1:]], stdin, out, error)

    async def run_script(self, text: str, args: list[str], stdin: Input, out: Output, error: Output) -> int:
        """Run a script's text in a shell of its own; only sh and bash are known interpreters."""
        first = text.partition("\n")[0]
        if first.startswith("#!") and not first.split("/")[-1].split(" ")[-1].startswith(("sh", "bash", "dash")):
            error(
                f"bash: line {self.line}: {args[0]}: {first[2:].strip()}: bad interpreter: No such file or directory\n"
            )
            return 126
        made = self.child()
        made.variables, made.parameters, made.functions = {}, args, {}
        made.exit_on_error = first.startswith("#!") and " -e" in first
        try:
            return await made.run(text, stdin, out, error)
        except ShellExit as ended:
            return ended.code
