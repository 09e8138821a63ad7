"""Programs that read and change files."""

from __future__ import annotations

import posixpath
import re
import time
from typing import Any

from wizard.sandbox.fabric.shell.commands import options
from wizard.sandbox.fabric.shell.interpreter import Call, command


@command("cat")
async def cat(call: Call) -> int:
    status = 0
    for name in [one for one in call.args[1:] if one == "-" or not one.startswith("-")] or ["-"]:
        try:
            call.out(await call.stdin.read() if name == "-" else call.shell.read_file(name))
        except OSError as problem:
            status = call.fail(str(problem))
    return status


@command("tee")
async def tee(call: Call) -> int:
    text, status = await call.stdin.read(), 0
    disk, shell = call.machine.guest.disk, call.shell
    for name in [one for one in call.args[1:] if not one.startswith("-")]:
        path = shell.path(name)
        try:
            shell.check(path, 2)
            before = disk.read(path) if "-a" in call.args and disk.exists(path) else ""
            disk.write(path, before + text, owner=None if disk.exists(path) else shell.user)
        except OSError as problem:
            status = call.fail(f"{name}: {problem}")
    call.out(text)
    return status


@command("mkdir")
async def mkdir(call: Call) -> int:
    try:
        given, names = options.read(call.args[1:], "pv", "m", ("parents", "mode="))
    except options.UsageError as problem:
        return call.fail(str(problem))
    status, parents = 0, "p" in given or "parents" in given
    mode = int(given.get("m", given.get("mode", "755")), 8)
    for name in names:
        path = call.shell.path(name)
        try:
            call.shell.check(path, 2)
            call.machine.guest.disk.mkdir(path, mode=mode, owner=call.shell.user, parents=parents)
        except OSError as problem:
            status = call.fail(f"cannot create directory '{name}': {problem}")
    return status


@command("rm", "rmdir", "unlink")
async def rm(call: Call) -> int:
    try:
        given, names = options.read(call.args[1:], "rRfvid", "", ("recursive", "force"))
    except options.UsageError as problem:
        return call.fail(str(problem))
    disk, status = call.machine.guest.disk, 0
    recursive, force = bool(given.keys() & {"r", "R", "recursive"}), bool(given.keys() & {"f", "force"})
    for name in names:
        path = call.shell.path(name)
        try:
            node = disk.node(path, follow=False)
            if node is None and force:
                continue
            if node is not None:
                call.shell.check(posixpath.dirname(path), 2)
            empty = node is not None and "dir" in node and call.args[0] == "rmdir" and not disk.names(path)
            disk.remove(path, recursive=recursive or empty)
        except OSError as problem:
            status = call.fail(f"cannot remove '{name}': {problem}")
    return status


@command("touch")
async def touch(call: Call) -> int:
    disk, status = call.machine.guest.disk, 0
    for name in [one for one in call.args[1:] if not one.startswith("-")]:
        path = call.shell.path(name)
        try:
            call.shell.check(path, 2)
            if disk.exists(path):
                disk.change(path, mtime=time.time())
            else:
                disk.write(path, "", owner=call.shell.user)
        except OSError as problem:
            status = call.fail(f"cannot touch '{name}': {problem}")
    return status


def _into(call: Call, source: str, target: str) -> str:
    """A copy's or a move's real target: a directory takes the source's name."""
    path = call.shell.path(target)
    return posixpath.join(path, posixpath.basename(source)) if call.machine.guest.disk.is_dir(path) else path


@command("cp")
async def cp(call: Call) -> int:
    try:
        given, names = options.read(call.args[1:], "rRafpvi", "", ("recursive",))
    except options.UsageError as problem:
        return call.fail(str(problem))
    if len(names) < 2:
        return call.fail("missing destination file operand" if names else "missing file operand")
    disk, status = call.machine.guest.disk, 0
    for name in names[:-1]:
        source, target = call.shell.path(name), _into(call, name, names[-1])
        try:
            if disk.is_dir(source):
                if not given.keys() & {"r", "R", "a", "recursive"}:
                    raise OSError(f"-r not specified; omitting directory '{name}'")
                _copy_tree(call, source, target)
            else:
                call.shell.check(target, 2)
                text = call.shell.read_file(name)
                mode = int((disk.node(source) or {}).get("mode", 0o644))
                disk.write(target, text, mode=mode, owner=None if disk.exists(target) else call.shell.user)
        except OSError as problem:
            status = call.fail(str(problem))
    return status


def _copy_tree(call: Call, source: str, target: str) -> None:
    disk = call.machine.guest.disk
    disk.mkdir(target, owner=call.shell.user, parents=True)
    for name in disk.names(source):
        inner, made = posixpath.join(source, name), posixpath.join(target, name)
        if disk.is_dir(inner):
            _copy_tree(call, inner, made)
        else:
            disk.write(made, call.shell.read_file(inner), owner=call.shell.user)


@command("mv")
async def mv(call: Call) -> int:
    names = [one for one in call.args[1:] if not one.startswith("-")]
    if len(names) < 2:
        return call.fail("missing destination file operand" if names else "missing file operand")
    status = 0
    for name in names[:-1]:
        try:
            source, target = call.shell.path(name), _into(call, name, names[-1])
            call.shell.check(posixpath.dirname(source), 2)
            call.shell.check(target, 2)
            call.machine.guest.disk.rename(source, target)
        except OSError as problem:
            status = call.fail(f"cannot move '{name}' to '{names[-1]}': {problem}")
    return status


@command("ln")
async def ln(call: Call) -> int:
    try:
        given, names = options.read(call.args[1:], "sfnvr", "", ("symbolic", "force"))
    except options.UsageError as problem:
        return call.fail(str(problem))
    if not names:
        return call.fail("missing file operand")
    disk, target = call.machine.guest.disk, names[0]
    path = _into(call, target, names[1] if len(names) > 1 else ".")
    try:
        call.shell.check(posixpath.dirname(path), 2)
        if disk.node(path, follow=False) is not None and given.keys() & {"f", "force"}:
            disk.remove(path)
        disk.link(target if given.keys() & {"s", "symbolic"} else call.shell.path(target), path, call.shell.user)
    except OSError as problem:
        return call.fail(f"failed to create symbolic link '{names[-1]}': {problem}")
    return 0


def _mode(text: str, before: int) -> int:
    """A mode after `0644` or `u+x,go-w`; ValueError when it is neither."""
    if re.fullmatch(r"[0-7]{3,4}", text):
        return int(text, 8)
    for part in text.split(","):
        match = re.fullmatch(r"([ugoa]*)([-+=])([rwx]*)", part)
        if match is None:
            raise ValueError
        who = match[1].replace("a", "ugo") or "ugo"
        bits = sum({"r": 4, "w": 2, "x": 1}[one] for one in set(match[3]))
        for one in who:
            shift = {"u": 6, "g": 3, "o": 0}[one]
            if match[2] == "+":
                before |= bits << shift
            elif match[2] == "-":
                before &= ~(bits << shift)
            else:
                before = before & ~(7 << shift) | bits << shift
    return before


def _below(call: Call, path: str) -> list[str]:
    disk = call.machine.guest.disk
    found = [path]
    if disk.is_dir(path):
        for name in disk.names(path):
            found += _below(call, posixpath.join(path, name))
    return found


@command("chmod", "chown", "chgrp")
async def chmod(call: Call) -> int:
    args = call.args[1:]
    recursive = any(one in ("-R", "--recursive") for one in args)
    known = ("-R", "--recursive", "-v", "-f", "-h")
    args = [one for one in args if one not in known]
    if len(args) < 2:
        return call.fail("missing operand")
    disk, status, name = call.machine.guest.disk, 0, call.args[0]
    for target in args[1:]:
        path = call.shell.path(target)
        try:
            for one in _below(call, path) if recursive else [path]:
                node = disk.node(one)
                if node is None:
                    raise FileNotFoundError("No such file or directory")
                if call.shell.user != "root" and (name != "chmod" or node.get("owner", "root") != call.shell.user):
                    raise PermissionError("Operation not permitted")
                if name == "chmod":
                    disk.change(one, mode=_mode(args[0], int(node.get("mode", 0o644))))
                else:
                    _own(call, one, args[0], name)
        except OSError as problem:
            status = call.fail(f"cannot access '{target}': {problem}")
        except ValueError:
            return call.fail(f"invalid mode: '{args[0]}'")
    return status


def _own(call: Call, path: str, who: str, program: str) -> None:
    user, _, group = who.partition(":")
    if program == "chgrp":
        user, group = "", who
    if user and call.machine.guest.accounts.get(user) is None:
        raise OSError(f"invalid user: '{who}'")
    facts: dict[str, Any] = {key: value for key, value in (("owner", user), ("group", group)) if value}
    call.machine.guest.disk.change(path, **facts)


@command("basename", "dirname")
async def names(call: Call) -> int:
    if len(call.args) < 2:
        return call.fail("missing operand")
    path = call.args[1].rstrip("/") or "/"
    made = posixpath.basename(path) if call.args[0] == "basename" else posixpath.dirname(path) or "."
    if len(call.args) > 2:
        made = made.removesuffix(call.args[2])
    call.out(f"{made}\n")
    return 0


@command("readlink", "realpath")
async def readlink(call: Call) -> int:
    status = 0
    for name in [one for one in call.args[1:] if not one.startswith("-")]:
        path, disk = call.shell.path(name), call.machine.guest.disk
        node = disk.node(path, follow=False)
        if call.args[0] == "realpath" or any(one in call.args for one in ("-f", "-e", "-m")):
            call.out(f"{disk.resolve(path)}\n")
        elif node is not None and "link" in node:
            call.out(f"{node['link']}\n")
        else:
            status = 1
    return status


@command("mktemp")
async def mktemp(call: Call) -> int:
    disk = call.machine.guest.disk
    path = f"/tmp/tmp.{disk.version:010d}"  # noqa: S108 - a path inside the machine
    if "-d" in call.args:
        disk.mkdir(path, mode=0o700, owner=call.shell.user)
    else:
        disk.write(path, "", mode=0o600, owner=call.shell.user)
    call.out(f"{path}\n")
    return 0
