"""Programs about users: who one is, becoming another, and changing accounts."""

from __future__ import annotations

import re

from wizard.sandbox.fabric import hostkeys
from wizard.sandbox.fabric.shell.commands import options
from wizard.sandbox.fabric.shell.interpreter import Call, command

_LOGIN = re.compile(r"^[a-z_][a-z0-9_-]{0,31}$")


@command("whoami")
async def whoami(call: Call) -> int:
    call.out(f"{call.shell.user}\n")
    return 0


@command("id", "groups")
async def id_(call: Call) -> int:
    given = "".join(one[1:] for one in call.args[1:] if one.startswith("-"))
    name = next((one for one in call.args[1:] if not one.startswith("-")), call.shell.user)
    user = call.machine.guest.accounts.get(name)
    if user is None:
        return call.fail(f"'{name}': no such user")
    groups = call.machine.guest.accounts.groups(name)
    if call.args[0] == "groups":
        call.out(f"{' '.join(groups)}\n")
    elif "u" in given or "g" in given:
        call.out(f"{name if 'n' in given else user['uid']}\n")
    elif "G" in given:
        call.out(f"{' '.join(groups)}\n")
    else:
        numbers = {"sudo": 27}
        told = ",".join(f"{numbers.get(group, user['uid'])}({group})" for group in groups)
        call.out(f"uid={user['uid']}({name}) gid={user['uid']}({name}) groups={told}\n")
    return 0


@command("getent")
async def getent(call: Call) -> int:
    files = {"passwd": "/etc/passwd", "group": "/etc/group", "shadow": "/etc/shadow", "hosts": "/etc/hosts"}
    if len(call.args) < 2 or call.args[1] not in files:
        return call.fail("Unknown database", 1)
    lines = call.shell.read_file(files[call.args[1]]).splitlines()
    wanted = call.args[2:]
    found = [line for line in lines if not wanted or line.split(":")[0] in wanted or line.split()[-1] in wanted]
    call.out("".join(f"{line}\n" for line in found))
    return 0 if found else 2


@command("sudo")
async def sudo(call: Call) -> int:  # noqa: PLR0912 - one program's many switches
    args, target, login, quiet, from_input = call.args[1:], "root", False, False, False
    while args and args[0].startswith("-"):
        one = args.pop(0)
        if one in ("-u", "-g", "-p", "-h") and args:
            value = args.pop(0)
            target = value if one == "-u" else target
        elif one == "--":
            break
        elif one in ("-i", "-s", "--login", "--shell"):
            login = True
        else:
            quiet, from_input = quiet or "n" in one, from_input or "S" in one
    shell = call.shell
    account = call.machine.guest.accounts.get(shell.user)
    if from_input and shell.user != "root":
        await call.stdin.readline()  # the password, which NOPASSWD does not ask for
    if account is None or (shell.user != "root" and not account.get("sudo")):
        if quiet:
            call.error("sudo: a password is required\n")
        else:
            call.error(f"{shell.user} is not in the sudoers file.\n")
        return 1
    if call.machine.guest.accounts.get(target) is None:
        call.error(f"sudo: unknown user {target}\n")
        return 1
    child = shell.child(target)
    child.functions = {}
    child.environment |= {"SUDO_USER": shell.user, "SUDO_UID": str(account["uid"])}
    if args and args[0] in ("-v", "-l"):
        return 0
    if login:
        child.cwd = child.home
        if not args:
            return await child.run(await call.stdin.read(), call.stdin, call.out, call.error)
    while args and re.fullmatch(r"\w+=.*", args[0], re.DOTALL):
        name, _, child.environment[name] = args.pop(0).partition("=")
    if not args:
        call.error("usage: sudo [-n] [-u user] [command [arg ...]]\n")
        return 1
    return await child.call(args, call.stdin, call.out, call.error)


@command("su")
async def su(call: Call) -> int:
    names = [one for one in call.args[1:] if not one.startswith("-")]
    target = names[0] if names else "root"
    if call.shell.user != "root":
        call.error("su: Authentication failure\n")
        return 1
    if call.machine.guest.accounts.get(target) is None:
        return call.fail(f"user {target} does not exist or the user entry does not contain all the required fields")
    child = call.shell.child(target)
    if "-c" in call.args:
        return await child.script(call.args[call.args.index("-c") + 1], call.stdin, call.out, call.error)
    return await child.script(await call.stdin.read(), call.stdin, call.out, call.error)


def _root(call: Call) -> bool:
    if call.shell.user == "root":
        return True
    call.fail("Permission denied.")
    return False


@command("passwd")
async def passwd(call: Call) -> int:
    flags = [one for one in call.args[1:] if one.startswith("-")]
    name = next((one for one in call.args[1:] if not one.startswith("-")), call.shell.user)
    users = call.machine.guest.accounts
    if users.get(name) is None:
        return call.fail(f"user '{name}' does not exist")
    if name != call.shell.user and not _root(call):
        return 1
    if flags:
        if not _root(call):
            return 1
        if flags[0] in ("-l", "--lock", "-u", "--unlock"):
            users.lock(name, flags[0] in ("-l", "--lock"))
            call.out("passwd: password changed.\n")
        elif flags[0] in ("-S", "--status"):
            user = users.users[name]
            call.out(f"{name} {'L' if user.get('locked') or not user['password'] else 'P'} 2026-11-01 0 99999 7 -1\n")
        return 0
    if call.shell.user != "root":
        call.error("Current password: ")
        if not await users.password_opens(name, (await call.stdin.readline()).rstrip("\n")):
            call.error("\npasswd: Authentication token manipulation error\npasswd: password unchanged\n")
            return 10
    call.error("New password: ")
    first = (await call.stdin.readline()).rstrip("\n")
    call.error("\nRetype new password: ")
    second = (await call.stdin.readline()).rstrip("\n")
    if not first or first != second:
        call.error("\nSorry, passwords do not match.\npasswd: password unchanged\n")
        return 10
    users.set_password(name, first)
    call.error("\npasswd: password updated successfully\n")
    return 0


@command("chpasswd")
async def chpasswd(call: Call) -> int:
    if not _root(call):
        return 1
    status = 0
    for number, line in enumerate((await call.stdin.read()).splitlines(), 1):
        name, colon, password = line.partition(":")
        if not colon or call.machine.guest.accounts.get(name) is None:
            status = call.fail(f"(user {name}) pam_chauthtok() failed, line {number}")
        else:
            call.machine.guest.accounts.set_password(name, password)
    return status


@command("useradd", "adduser")
async def useradd(call: Call) -> int:
    try:
        given, names = options.read(
            call.args[1:], "mMrUN", "sdGgucep",
            ("create-home", "shell=", "home-dir=", "groups=", "disabled-password", "gecos=", "system", "home="),
        )  # fmt: skip
    except options.UsageError as problem:
        return call.fail(str(problem), 2)
    if not _root(call):
        return 1
    if not names or not _LOGIN.match(names[0]):
        return call.fail(f"invalid user name '{names[0] if names else ''}'", 3)
    groups = tuple(one for one in (given.get("G") or given.get("groups") or "").split(",") if one)
    shell = given.get("s") or given.get("shell") or "/bin/bash"
    home = given.get("d") or given.get("home-dir") or given.get("home") or ""
    try:
        call.machine.guest.accounts.create(names[0], shell=shell, home=home, groups=groups)
    except ValueError as problem:
        return call.fail(str(problem), 9)
    if "sudo" in groups:
        call.machine.guest.accounts.users[names[0]]["sudo"] = True
        call.machine.guest.save()
    return 0


@command("usermod")
async def usermod(call: Call) -> int:
    try:
        given, names = options.read(
            call.args[1:], "aLU", "Gsdel", ("append", "groups=", "lock", "unlock", "expiredate=")
        )
    except options.UsageError as problem:
        return call.fail(str(problem), 2)
    users = call.machine.guest.accounts
    if not _root(call):
        return 1
    user = users.get(names[-1]) if names else None
    if user is None:
        return call.fail(f"user '{names[-1] if names else ''}' does not exist", 6)
    added = [one for one in (given.get("G") or given.get("groups") or "").split(",") if one]
    if added:
        user["groups"] = sorted({*(user["groups"] if given.keys() & {"a", "append"} else ()), *added})
        user["sudo"] = bool(user["sudo"]) or "sudo" in added
    user["shell"] = given.get("s", user["shell"])
    if given.keys() & {"L", "U", "lock", "unlock"}:
        users.lock(names[-1], bool(given.keys() & {"L", "lock"}))
    if given.keys() & {"e", "expiredate"}:
        users.expire(names[-1], given.get("e", given.get("expiredate")) or None)
    call.machine.guest.save()
    return 0


@command("userdel", "deluser")
async def userdel(call: Call) -> int:
    names = [one for one in call.args[1:] if not one.startswith("-")]
    users = call.machine.guest.accounts
    if not _root(call):
        return 1
    if not names or users.get(names[0]) is None:
        return call.fail(f"user '{names[0] if names else ''}' does not exist", 6)
    users.remove(names[0], home=any(one in ("-r", "--remove", "--remove-home") for one in call.args))
    return 0


@command("chage")
async def chage(call: Call) -> int:
    try:
        given, names = options.read(call.args[1:], "l", "E", ("expiredate=",))
    except options.UsageError as problem:
        return call.fail(str(problem), 2)
    users = call.machine.guest.accounts
    user = users.get(names[0]) if names else None
    if user is None:
        return call.fail(f"user '{names[0] if names else ''}' does not exist in /etc/passwd")
    if given.keys() & {"E", "expiredate"}:
        if not _root(call):
            return 1
        day = given.get("E", given.get("expiredate", ""))
        users.expire(names[0], None if day in ("-1", "") else day)
    else:
        call.out(f"Account expires\t\t\t\t\t\t: {user.get('expires') or 'never'}\n")
    return 0


@command("ssh-keygen")
async def ssh_keygen(call: Call) -> int:
    """`-l -f FILE` and `-y`-less use only: fingerprints of public keys."""
    try:
        given, _ = options.read(call.args[1:], "lvqB", "fEtNCb")
    except options.UsageError as problem:
        return call.fail(str(problem))
    if "l" not in given or "f" not in given:
        return call.fail("this machine's ssh-keygen shows fingerprints only: -l -f FILE")
    name, algorithm = given["f"], given.get("E", "sha256").lower()
    disk = call.machine.guest.disk
    if not disk.exists(call.shell.path(name)) and disk.exists(call.shell.path(name + ".pub")):
        name += ".pub"
    text = await call.stdin.read() if name == "-" else call.shell.read_file(name)
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    try:
        for line in lines:
            call.out(hostkeys.fingerprint(line, algorithm) + "\n")
    except ValueError:
        call.error(f"{name} is not a public key file.\n")
        return 255
    return 0 if lines else 255
