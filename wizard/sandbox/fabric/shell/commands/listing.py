"""Programs that list files."""

from __future__ import annotations

import fnmatch
import posixpath
import time

from wizard.sandbox.fabric.disk import Node
from wizard.sandbox.fabric.shell.commands import options
from wizard.sandbox.fabric.shell.interpreter import Call, command


def _size(call: Call, path: str, node: Node) -> int:
    if "dir" in node:
        return 4096
    return len(node["link"]) if "link" in node else len(call.machine.guest.disk.read(path).encode("utf-8", "replace"))


def mode_text(node: Node) -> str:
    """`-rw-r--r--`"""
    kind = "d" if "dir" in node else "l" if "link" in node else "-"
    bits = int(node.get("mode", 0o644))
    text = "".join(sign if bits >> shift & 1 else "-" for shift, sign in zip(range(8, -1, -1), "rwx" * 3, strict=True))
    return kind + (text[:-1] + "t" if bits & 0o1000 else text)


def _line(call: Call, path: str, name: str, long: bool) -> str:
    node = call.machine.guest.disk.node(path, follow=False)
    if not long or node is None:
        return name
    owner = str(node.get("owner", "root"))
    when = time.strftime("%b %e %H:%M", time.gmtime(float(node.get("mtime") or 0)))
    arrow = f" -> {node['link']}" if "link" in node else ""
    group = node.get("group", owner)
    return f"{mode_text(node)} 1 {owner} {group} {_size(call, path, node):>6} {when} {name}{arrow}"


@command("ls", "dir")
async def ls(call: Call) -> int:
    try:
        given, names = options.read(call.args[1:], "lahA1drtRFShi", "", ("all", "color="))
    except options.UsageError as problem:
        return call.fail(str(problem), 2)
    disk, status = call.machine.guest.disk, 0
    long, every = "l" in given, bool(given.keys() & {"a", "A", "all"})
    for index, name in enumerate(names or ["."]):
        path = call.shell.path(name)
        node = disk.node(path, follow="d" not in given)
        if node is None:
            status = call.fail(f"cannot access '{name}': No such file or directory", 2)
            continue
        if "dir" not in node or "d" in given:
            call.out(_line(call, path, name, long) + "\n")
            continue
        try:
            call.shell.check(path, 4)
        except OSError as problem:
            status = call.fail(f"cannot open directory '{name}': {problem}", 2)
            continue
        if len(names) > 1:
            call.out(("\n" if index else "") + f"{name}:\n")
        found = [one for one in disk.names(path) if every or not one.startswith(".")]
        if long:
            call.out(f"total {4 * len(found)}\n")
        if "r" in given:
            found.reverse()
        if "a" in given:
            found = [".", "..", *found]
        call.out("".join(_line(call, posixpath.normpath(posixpath.join(path, one)), one, long) + "\n" for one in found))
    return status


@command("stat")
async def stat(call: Call) -> int:
    try:
        given, names = options.read(call.args[1:], "L", "c", ("format=", "printf="))
    except options.UsageError as problem:
        return call.fail(str(problem))
    status, template = 0, given.get("c", given.get("format", given.get("printf", "")))
    for name in names:
        path = call.shell.path(name)
        node = call.machine.guest.disk.node(path, follow="L" in given)
        if node is None:
            status = call.fail(f"cannot statx '{name}': No such file or directory")
            continue
        owner, bits = str(node.get("owner", "root")), int(node.get("mode", 0o644))
        facts = {"%n": name, "%s": str(_size(call, path, node)), "%a": f"{bits:o}", "%A": mode_text(node), "%U": owner,
                 "%G": str(node.get("group", owner)), "%Y": str(int(node.get("mtime") or 0)),
                 "%F": "directory" if "dir" in node else "regular file"}  # fmt: skip
        text = template or "  File: %n\n  Size: %s\t%F\nAccess: (%a/%A)  Uid: %U  Gid: %G"
        for sign, value in facts.items():
            text = text.replace(sign, value)
        call.out(text + "\n")
    return status


@command("find")
async def find(call: Call) -> int:
    args = call.args[1:]
    roots = []
    while args and not args[0].startswith("-"):
        roots.append(args.pop(0))
    tests = dict(zip(args[::2], args[1::2], strict=False))
    kind, pattern, deepest = tests.get("-type"), tests.get("-name"), int(tests.get("-maxdepth", "64"))
    disk, status = call.machine.guest.disk, 0

    async def walk(path: str, shown: str, depth: int) -> None:
        await call.shell.budget.step()
        folder = disk.is_dir(path)
        if (not kind or (kind == "d") == folder) and (
            not pattern or fnmatch.fnmatch(posixpath.basename(path), pattern)
        ):
            call.out(f"{shown}\n")
        if folder and depth < deepest:
            for name in disk.names(path):
                await walk(posixpath.join(path, name), posixpath.join(shown, name), depth + 1)

    for root in roots or ["."]:
        if disk.node(call.shell.path(root)) is None:
            status = call.fail(f"'{root}': No such file or directory")
        else:
            await walk(call.shell.path(root), root, 0)
    return status


@command("df")
async def df(call: Call) -> int:
    human = any("h" in one for one in call.args[1:] if one.startswith("-"))
    size, used, free = ("29G", "2.1G", "27G") if human else ("30298176", "2202010", "28079782")
    call.out(f"Filesystem      Size  Used Avail Use% Mounted on\n/dev/root       {size}  {used}   {free}   8% /\n")
    return 0


@command("du")
async def du(call: Call) -> int:
    names = [one for one in call.args[1:] if not one.startswith("-")] or ["."]
    for name in names:
        call.out(f"4\t{name}\n")
    return 0
