"""`test`, `[` and `[[`: conditions on files, texts and numbers."""

from __future__ import annotations

import re

from wizard.sandbox.fabric import disk as disks
from wizard.sandbox.fabric.shell.interpreter import Call, command


@command("test", "[", "[[")
async def test(call: Call) -> int:
    args = call.args[1:]
    if call.args[0] != "test":
        if not args or args[-1] != {"[": "]", "[[": "]]"}[call.args[0]]:
            return call.fail("missing `]'", 2)
        args = args[:-1]
    try:
        return int(not _or(call, args))
    except ValueError as problem:
        return call.fail(str(problem), 2)


def _or(call: Call, args: list[str]) -> bool:
    for sign, decides in (("-o", any), ("||", any), ("-a", all), ("&&", all)):
        if sign in args[1:-1]:
            at = args.index(sign, 1)
            return decides((_or(call, args[:at]), _or(call, args[at + 1 :])))
    return _primary(call, args)


def _primary(call: Call, args: list[str]) -> bool:
    if not args:
        return False
    if args[0] == "!":
        return not _or(call, args[1:])
    if len(args) == 1:
        return bool(args[0])
    if len(args) == 2:
        return _unary(call, args[0], args[1])
    if len(args) != 3:
        raise ValueError("too many arguments")
    left, sign, right = args
    match sign:
        case "=" | "==":
            return left == right
        case "!=":
            return left != right
        case "=~":
            return re.search(right, left) is not None
        case "<" | ">":
            return left < right if sign == "<" else left > right
    numbers = []
    for one in (left, right):
        if not one.strip().lstrip("-").isdigit():
            raise ValueError(f"{one}: integer expression expected")
        numbers.append(int(one))
    a, b = numbers
    results = {"-eq": a == b, "-ne": a != b, "-lt": a < b, "-le": a <= b, "-gt": a > b, "-ge": a >= b}
    if sign not in results:
        raise ValueError(f"{sign}: binary operator expected")
    return results[sign]


def _unary(call: Call, sign: str, value: str) -> bool:
    if sign in ("-n", "-z"):
        return bool(value) == (sign == "-n")
    shell, disk = call.shell, call.machine.guest.disk
    path = shell.path(value)
    node = disk.node(path, follow=sign not in ("-L", "-h"))
    match sign:
        case "-e":
            return node is not None
        case "-f":
            return node is not None and "dir" not in node
        case "-d":
            return node is not None and "dir" in node
        case "-s":
            return node is not None and ("dir" in node or bool(disk.read(path)))
        case "-L" | "-h":
            return node is not None and "link" in node
        case "-r" | "-w" | "-x":
            want = {"-r": 4, "-w": 2, "-x": 1}[sign]
            if node is None:
                return False
            if want == 1 and shell.user == "root":
                return "dir" in node or bool(int(node.get("mode", 0)) & 0o111)
            return disks.may(node, shell.user, shell.groups(), want)
        case "-t":
            return False
    raise ValueError(f"{sign}: unary operator expected")
