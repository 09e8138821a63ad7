"""Programs about the machine itself."""

from __future__ import annotations

import time

from wizard.sandbox.fabric.shell.interpreter import Call, command


@command("hostname")
async def hostname(call: Call) -> int:
    guest = call.machine.guest
    if "-I" in call.args or "-i" in call.args:
        found = call.machine.network.topology.by_vm.get(guest.key, ())
        call.out(" ".join(one.address for one in found) + " \n")
    elif "-f" in call.args or "--fqdn" in call.args:
        call.out(f"{guest.hostname}.internal.cloudapp.net\n")
    else:
        call.out(f"{guest.hostname}\n")
    return 0


@command("hostnamectl")
async def hostnamectl(call: Call) -> int:
    guest = call.machine.guest
    call.out(f" Static hostname: {guest.hostname}\nOperating System: {guest.image.pretty}\n"
             f"          Kernel: Linux {guest.image.kernel}\n  Virtualization: microsoft\n")  # fmt: skip
    return 0


@command("uname")
async def uname(call: Call) -> int:
    image, flags = call.machine.guest.image, "".join(one.lstrip("-") for one in call.args[1:])
    facts = [("s", "Linux"), ("n", call.machine.guest.hostname), ("r", image.kernel),
             ("v", "#1 SMP PREEMPT_DYNAMIC"), ("m", "x86_64"), ("o", "GNU/Linux")]  # fmt: skip
    chosen = [value for key, value in facts if key in flags or "a" in flags] or ["Linux"]
    call.out(" ".join(chosen) + "\n")
    return 0


@command("uptime")
async def uptime(call: Call) -> int:
    up = call.machine.guest.uptime()
    if "-s" in call.args:
        call.out(time.strftime("%Y-%m-%d %H:%M:%S\n", time.gmtime(time.time() - up)))
        return 0
    days, rest = divmod(int(up), 86400)
    hours, minutes = divmod(rest // 60, 60)
    if "-p" in call.args:
        parts = [f"{count} {unit}{'s' if count != 1 else ''}"
                 for count, unit in ((days, "day"), (hours, "hour"), (minutes, "minute")) if count]  # fmt: skip
        call.out(f"up {', '.join(parts) or '0 minutes'}\n")
        return 0
    told = f"{days} day{'s' if days != 1 else ''}, " if days else ""
    told += f"{hours}:{minutes:02d}" if hours else f"{minutes} min"
    call.out(f" {time.strftime('%H:%M:%S', time.gmtime())} up {told},  1 user,  load average: 0.00, 0.01, 0.00\n")
    return 0


@command("date")
async def date(call: Call) -> int:
    template = next((one[1:] for one in call.args[1:] if one.startswith("+")), "")
    if template:
        call.out(time.strftime(template.replace("%N", "000000000"), time.gmtime()) + "\n")
    elif any(one.startswith(("-I", "--iso")) for one in call.args):
        call.out(time.strftime("%Y-%m-%dT%H:%M:%S+00:00\n", time.gmtime()))
    else:
        call.out(time.strftime("%a %b %e %H:%M:%S UTC %Y\n", time.gmtime()))
    return 0


@command("free")
async def free(call: Call) -> int:
    call.out(
        "               total        used        free      shared  buff/cache   available\n"
        "Mem:         8131100      512340     6843212        4112      775548     7412388\n"
        "Swap:              0           0           0\n"
    )
    return 0


@command("nproc")
async def nproc(call: Call) -> int:
    call.out("2\n")
    return 0


@command("lsb_release")
async def lsb_release(call: Call) -> int:
    image = call.machine.guest.image
    if any("c" in one for one in call.args[1:]) and any("s" in one for one in call.args[1:]):
        call.out(f"{image.codename}\n")
    else:
        call.out(f"Distributor ID:\t{image.id.capitalize()}\nDescription:\t{image.pretty}\n"
                 f"Release:\t{image.version}\nCodename:\t{image.codename}\n")  # fmt: skip
    return 0


@command("ps")
async def ps(call: Call) -> int:
    rows = [("root", 1, "/sbin/init"), ("root", 612, "sshd: /usr/sbin/sshd -D [listener]"),
            ("root", 701, "/usr/bin/python3 -u /usr/sbin/waagent -daemon")]  # fmt: skip
    if call.machine.active("nginx"):
        rows += [("root", 842, "nginx: master process /usr/sbin/nginx"), ("www-data", 843, "nginx: worker process")]
    call.out("USER         PID COMMAND\n")
    call.out("".join(f"{user:<9} {pid:>6} {name}\n" for user, pid, name in rows))
    return 0


@command("reboot", "shutdown", "poweroff", "halt")
async def reboot(call: Call) -> int:
    if call.shell.user != "root":
        call.error(f"Call to {call.args[0]} failed: Interactive authentication required.\n")
        return 1
    again = call.args[0] == "reboot" or "-r" in call.args
    if "-c" not in call.args:
        call.machine.reboot_soon(power_off=not again)
    return 0


@command("who", "w", "last")
async def who(call: Call) -> int:
    call.out(f"{call.shell.login:<8} pts/0        {time.strftime('%Y-%m-%d %H:%M', time.gmtime())}\n")
    return 0


@command("ip", "ifconfig")
async def ip(call: Call) -> int:
    found = call.machine.network.topology.by_vm.get(call.machine.guest.key, ())
    asked = [one for one in call.args[1:] if not one.startswith("-")]
    short = any(one in ("-br", "-brief") for one in call.args)
    if asked and "route".startswith(asked[0]):
        for one in found[:1]:
            gateway = one.address.rsplit(".", 1)[0] + ".1"
            call.out(f"default via {gateway} dev eth0 proto dhcp src {one.address} metric 100\n"
                     f"168.63.129.16 via {gateway} dev eth0 proto dhcp src {one.address} metric 100\n")  # fmt: skip
        return 0
    if short:
        call.out("lo               UNKNOWN        127.0.0.1/8\n")
        call.out(
            "".join(f"eth{index}             UP             {one.address}/24\n" for index, one in enumerate(found))
        )
        return 0
    call.out("1: lo: <LOOPBACK,UP,LOWER_UP> mtu 65536 state UNKNOWN\n    inet 127.0.0.1/8 scope host lo\n")
    for index, one in enumerate(found):
        call.out(f"{index + 2}: eth{index}: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 state UP\n"
                 f"    inet {one.address}/24 metric 100 brd 255.255.255.255 scope global eth{index}\n")  # fmt: skip
    return 0
