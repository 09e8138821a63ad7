"""What the shell itself does: variables, flow, tests, printing."""

from __future__ import annotations

import asyncio
import re
from typing import Any

from wizard.sandbox.fabric import disk as disks
from wizard.sandbox.fabric import redhat
from wizard.sandbox.fabric.shell.interpreter import COMMANDS, Call, command
from wizard.sandbox.fabric.shell.session import LoopControl, Return, ShellExit


@command(":", "true")
async def true(call: Call) -> int:
    return 0


@command("false")
async def false(call: Call) -> int:
    return 1


def _code(call: Call) -> int:
    if len(call.args) < 2:
        return call.shell.status
    return int(call.args[1]) % 256 if call.args[1].lstrip("-").isdigit() else 2


@command("exit", "logout")
async def exit_(call: Call) -> int:
    raise ShellExit(_code(call))


@command("return")
async def return_(call: Call) -> int:
    raise Return(_code(call))


@command("break", "continue")
async def loop_control(call: Call) -> int:
    levels = int(call.args[1]) if len(call.args) > 1 and call.args[1].isdigit() else 1
    raise LoopControl(call.args[0] == "continue", levels)


@command("cd")
async def cd(call: Call) -> int:
    shell, disk = call.shell, call.machine.guest.disk
    target = call.args[1] if len(call.args) > 1 else shell.variable("HOME") or "/"
    if target == "-":
        target = shell.variable("OLDPWD") or shell.cwd
    path = shell.path(target)
    node = disk.node(path)
    if node is None or "dir" not in node:
        why = "No such file or directory" if node is None else "Not a directory"
        call.error(f"bash: line {shell.line}: cd: {target}: {why}\n")
        return 1
    if not disks.may(node, shell.user, shell.groups(), 1):
        call.error(f"bash: line {shell.line}: cd: {target}: Permission denied\n")
        return 1
    shell.environment["OLDPWD"], shell.cwd = shell.cwd, path
    shell.environment["PWD"] = path
    return 0


@command("pwd")
async def pwd(call: Call) -> int:
    call.out(f"{call.shell.cwd}\n")
    return 0


_ESCAPE = re.compile(r"\\(n|t|r|a|b|f|v|e|\\|\"|0[0-7]{1,3}|[0-7]{1,3}|x[0-9a-fA-F]{1,2})")
_LETTERS = {"n": "\n", "t": "\t", "r": "\r", "a": "\a", "b": "\b", "f": "\f", "v": "\v", "e": "\x1b",
            "\\": "\\", '"': '"'}  # fmt: skip


def unescape(text: str) -> str:
    """Backslash sequences as echo -e and printf know them."""

    def one(match: re.Match[str]) -> str:
        found = match[1]
        if found in _LETTERS:
            return _LETTERS[found]
        return chr(int(found[1:], 16)) if found[0] == "x" else chr(int(found, 8))

    return _ESCAPE.sub(one, text)


@command("echo")
async def echo(call: Call) -> int:
    args, newline, escapes = call.args[1:], True, False
    while args and re.fullmatch(r"-[neE]+", args[0]):
        newline = newline and "n" not in args[0]
        escapes = "e" in args[0] or (escapes and "E" not in args[0])
        args = args[1:]
    text = " ".join(args)
    call.out((unescape(text) if escapes else text) + ("\n" if newline else ""))
    return 0


_FORMAT = re.compile(r"%([-+ 0#]*)(\d*)(?:\.(\d+))?([sdiuxXofeqbc%])")


def _number(text: str) -> int:
    try:
        return int(text, 0)
    except ValueError:
        return 0


@command("printf")
async def printf(call: Call) -> int:
    if len(call.args) < 2:
        return call.fail("usage: printf [-v var] format [arguments]", 2)
    template, values = unescape(call.args[1]), list(call.args[2:])

    def one(match: re.Match[str]) -> str:
        flags, width, precision, kind = match.groups()
        if kind == "%":
            return "%"
        value = values.pop(0) if values else ""
        made: Any = value
        if kind in "diuxXo":
            made, kind = _number(value), "d" if kind in "iu" else kind
        elif kind in "fe":
            try:
                made = float(value or 0)
            except ValueError:
                made = 0.0
        else:
            made, kind = unescape(value) if kind == "b" else value[:1] if kind == "c" else value, "s"
        size = min(int(width or 0), 4096)
        return str(f"%{flags}{size or ''}{'.' + precision if precision else ''}{kind}" % made)

    while True:
        before = len(values)
        call.out(_FORMAT.sub(one, template))
        if not values or len(values) == before:
            return 0


@command("export")
async def export(call: Call) -> int:
    shell = call.shell
    for one in call.args[1:]:
        name, equals, value = one.partition("=")
        if name.startswith("-"):
            continue
        shell.environment[name] = value if equals else shell.variables.get(name, shell.environment.get(name, ""))
        shell.variables.pop(name, None)
    if len(call.args) == 1:
        for name, value in sorted(shell.environment.items()):
            call.out(f'declare -x {name}="{value}"\n')
    return 0


@command("local", "declare", "readonly", "typeset")
async def local(call: Call) -> int:
    for one in call.args[1:]:
        name, _, value = one.partition("=")
        if not name.startswith("-"):
            call.shell.assign(name, value)
    return 0


@command("unset")
async def unset(call: Call) -> int:
    for name in call.args[1:]:
        call.shell.variables.pop(name, None)
        call.shell.environment.pop(name, None)
        call.shell.functions.pop(name, None)
    return 0


@command("set")
async def set_(call: Call) -> int:
    shell, args = call.shell, call.args[1:]
    while args and args[0][:1] in "-+" and args[0] != "--":
        flags, turn = args[0][1:], args[0][0] == "-"
        if "e" in flags:
            shell.exit_on_error = turn
        if "x" in flags:
            shell.trace = turn
        args = args[2:] if flags.endswith("o") else args[1:]
    if args:
        shell.parameters = [shell.parameters[0], *(args[1:] if args[0] == "--" else args)]
    return 0


@command("shift")
async def shift(call: Call) -> int:
    count = int(call.args[1]) if len(call.args) > 1 and call.args[1].isdigit() else 1
    if count >= len(call.shell.parameters):
        return 1
    del call.shell.parameters[1 : 1 + count]
    return 0


@command("env", "printenv")
async def env(call: Call) -> int:
    environment = dict(call.shell.environment)
    rest = call.args[1:]
    if call.args[0] == "printenv" and rest:
        values = [environment[name] for name in rest if name in environment]
        call.out("".join(f"{value}\n" for value in values))
        return int(len(values) != len(rest))
    while rest and "=" in rest[0]:
        name, _, environment[name] = rest[0].partition("=")
        rest = rest[1:]
    if rest:
        child = call.shell.child()
        child.environment = environment
        return await child.call(rest, call.stdin, call.out, call.error)
    call.out("".join(f"{name}={value}\n" for name, value in environment.items()))
    return 0


@command("read")
async def read(call: Call) -> int:
    names = [one for one in call.args[1:] if not one.startswith("-")] or ["REPLY"]
    line = await call.stdin.readline()
    words = line.rstrip("\n").split(None, len(names) - 1)
    for index, name in enumerate(names):
        call.shell.assign(name, words[index].strip() if index < len(words) else "")
    return 0 if line else 1


@command("eval")
async def eval_(call: Call) -> int:
    return await call.shell.run(" ".join(call.args[1:]), call.stdin, call.out, call.error)


@command(".", "source")
async def source(call: Call) -> int:
    if len(call.args) < 2:
        return call.fail("filename argument required", 2)
    return await call.shell.run(call.shell.read_file(call.args[1]), call.stdin, call.out, call.error)


@command("bash", "sh", "dash")
async def shell_(call: Call) -> int:
    args = call.args[1:]
    child = call.shell.child()
    child.variables, child.functions = {}, {}
    while args and args[0].startswith("-") and args[0] not in ("-c", "-s") and "c" not in args[0]:
        child.exit_on_error = child.exit_on_error or "e" in args[0]
        child.trace = child.trace or "x" in args[0]
        args = args[1:]
    try:
        if args and args[0].startswith("-") and "c" in args[0]:
            if len(args) < 2:
                return call.fail("-c: option requires an argument", 2)
            child.exit_on_error = child.exit_on_error or "e" in args[0]
            child.parameters = args[2:] or [call.args[0]]
            return await child.run(args[1], call.stdin, call.out, call.error)
        if args and args[0] != "-s":
            child.parameters = args
            return await child.run(call.shell.read_file(args[0]), call.stdin, call.out, call.error)
        child.parameters = [call.args[0], *args[1:]]
        return await child.run(await call.stdin.read(), call.stdin, call.out, call.error)
    except ShellExit as ended:
        return ended.code


@command("exec", "command", "nohup", "time", "nice", "builtin")
async def prefix(call: Call) -> int:
    args = call.args[1:]
    if call.args[0] == "command" and args[:1] in (["-v"], ["-V"]):
        return await which(Call(call.shell, ["which", *args[1:]], call.stdin, call.out, call.error))
    return await call.shell.call(args, call.stdin, call.out, call.error) if args else 0


@command("timeout")
async def timeout(call: Call) -> int:
    args = call.args[1:]
    while args and args[0].startswith("-"):
        args = args[2:] if args[0] in ("-k", "-s") else args[1:]
    if len(args) < 2:
        return call.fail("missing operand", 125)
    try:
        limit = duration(args[0])
        return await asyncio.wait_for(call.shell.call(args[1:], call.stdin, call.out, call.error), limit)
    except TimeoutError:
        return 124
    except ValueError:
        return call.fail(f"invalid time interval '{args[0]}'", 125)


def duration(text: str) -> float:
    """`5`, `0.5`, `2m`, `1h` in seconds; ValueError for anything else."""
    unit = {"s": 1, "m": 60, "h": 3600, "d": 86400}.get(text[-1:])
    return float(text[:-1]) * unit if unit else float(text)


@command("sleep")
async def sleep(call: Call) -> int:
    try:
        seconds = sum(duration(one) for one in call.args[1:])
    except ValueError:
        return call.fail(f"invalid time interval '{' '.join(call.args[1:])}'")
    await asyncio.sleep(min(seconds, 24 * 3600))
    return 0


@command("wait", "trap", "umask", "ulimit", "shopt", "alias", "hash", "sync", "clear", "reset", "jobs")
async def without_effect(call: Call) -> int:
    return 0


@command("which", "type")
async def which(call: Call) -> int:
    status = 0
    for name in call.args[1:]:
        if name in COMMANDS and redhat.has(call.machine.guest, name):
            told = f"/usr/bin/{name}"
            call.out(f"{told}\n" if call.args[0] == "which" else f"{name} is {told}\n")
        else:
            status = 1
            if call.args[0] == "type":
                call.error(f"bash: line {call.shell.line}: type: {name}: not found\n")
    return status
