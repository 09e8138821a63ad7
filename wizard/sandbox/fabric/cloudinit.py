"""cloud-init as a machine runs it on its first boot: users, files, packages, commands, and a record of what failed.

Modules run in cloud-init's own order, and a failing one does not keep the next from running. Every command runs in the
machine's interpreter.
"""

from __future__ import annotations

import base64
import binascii
import shlex
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import yaml

from wizard.sandbox.fabric import packages
from wizard.sandbox.fabric.cloudmerge import merge, parts, unpack
from wizard.sandbox.fabric.shell.streams import Capture, TextInput

if TYPE_CHECKING:
    from wizard.sandbox.fabric.machine import Machine

OUTPUT_LOG = "/var/log/cloud-init-output.log"


class ModuleError(Exception):
    """One module failed; the message is what `cloud-init status --long` lists."""


async def run(machine: Machine) -> None:
    """Run all parts, cloud-configs merged into one; what fails is recorded, never raised."""
    from wizard.sandbox.fabric.shell.interpreter import Shell

    record = machine.guest.record["cloud_init"]
    record["errors"] = []
    machine.guest.log(f"cloud-init[842]: Cloud-init v. 25.1.4 running 'modules:config' at {_now()}.")
    scripts: list[str] = []
    config: dict[str, Any] = {}
    for part in parts(machine.guest.custom_data):
        if part.kind == "cloud-config":
            try:
                found = yaml.safe_load(part.text)
                if not isinstance(found, dict):
                    raise ModuleError("user data is not a mapping")
            except (yaml.YAMLError, ModuleError) as problem:
                _note(machine, f"Failed at merging in cloud config part: {str(problem).splitlines()[0]}")
                continue
            config = merge(config, found, part.merge)
        elif part.kind == "script":
            scripts.append(part.text)
        else:
            _note(machine, "Unhandled non-multipart (text/x-not-multipart) userdata")
    # Scripts run in the order of their names: part-001, ..., and runcmd after them.
    scripts += await _Config(machine, config).run()
    for script in scripts:
        held = Capture()
        shell = Shell(machine, "root")
        shell.cwd = "/"
        status = await shell.script(script, TextInput(), held, held)
        output(machine, held.text)
        if status:
            _note(machine, f"('scripts_user', RuntimeError('Runparts: 1 failures (runcmd) exit {status}'))")
    record["done"] = True


def finish(machine: Machine) -> None:
    """Every boot's last words."""
    record = machine.guest.record["cloud_init"]
    record["status"] = "error" if record["errors"] else "done"
    record["updated"] = time.strftime("%a, %d %b %Y %H:%M:%S +0000", time.gmtime())
    machine.guest.log(
        f"cloud-init[1012]: Cloud-init v. 25.1.4 finished at {_now()}. Datasource DataSourceAzure "
        f"[seed=/var/lib/waagent].  Up {machine.guest.uptime():.2f} seconds"
    )


def _now() -> str:
    return time.strftime("%a, %d %b %Y %H:%M:%S +0000", time.gmtime())


def _note(machine: Machine, problem: str) -> None:
    machine.guest.record["cloud_init"]["errors"].append(problem)
    machine.guest.log(f"cloud-init[842]: ERROR: {problem}")


def output(machine: Machine, text: str) -> None:
    """What modules print: to the output log and the serial console."""
    if not text:
        return
    disk = machine.guest.disk
    before = disk.read(OUTPUT_LOG) if disk.exists(OUTPUT_LOG) else ""
    disk.write(OUTPUT_LOG, before + text, mode=0o640)
    machine.guest.log(*(f"cloud-init[842]: {line}" for line in text.splitlines()))


class _Config:
    """One #cloud-config, module by module."""

    def __init__(self, machine: Machine, config: Mapping[str, Any]) -> None:
        self._machine = machine
        self._config = config

    async def run(self) -> list[str]:
        """Run what is not a script; the scripts that remain for the end."""
        if commands := self._list("bootcmd"):
            await self._shell(_script(commands))
        self._module("users_groups", self._users)
        self._module("write_files", lambda: self._write_files(deferred=False))
        self._module("set_passwords", self._passwords)
        await self._packages()
        self._module("write_files_deferred", lambda: self._write_files(deferred=True))
        commands = self._list("runcmd")
        return [_script(commands)] if commands else []

    def _module(self, name: str, work: Any) -> None:
        try:
            work()
        except (ModuleError, OSError, ValueError, KeyError, TypeError, AttributeError, binascii.Error) as problem:
            _note(self._machine, f"('{name}', {type(problem).__name__}({str(problem)!r}))")

    def _list(self, key: str) -> list[Any]:
        value = self._config.get(key)
        if value is None:
            return []
        if not isinstance(value, list):
            _note(self._machine, f"('{key}', TypeError('{key} must be a list'))")
            return []
        return value

    async def _shell(self, script: str) -> None:
        from wizard.sandbox.fabric.shell.interpreter import Shell

        held = Capture()
        await Shell(self._machine, "root").script(script, TextInput(), held, held)
        output(self._machine, held.text)

    def _users(self) -> None:
        accounts = self._machine.guest.accounts
        for one in self._list("users"):
            if not isinstance(one, dict) or not one.get("name"):
                continue  # "default": the administrator that Azure made
            name = str(one["name"])
            if accounts.get(name) is None:
                accounts.create(name, shell=str(one.get("shell") or "/bin/sh"))
            if one.get("sudo"):
                accounts.grant_sudo(name)
            if keys := one.get("ssh_authorized_keys"):
                accounts.add_keys(name, [str(key) for key in keys])
            if one.get("lock_passwd") is False and one.get("plain_text_passwd"):
                accounts.set_password(name, str(one["plain_text_passwd"]))
        if keys := self._config.get("ssh_authorized_keys"):
            accounts.add_keys(self._machine.guest.record["admin_user"], [str(key) for key in keys])

    def _passwords(self) -> None:
        if "ssh_pwauth" in self._config:
            value = "yes" if self._config["ssh_pwauth"] in (True, "yes", "true", "1", 1) else "no"
            self._machine.guest.disk.write(
                "/etc/ssh/sshd_config.d/50-cloud-init.conf", f"PasswordAuthentication {value}\n", mode=0o600
            )
        given = (self._config.get("chpasswd") or {}).get("users") or ()
        for one in given:
            if one.get("type", "hash") == "text":
                self._machine.guest.accounts.set_password(str(one["name"]), str(one["password"]))

    def _write_files(self, *, deferred: bool) -> None:
        for one in self._list("write_files"):
            if bool(one.get("defer")) != deferred:
                continue
            content = one.get("content", "")
            encoding = str(one.get("encoding") or "text/plain").lower()
            if encoding in ("b64", "base64"):
                content = base64.b64decode(content).decode("utf-8", "surrogateescape")
            elif encoding in ("gz", "gzip", "gz+base64", "gzip+base64", "gz+b64", "gzip+b64"):
                content = unpack(base64.b64decode(content)).decode("utf-8", "surrogateescape")
            mode = one.get("permissions")
            owner = str(one.get("owner") or "root:root").split(":")[0]
            disk = self._machine.guest.disk
            path = str(one["path"])
            if one.get("append") and disk.exists(path):
                content = disk.read(path) + content
            disk.write(
                path,
                str(content),
                mode=int(str(mode), 8) if isinstance(mode, str) else mode or 0o644,
                owner=owner,
                parents=True,
            )

    async def _packages(self) -> None:
        held = Capture()
        names = [str(name[0] if isinstance(name, list) else name) for name in self._list("packages")]
        if self._config.get("package_update") or self._config.get("package_upgrade") or names:
            await packages.update(self._machine, held, held)
        tool = "apt-get" if self._machine.guest.image.debian_like else "dnf"
        status = await packages.install(self._machine, names, held, held) if names else 0
        output(self._machine, held.text)
        if status:
            _note(
                self._machine,
                "('package_update_upgrade_install', ProcessExecutionError(\"Unexpected error while running command. "
                f'Command: {tool} install {" ".join(names)} Exit code: {status}"))',
            )


def _script(commands: list[Any]) -> str:
    lines = [shlex.join(str(word) for word in one) if isinstance(one, list) else str(one) for one in commands]
    return "#!/bin/sh\n" + "".join(f"{line}\n" for line in lines)
