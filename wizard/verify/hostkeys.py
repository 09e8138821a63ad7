"""What a VM itself says its SSH host keys are, asked through Azure's own channel into it (Run Command).

Whoever answers at a NAT port must show one of these keys before anything is sent to it. They are kept per VM in
HOME/deployments/NAME/host_keys.json (public facts, 0600 all the same) and hold for as long as the VM's `vmId` is the
same: a VM that was made anew under its old name is another one, and is asked again.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wizard import ids
from wizard.errors import WizardError
from wizard.home import write_atomically
from wizard.verify import ssh
from wizard.verify.ssh import HostKey, LoginResult

if TYPE_CHECKING:
    from wizard.azure.clients import Azure

FILE = "host_keys.json"
SCRIPT = ('for key in /etc/ssh/ssh_host_*_key.pub; do ssh-keygen -lf "$key"; done',)

_LINE = re.compile(r"^\d+ (SHA256:[A-Za-z0-9+/]{43}) .*\(([A-Z0-9-]+)\)\s*$", re.MULTILINE)
"""`256 SHA256:... comment (ED25519)`, as `ssh-keygen -l` prints it."""


@dataclass(frozen=True)
class Pins:
    """The host keys that one VM told of, and when. `told` holds fingerprints such as `SHA256:...`."""

    vm: str  # resource id
    unique_id: str  # vmId
    told: frozenset[str]
    at: str

    def match(self, key: HostKey | None) -> bool:
        return key is not None and key.fingerprint in self.told


class HostKeys:
    """The pins of one deployment: from the file where they still hold, else from the VM."""

    def __init__(self, azure: Azure, folder: Path) -> None:
        self._azure = azure
        self._path = folder / FILE
        self._kept = _read(self._path)

    async def pins(self, vm_id: str, *, afresh: bool = False) -> Pins:
        """The VM's host keys. `afresh` asks the VM even if they are known.

        Raises AzureError when Run Command does, and WizardError when the VM is not there or told no key.
        """
        live = await self._azure.get(vm_id)
        if live is None:
            raise WizardError(f"There is no VM {ids.parse(vm_id).name}.", "", "Deploy the plan again.")
        unique_id = str(live.get("properties", {}).get("vmId") or "")
        kept = self._kept.get(ids.key(vm_id))
        if kept is not None and not afresh and kept.unique_id == unique_id:
            return kept
        told = fingerprints(await run_script(self._azure, vm_id, SCRIPT))
        if not told:
            raise WizardError(
                f"{ids.parse(vm_id).name} told no SSH host key.",
                "Run Command answered, but its answer holds no line of `ssh-keygen -l`.",
                "Look at the VM: /etc/ssh should hold ssh_host_*_key.pub.",
            )
        pins = Pins(vm_id, unique_id, frozenset(told), datetime.now(UTC).isoformat(timespec="seconds"))
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
    asking = asyncio.ensure_future(ssh.meet(host, port))
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
        return Identified("ok", f"{shown}, as the VM told by Run Command{note}", pins, met)
    told = ", ".join(sorted(pins.told))
    return Identified(
        "wrong-host-key", f"the server shows {shown}, but the VM told {told}: somebody else answers here", pins, met
    )


def fingerprints(message: str) -> list[str]:
    """The SHA256 fingerprints in what Run Command reports: `[stdout]` ... `[stderr]` ..., the last 4 KB of each."""
    output = message.partition("[stdout]")[2] or message
    return [found for found, _type in _LINE.findall(output.partition("[stderr]")[0])]


async def run_script(azure: Azure, vm_id: str, script: tuple[str, ...]) -> str:
    """Run a shell script as root inside a VM through Azure; the message with its output. Raises AzureError."""
    vm = ids.parse(vm_id)
    poller: Any = await azure.ask(
        azure.compute.virtual_machines.begin_run_command(
            vm.group, vm.name, {"commandId": "RunShellScript", "script": list(script)}
        )
    )
    result = (await azure.ask(poller.result())).as_dict()
    return "\n".join(str(status.get("message") or "") for status in result.get("value") or ())


def _read(path: Path) -> dict[str, Pins]:
    """What the file holds; a file that is not ours any more is as good as none, since every VM can be asked again."""
    try:
        content: Mapping[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return {
            key: Pins(entry["id"], entry["vmId"], frozenset(entry["keys"]), entry["at"])
            for key, entry in content.items()
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def _write(path: Path, pins: Mapping[str, Pins]) -> None:
    content = {
        key: {"id": pin.vm, "vmId": pin.unique_id, "keys": sorted(pin.told), "at": pin.at, "source": "run-command"}
        for key, pin in pins.items()
    }
    write_atomically(path, json.dumps(content, indent=2) + "\n")
