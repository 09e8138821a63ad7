"""A machine's boot: what the serial console prints, when the network, sshd and the agent come up, then cloud-init.

Durations are those of a small Ubuntu machine on Azure, from memory, divided by the sandbox's speed.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from wizard.sandbox.fabric import cloudinit

if TYPE_CHECKING:
    from wizard.sandbox.fabric.machine import Machine

_HOST_SECONDS = 3.0  # until the host has the machine running
_KERNEL_SECONDS = 7.0
_USERLAND_SECONDS = 10.0


def _stamp(seconds: float) -> str:
    return f"[{seconds:12.6f}]"


def _kernel_lines(machine: Machine) -> list[str]:
    image = machine.guest.image
    return [
        "",
        f"{_stamp(0)} Linux version {image.kernel} (buildd@lcy02-amd64-026) #1 SMP PREEMPT_DYNAMIC",
        f"{_stamp(0)} Command line: BOOT_IMAGE=/vmlinuz-{image.kernel} root=PARTUUID=0a8c8a1e ro console=tty1 "
        "console=ttyS0 earlyprintk=ttyS0",
        f"{_stamp(0)} Hypervisor detected: Microsoft Hyper-V",
        f"{_stamp(0.641207)} Memory: 8131100K/8388208K available",
        f"{_stamp(1.804411)} hv_netvsc 000d3a2b-7c11-000d-3a2b-7c11000d3a2b eth0: VF slot 1 added",
        f"{_stamp(2.310066)} EXT4-fs (sda1): mounted filesystem ro with ordered data mode.",
        f"{_stamp(3.127754)} systemd[1]: Detected virtualization microsoft.",
        f"{_stamp(3.129018)} systemd[1]: Hostname set to <{machine.guest.hostname}>.",
        "",
        f"Welcome to {image.pretty}!",
        "",
    ]


def _host_key_block(machine: Machine) -> list[str]:
    """As cloud-init's keys-to-console prints them; tools read host keys from here."""
    guest = machine.guest
    stamp = f"<14>{time.strftime('%b %d %H:%M:%S', time.gmtime())} cloud-init: "
    lines = ["", f"{stamp}#############################################################"]
    lines.append(f"{stamp}-----BEGIN SSH HOST KEY FINGERPRINTS-----")
    lines += [f"{stamp}{line}" for line in guest.fingerprints()]
    lines.append(f"{stamp}-----END SSH HOST KEY FINGERPRINTS-----")
    lines.append(f"{stamp}#############################################################")
    return [*lines, "-----BEGIN SSH HOST KEY KEYS-----", *guest.public_keys(), "-----END SSH HOST KEY KEYS-----"]


async def run(machine: Machine) -> None:
    """From power on to a machine that has done all its cloud-init asks for."""
    guest, image = machine.guest, machine.guest.image
    record = guest.record
    record["boots"] += 1
    record["booted_at"] = time.time()
    await machine.pause(_HOST_SECONDS)
    machine.state = "running"
    guest.log(*_kernel_lines(machine))
    await machine.pause(_KERNEL_SECONDS)
    first = not record["cloud_init"]["done"]
    record["cloud_init"]["status"] = "running"
    interfaces = machine.network.topology.by_vm.get(guest.key, ())
    address = interfaces[0].address if interfaces else "no address"
    guest.log(
        "[  OK  ] Started systemd-journald.service - Journal Service.",
        "         Starting cloud-init-local.service - Cloud-init: Local Stage (pre-network)...",
        "[  OK  ] Reached target network.target - Network.",
        f"cloud-init[611]: ci-info: | eth0 | True | {address} |",
    )
    await machine.pause(_USERLAND_SECONDS / 2)
    machine.came_up()
    machine.start_service(image.ssh_service)
    guest.log(f"[  OK  ] Started {image.ssh_service}.service - OpenBSD Secure Shell server.")
    for service in record["services"]:
        if service == "nginx" and machine.enabled("nginx") and "nginx" in record["packages"]:
            try:
                machine.start_service("nginx")
                guest.log("[  OK  ] Started nginx.service - A high performance web server and a reverse proxy server.")
            except Exception as problem:
                guest.log("[FAILED] Failed to start nginx.service.", f"nginx[842]: nginx: [emerg] {problem}")
    await machine.pause(_USERLAND_SECONDS / 2)
    machine.agent_ready = True
    guest.log(
        "[  OK  ] Started walinuxagent.service - Azure Linux Agent.",
        "",
        f"{image.pretty} {guest.hostname} ttyS0",
        "",
        f"{guest.hostname} login: ",
    )
    if first:
        guest.log(*_host_key_block(machine))
        await cloudinit.run(machine)
    cloudinit.finish(machine)
    guest.save()
