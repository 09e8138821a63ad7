"""Installing packages: what apt prints, how long it takes, and whether the archive can be reached at all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from wizard.sandbox.fabric import image
from wizard.sandbox.fabric.shell.streams import Output, nowhere

if TYPE_CHECKING:
    from wizard.sandbox.fabric.machine import Machine

_UPDATE_SECONDS = 5.0  # from memory, on a 2-core machine near its archive mirror
_INSTALL_SECONDS = 15.0
_TIMEOUT_SECONDS = 30.0  # apt's time-out for one connection
_TRIES = 3
_FAILED = 100  # apt's exit code for any failure

_KNOWN = frozenset(
    [
        "nginx",
        "nginx-light",
        "nginx-core",
        "nginx-common",
        "curl",
        "wget",
        "ca-certificates",
        "gnupg",
        "jq",
        "unzip",
        "zip",
        "vim",
        "nano",
        "git",
        "htop",
        "tmux",
        "rsync",
        "python3",
        "python3-pip",
        "python3-venv",
        "policycoreutils-python-utils",
        "net-tools",
        "dnsutils",
        "iputils-ping",
        "lsb-release",
        "software-properties-common",
        "apt-transport-https",
        "openssl",
        "socat",
        "tree",
        "acl",
        "cron",
        "logrotate",
        "less",
    ]
)
_SERVED_BY_NGINX = frozenset(("nginx", "nginx-light", "nginx-core"))


async def update(machine: Machine, out: Output, error: Output) -> int:
    """`apt-get update`: without a way out it warns, takes its time and still ends with 0, as apt does."""
    if not machine.guest.image.debian_like:
        return await _makecache(machine, out, error)
    host, codename = machine.guest.image.archive, machine.guest.image.codename
    if machine.network.topology.outbound(machine.guest.key) is not None:
        await machine.pause(_TIMEOUT_SECONDS)
        out(f"Err:1 http://{host} {codename} InRelease\n  Could not connect to {host}:80, connection timed out\n")
        error(
            f"W: Failed to fetch http://{host}/dists/{codename}/InRelease  Could not connect to {host}:80, "
            "connection timed out\nW: Some index files failed to download.\n"
        )
        return 0
    await machine.pause(_UPDATE_SECONDS)
    out(f"Hit:1 http://{host} {codename} InRelease\nReading package lists...\n")
    return 0


async def _makecache(machine: Machine, out: Output, error: Output) -> int:
    """`dnf makecache`: 1 where the repositories cannot be reached."""
    host = machine.guest.image.archive
    if machine.network.topology.outbound(machine.guest.key) is None:
        await machine.pause(_UPDATE_SECONDS)
        out("Metadata cache created.\n")
        return 0
    await machine.pause(_TIMEOUT_SECONDS)
    error(
        "Errors during downloading metadata for repository 'rhel-9-for-x86_64-baseos-rhui-rpms':\n"
        f"  - Curl error (28): Timeout was reached for https://{host}/pulp/repos/content/dist/rhel9/repodata/repomd.xml\n"
        "Error: Failed to download metadata for repo 'rhel-9-for-x86_64-baseos-rhui-rpms': Cannot download repomd.xml\n"
    )
    return 1


async def _dnf_install(machine: Machine, names: Sequence[str], out: Output, error: Output) -> int:
    """`dnf install`: 0, or 1 for any failure."""
    guest = machine.guest
    wanted = [name for name in dict.fromkeys(names) if name not in guest.record["packages"]]
    if not wanted:
        out("".join(f"Package {name} is already installed.\n" for name in names) + "Nothing to do.\nComplete!\n")
        return 0
    if status := await _makecache(machine, nowhere, error):
        return status
    if unknown := [name for name in wanted if name not in _KNOWN]:
        error("".join(f"No match for argument: {name}\n" for name in unknown))
        error(f"Error: Unable to find a match: {' '.join(unknown)}\n")
        return 1
    await machine.pause(_INSTALL_SECONDS)
    guest.record["packages"] += wanted
    guest.save()
    out(f"Installed:\n  {' '.join(wanted)}\nComplete!\n")
    return _set_up_nginx(machine, error) if _SERVED_BY_NGINX & set(wanted) else 0


async def install(machine: Machine, names: Sequence[str], out: Output, error: Output) -> int:
    """`apt-get install`: 0, or 100 when a package is unknown, cannot be fetched or cannot be configured."""
    if not machine.guest.image.debian_like:
        return await _dnf_install(machine, names, out, error)
    guest = machine.guest
    out("Reading package lists...\nBuilding dependency tree...\n")
    if unknown := [name for name in names if name not in _KNOWN and name not in guest.record["packages"]]:
        for name in unknown:
            error(f"E: Unable to locate package {name}\n")
        return _FAILED
    wanted = [name for name in dict.fromkeys(names) if name not in guest.record["packages"]]
    if not wanted:
        out("".join(f"{name} is already the newest version.\n" for name in names))
        return 0
    out(f"The following NEW packages will be installed:\n  {' '.join(wanted)}\n")
    if not await _fetch(machine, wanted, error):
        return _FAILED
    await machine.pause(_INSTALL_SECONDS)
    for name in wanted:
        guest.record["packages"].append(name)
        out(f"Setting up {name} ...\n")
    guest.save()
    if _SERVED_BY_NGINX & set(wanted):
        return _set_up_nginx(machine, error)
    return 0


async def _fetch(machine: Machine, names: Sequence[str], error: Output) -> bool:
    host = machine.guest.image.archive
    for _ in range(_TRIES):
        if machine.network.topology.outbound(machine.guest.key) is None:
            return True
        await machine.pause(_TIMEOUT_SECONDS)
    for name in names:
        error(
            f"E: Failed to fetch http://{host}/pool/main/{name[0]}/{name}  Could not connect to {host}:80, "
            "connection timed out\n"
        )
    error("E: Unable to fetch some archives, maybe run apt-get update or try with --fix-missing?\n")
    return False


def _set_up_nginx(machine: Machine, error: Output) -> int:
    guest = machine.guest
    if "nginx" not in guest.record["packages"]:
        guest.record["packages"].append("nginx")
    guest.disk.install(image.nginx_files(guest.image))
    machine.enable("nginx")
    if guest.image.debian_like:  # Debian starts what it installs; RHEL leaves that to the administrator
        try:
            machine.start_service("nginx")
        except Exception as problem:
            error(f"nginx: [emerg] {problem}\nE: Sub-process /usr/bin/dpkg returned an error code (1)\n")
            return _FAILED
    else:
        machine.enable("nginx", False)
    return 0
