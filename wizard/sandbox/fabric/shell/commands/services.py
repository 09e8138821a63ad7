"""Programs about services, packages and cloud-init."""

from __future__ import annotations

import time

from wizard.sandbox.fabric import nginxconf, packages, sshdconfig
from wizard.sandbox.fabric.machine import ServiceError
from wizard.sandbox.fabric.shell.interpreter import Call, command
from wizard.sandbox.fabric.shell.streams import nowhere

_DESCRIPTIONS = {"nginx": "A high performance web server and a reverse proxy server",
                 "ssh": "OpenBSD Secure Shell server", "sshd": "OpenSSH server daemon",
                 "walinuxagent": "Azure Linux Agent", "cloud-init": "Cloud-init: Network Stage"}  # fmt: skip


def _unit(call: Call, name: str) -> str | None:
    """A service's own name, or None when the machine has none of that name."""
    plain = name.removesuffix(".service").removesuffix(".socket")
    plain = {"sshd": call.machine.guest.image.ssh_service, "ssh": call.machine.guest.image.ssh_service}.get(
        plain, plain
    )
    return plain if plain in call.machine.known_services() else None


@command("systemctl")
async def systemctl(call: Call) -> int:
    now = "--now" in call.args
    words = [one for one in call.args[1:] if not one.startswith("-")]
    verb, names = (words[0] if words else "list-units"), words[1:]
    if verb in ("daemon-reload", "daemon-reexec", "reset-failed"):
        return 0
    if verb == "is-system-running":
        call.out("running\n")
        return 0
    if verb in ("reboot", "poweroff"):
        return await call.shell.call([verb], call.stdin, call.out, call.error)
    if verb == "list-units":
        for name in call.machine.known_services():
            if call.machine.active(name):
                call.out(f"  {name}.service loaded active running {_DESCRIPTIONS.get(name, name)}\n")
        return 0
    changing = verb in ("start", "stop", "restart", "reload", "enable", "disable", "reload-or-restart", "try-restart")
    if changing and call.shell.user != "root":
        call.error(f"Failed to {verb} {names[0] if names else ''}: Interactive authentication required.\n")
        return 1
    status = 0
    for name in names:
        unit = _unit(call, name)
        if unit is None:
            status = _unknown(call, verb, name)
        elif changing:
            status = _change(call, verb, unit, now) or status
        else:
            status = _show(call, verb, unit) or status
    return status


def _unknown(call: Call, verb: str, name: str) -> int:
    if verb == "is-active":
        call.out("inactive\n")
        return 4
    full = name if "." in name else f"{name}.service"
    if verb == "is-enabled":
        call.error(f"Failed to get unit file state for {full}: No such file or directory\n")
        return 1
    if verb in ("enable", "disable"):
        call.error(f"Failed to {verb} unit: Unit file {full} does not exist.\n")
        return 1
    if verb == "status":
        call.error(f"Unit {full} could not be found.\n")
        return 4
    call.error(f"Failed to {verb} {full}: Unit {full} not found.\n")
    return 5


def _change(call: Call, verb: str, unit: str, now: bool) -> int:
    machine = call.machine
    if verb in ("enable", "disable"):
        machine.enable(unit, verb == "enable")
        if not now:
            return 0
        verb = "start" if verb == "enable" else "stop"
    if verb == "stop":
        machine.stop_service(unit)
        return 0
    if verb == "start" and machine.active(unit):
        return 0
    if verb == "reload" and not machine.active(unit):
        call.error(f"{unit}.service is not active, cannot reload.\n")
        return 1
    try:
        machine.start_service(unit)
    except ServiceError as problem:
        machine.guest.log(f"{unit}[{842}]: {unit}: [emerg] {problem}")
        if verb in ("restart", "reload-or-restart"):
            machine.stop_service(unit)
        call.error(
            f"Job for {unit}.service failed because the control process exited with error code.\n"
            f'See "systemctl status {unit}.service" and "journalctl -xeu {unit}.service" for details.\n'
        )
        return 1
    return 0


def _show(call: Call, verb: str, unit: str) -> int:
    machine = call.machine
    active, enabled = machine.active(unit), machine.enabled(unit)
    if verb == "is-active":
        call.out("active\n" if active else "inactive\n")
        return 0 if active else 3
    if verb == "is-enabled":
        call.out("enabled\n" if enabled else "disabled\n")
        return 0 if enabled else 1
    if verb == "is-failed":
        call.out("active\n" if active else "inactive\n")
        return 1
    state = "active (running)" if active else "inactive (dead)"
    on = "enabled" if enabled else "disabled"
    call.out(f"● {unit}.service - {_DESCRIPTIONS.get(unit, unit)}\n"
             f"     Loaded: loaded (/usr/lib/systemd/system/{unit}.service; {on}; preset: enabled)\n"
             f"     Active: {state}\n")  # fmt: skip
    return 0 if active else 3


@command("service", "invoke-rc.d")
async def service(call: Call) -> int:
    if len(call.args) < 3:
        return call.fail("usage: service NAME COMMAND")
    return await call.shell.call(["systemctl", call.args[2], call.args[1]], call.stdin, call.out, call.error)


@command("nginx")
async def nginx(call: Call) -> int:
    if "nginx" not in call.machine.guest.record["packages"]:
        call.error(f"bash: line {call.shell.line}: nginx: command not found\n")
        return 127
    if "-v" in call.args or "-V" in call.args:
        call.error(f"nginx version: {call.machine.guest.image.nginx_banner}\n")
        return 0
    try:
        nginxconf.load(call.machine.guest.disk)
        if "-s" in call.args:
            what = call.args[call.args.index("-s") + 1] if call.args[-1] != "-s" else ""
            if what in ("stop", "quit"):
                call.machine.stop_service("nginx")
            else:
                call.machine.start_service("nginx")
            return 0
        if "-t" not in call.args and "-T" not in call.args:
            call.machine.start_service("nginx")
            return 0
    except ServiceError as problem:
        call.error(f"nginx: [emerg] {problem}\nnginx: configuration file {nginxconf.MAIN} test failed\n")
        return 1
    call.error(f"nginx: the configuration file {nginxconf.MAIN} syntax is ok\n"
               f"nginx: configuration file {nginxconf.MAIN} test is successful\n")  # fmt: skip
    return 0


@command("sshd")
async def sshd(call: Call) -> int:
    if "-T" not in call.args and "-t" not in call.args:
        return call.fail("this machine's sshd is started by systemctl")
    if call.shell.user != "root":
        return call.fail("no hostkeys available -- exiting.")
    if "-T" in call.args:
        call.out(sshdconfig.read(call.machine.guest.disk).shown())
    return 0


@command("apt-get", "apt", "dnf", "yum")
async def apt(call: Call) -> int:
    quiet = any(one.startswith("-q") for one in call.args)
    words = [one for one in call.args[1:] if not one.startswith("-")]
    verb, names = (words[0] if words else ""), words[1:]
    if call.shell.user != "root":
        call.error(
            "E: Could not open lock file /var/lib/dpkg/lock-frontend - open (13: Permission denied)\n"
            "E: Unable to acquire the dpkg frontend lock (/var/lib/dpkg/lock-frontend), are you root?\n"
        )
        return 100
    out = nowhere if quiet and verb == "update" else call.out
    match verb:
        case "update":
            return await packages.update(call.machine, out, call.error)
        case "install":
            return await packages.install(call.machine, names, call.out, call.error)
        case "upgrade" | "dist-upgrade" | "autoremove" | "clean" | "check-update":
            return 0
        case "remove" | "purge":
            held = call.machine.guest.record["packages"]
            for name in names:
                if name in held:
                    held.remove(name)
                    call.machine.stop_service(name)
            call.machine.guest.save()
            return 0
    call.error(f"E: Invalid operation {verb}\n")
    return 100


@command("dpkg", "dpkg-query", "rpm")
async def dpkg(call: Call) -> int:
    held, status = call.machine.guest.record["packages"], 0
    for name in [one for one in call.args[1:] if not one.startswith("-")]:
        if name in held:
            version = call.machine.guest.image.nginx if name == "nginx" else "1.0"
            call.out(f"ii  {name}  {version}  amd64\n")
        else:
            call.error(f"dpkg-query: no packages found matching {name}\n")
            status = 1
    return status


@command("cloud-init")
async def cloud_init(call: Call) -> int:
    record = call.machine.guest.record["cloud_init"]
    if call.args[1:2] == ["--version"]:
        call.out("/usr/bin/cloud-init 25.1.4\n")
        return 0
    if call.args[1:2] != ["status"]:
        return call.fail("this machine's cloud-init knows status only", 2)
    if "--wait" in call.args or "-w" in call.args:
        while record["status"] not in ("done", "error", "disabled"):
            call.out(".")
            await call.shell.budget.step()
            await call.machine.pause(1.0)
        call.out("\n")
    call.out(f"status: {record['status']}\n")
    if "--long" in call.args or "-l" in call.args:
        errors = "".join(f"\n\t- {one}" for one in record["errors"]) or " []"
        extended = f"{record['status']} - done" if record["status"] == "error" else record["status"]
        call.out(
            f"extended_status: {extended}\nboot_status_code: enabled-by-generator\n"
            f"last_update: {record.get('updated', 'n/a')}\n"
            f"detail: DataSourceAzure [seed=/var/lib/waagent]\nerrors:{errors}\nrecoverable_errors: {{}}\n"
        )
    return 1 if record["status"] == "error" else 0


@command("journalctl", "dmesg")
async def journalctl(call: Call) -> int:
    args = call.args[1:]
    unit = args[args.index("-u") + 1] if "-u" in args[:-1] else ""
    count = args[args.index("-n") + 1] if "-n" in args[:-1] else "1000"
    stamp = time.strftime("%b %d %H:%M:%S", time.gmtime())
    lines = [line.rstrip("\r") for line in call.machine.guest.record["serial"].split("\n") if line.strip()]
    if unit:
        name = unit.removesuffix(".service")
        lines = [line for line in lines if name in line]
    host = call.machine.guest.hostname
    call.out("".join(f"{stamp} {host} {line}\n" for line in lines[-int(count) if count.isdigit() else -1000 :]))
    return 0
