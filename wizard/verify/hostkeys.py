"""What a VM itself says its SSH host keys are, asked through Azure's own channels: Run Command, else the serial log.

Whoever answers at a NAT port must show one of these keys before anything is sent to it. They are kept per VM in
HOME/deployments/NAME/host_keys.json (public facts, 0600 all the same) and hold for as long as the VM's `vmId` is the
same: a VM that was made anew under its old name is another one, and is asked again.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wizard import ids
from wizard.errors import UnreachableError, WizardError
from wizard.home import write_atomically
from wizard.verify import console, ssh
from wizard.verify.machines import Machine
from wizard.verify.ssh import HostKey, LoginResult

if TYPE_CHECKING:
    from wizard.azure.clients import Azure

FILE = "host_keys.json"
SCRIPT = ('for key in /etc/ssh/ssh_host_*_key.pub; do ssh-keygen -lf "$key"; done',)

_LINE = re.compile(r"^\d+ (SHA256:[A-Za-z0-9+/]{43}) .*\(([A-Z0-9-]+)\)\s*$", re.MULTILINE)
"""`256 SHA256:... comment (ED25519)`, as `ssh-keygen -l` prints it."""


_BLOCK = re.compile(r"-----BEGIN SSH HOST KEY (FINGERPRINTS|KEYS)-----(.*?)-----END SSH HOST KEY \1-----", re.DOTALL)
"""What cloud-init prints on the console at a first boot. Some images put a time and a name before each line."""

_PRINTED = re.compile(r"\b\d+ (SHA256:[A-Za-z0-9+/]{43})\s")
_PRINTED_KEY = re.compile(r"\b(?:ssh-ed25519|ssh-rsa|ecdsa-sha2-nistp\d+) ([A-Za-z0-9+/]{40,}={0,2})")

SOURCES = {"run-command": "Run Command", "serial-log": "its serial log"}

SHELL, POWERSHELL = "RunShellScript", "RunPowerShellScript"
"""Run Command's own documents for Linux and for Windows."""


@dataclass(frozen=True)
class Pins:
    """The host keys that one VM told of, when, and by which channel. `told` holds fingerprints such as `SHA256:...`."""

    vm: str  # resource id
    unique_id: str  # vmId
    told: frozenset[str]
    at: str
    source: str = "run-command"

    def match(self, key: HostKey | None) -> bool:
        return key is not None and key.fingerprint in self.told


class HostKeys:
    """The pins of one deployment: from the file where they still hold, else from the VM."""

    file = FILE

    def __init__(self, azure: Azure, folder: Path) -> None:
        self.azure = azure
        self._path = folder / self.file
        self._kept = _read(self._path)

    async def meet(self, host: str, port: int) -> LoginResult:
        """What a server shows before anything is sent to it."""
        return await ssh.meet(host, port)

    async def ask(self, vm_id: str) -> tuple[list[str], str]:
        """What the VM tells of itself, as fingerprints, and by which channel. Raises WizardError when it tells none."""
        return await _ask(self.azure, vm_id)

    async def pins(self, vm_id: str, *, afresh: bool = False) -> Pins:
        """The VM's host keys. `afresh` asks the VM even if they are known.

        Raises WizardError when the VM is not there, or told no key: neither by Run Command, nor in its serial log.
        """
        live = await self.azure.get(vm_id)
        if live is None:
            raise WizardError(f"There is no VM {ids.parse(vm_id).name}.", "", "Deploy the plan again.")
        unique_id = str(live.get("properties", {}).get("vmId") or "")
        kept = self._kept.get(ids.key(vm_id))
        if kept is not None and not afresh and kept.unique_id == unique_id:
            return kept
        told, source = await self.ask(vm_id)
        pins = Pins(vm_id, unique_id, frozenset(told), datetime.now(UTC).isoformat(timespec="seconds"), source)
        self._kept[ids.key(vm_id)] = pins
        _write(self._path, self._kept)
        return pins


@dataclass(frozen=True)
class Identified:
    """Whether the server at an address is the VM. `state` ok, wrong-host-key or unreachable; `pins` when known."""

    state: ssh.Outcome
    detail: str
    pins: Pins
    met: LoginResult

    @property
    def pinned(self) -> list[HostKey]:
        """What a login may be sent to: the key that was shown, and only if the VM told of it."""
        return [self.met.host_key] if self.state == "ok" and self.met.host_key is not None else []


async def identify(keys: HostKeys, vm_id: str, host: str, port: int) -> Identified:
    """Meet the server and compare its key with the VM's. A mismatch asks the VM once more, and is then final."""
    asking = asyncio.ensure_future(keys.meet(host, port))
    try:
        pins = await keys.pins(vm_id)
        met = await asking
    finally:
        asking.cancel()
    if met.host_key is None:
        return Identified(met.outcome, met.detail, pins, met)
    note = ""
    if not pins.match(met.host_key):
        pins = await keys.pins(vm_id, afresh=True)
        note = "; the VM's keys had changed since it was asked first"
    shown = f"{met.host_key.type} {met.host_key.fingerprint}"
    if pins.match(met.host_key):
        return Identified("ok", f"{shown}, as the VM told by {SOURCES[pins.source]}{note}", pins, met)
    told = ", ".join(sorted(pins.told))
    return Identified(
        "wrong-host-key", f"the server shows {shown}, but the VM told {told}: somebody else answers here", pins, met
    )


async def _ask(azure: Azure, vm_id: str) -> tuple[list[str], str]:
    """The VM's fingerprints and their source. The serial log is second: it tells of the first boot, and can lag."""
    vm = ids.parse(vm_id)
    try:
        if told := fingerprints(await run_script(azure, vm_id, SCRIPT)):
            return told, "run-command"
        why = "Run Command answered without a line of `ssh-keygen -l`."
    except UnreachableError:
        raise
    except WizardError as error:
        why = f"Run Command: {error}"
    try:
        if told := printed(await console.log(azure, Machine(vm.name, vm_id, "", ()))):
            return told, "serial-log"
        why += " Its serial log holds no host key."
    except UnreachableError:
        raise
    except WizardError as error:
        why += f" Its serial log: {error}"
    raise WizardError(f"{vm.name} told no SSH host key.", why, "Look at the VM: is its agent up, is boot logging on?")


def printed(log: str) -> list[str]:
    """The SHA256 fingerprints that cloud-init printed in a serial log, of its last block of each kind."""
    found: list[str] = []
    for kind, block in dict(_BLOCK.findall(log)).items():
        if kind == "FINGERPRINTS":
            found += _PRINTED.findall(block)
            continue
        for key in _PRINTED_KEY.findall(block):
            try:
                digest = hashlib.sha256(base64.b64decode(key, validate=True)).digest()
            except binascii.Error:  # cut off in the middle
                continue
            found.append("SHA256:" + base64.b64encode(digest).decode().rstrip("="))
    return list(dict.fromkeys(found))


def fingerprints(message: str) -> list[str]:
    """The SHA256 fingerprints in what Run Command reports: `[stdout]` ... `[stderr]` ..., the last 4 KB of each."""
    output = message.partition("[stdout]")[2] or message
    return [found for found, _type in _LINE.findall(output.partition("[stderr]")[0])]


async def run_script(azure: Azure, vm_id: str, script: tuple[str, ...], command: str = SHELL) -> str:
    """Run a script as root, or as SYSTEM, inside a VM through Azure; the message with its output.

    It may run twice, when an answer is lost: it must do no more than ask. Raises AzureError.
    """
    vm = ids.parse(vm_id)
    begin = azure.compute.virtual_machines.begin_run_command
    asked: Any = {"commandId": command, "script": list(script)}
    result = (await azure.act(vm_id, lambda: begin(vm.group, vm.name, asked))).as_dict()
    return "\n".join(str(status.get("message") or "") for status in result.get("value") or ())


def _read(path: Path) -> dict[str, Pins]:
    """What the file holds; a file that is not ours any more is as good as none, since every VM can be asked again."""
    try:
        content: Mapping[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return {
            key: Pins(entry["id"], entry["vmId"], frozenset(entry["keys"]), entry["at"], entry["source"])
            for key, entry in content.items()
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def _write(path: Path, pins: Mapping[str, Pins]) -> None:
    content = {
        key: {"id": pin.vm, "vmId": pin.unique_id, "keys": sorted(pin.told), "at": pin.at, "source": pin.source}
        for key, pin in pins.items()
    }
    write_atomically(path, json.dumps(content, indent=2) + "\n")
