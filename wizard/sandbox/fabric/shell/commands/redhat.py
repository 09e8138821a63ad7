"""Red Hat's own: the firewall and SELinux."""

from __future__ import annotations

import re

from wizard.sandbox.fabric import redhat
from wizard.sandbox.fabric.shell.interpreter import Call, command


@command("firewall-cmd")
async def firewall_cmd(call: Call) -> int:
    """`--add-port`, `--add-service` and their removal, `--permanent`, `--reload`, `--state`, `--list-ports`."""
    guest, words = call.machine.guest, call.args[1:]
    state = redhat.firewall(guest)
    if "--state" in words:
        call.out("not running\n" if state["stopped"] else "running\n")
        return 252 if state["stopped"] else 0
    if call.shell.user != "root":
        call.error("Authorization failed.\n")
        return 253
    if state["stopped"]:
        call.error("FirewallD is not running\n")
        return 252
    if "--reload" in words:
        state["runtime"] = list(state["permanent"])
    if "--list-ports" in words:
        call.out(" ".join(f"{port}/tcp" for port in sorted(state["runtime"]) if port not in (22, 9090)) + "\n")
        return 0
    ports = state["permanent" if "--permanent" in words else "runtime"]
    for word in words:
        found = re.fullmatch(r"--(add|remove)-(port|service)=(\S+)", word)
        if not found:
            continue
        number = found[3].removesuffix("/tcp") if found[2] == "port" else redhat.SERVICES.get(found[3])
        if number is None or not str(number).isdigit():
            call.error(f"Error: INVALID_{found[2].upper()}: {found[3]}\n")
            return 101
        if found[1] == "remove":
            ports[:] = [port for port in ports if port != int(number)]
        elif int(number) not in ports:
            ports.append(int(number))
    guest.save()
    call.machine.firewall_changed()
    call.out("success\n")
    return 0


@command("getenforce")
async def getenforce(call: Call) -> int:
    call.out("Enforcing\n")
    return 0


@command("restorecon")
async def restorecon(call: Call) -> int:
    return 0


@command("semanage")
async def semanage(call: Call) -> int:
    """`semanage port -a|-m -t http_port_t -p tcp PORT`, and `-l`."""
    guest, words = call.machine.guest, call.args[1:]
    if words[:1] != ["port"]:
        return call.fail("this machine's semanage knows port only")
    held = guest.record.setdefault("http_ports", [])
    if "-l" in words:
        call.out(f"http_port_t                    tcp      {', '.join(map(str, [*held, 80, 81, 443, 488]))}\n")
        return 0
    port = words[-1]
    if call.shell.user != "root" or not port.isdigit():
        call.error("ValueError: SELinux policy is not managed or store cannot be accessed.\n")
        return 1
    if "-a" in words and int(port) in {*held, *redhat.HTTP_PORTS}:
        call.error(f"ValueError: Port tcp/{port} already defined\n")
        return 1
    held.append(int(port))
    guest.save()
    return 0
