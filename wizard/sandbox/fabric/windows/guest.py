"""What a Windows machine's disk holds: accounts, certificate, files, features, firewall rules, services, serial log.

Password hashes and the certificate's key never leave it.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from wizard.sandbox.fabric.record import GuestRecord
from wizard.sandbox.fabric.windows import accounts, ntlm
from wizard.sandbox.fabric.windows.accounts import Accounts
from wizard.sandbox.fabric.windows.files import Files

if TYPE_CHECKING:
    from wizard.sandbox.fabric.fabric import GuestSpec
    from wizard.sandbox.store import Store

AGENT_VERSION = "2.7.41491.1191"  # from memory: a current Windows guest agent
RDP_RULE = {"name": "RemoteDesktop-UserMode-In-TCP", "shown": "Remote Desktop - User Mode (TCP-In)", "port": 3389}


@dataclass(frozen=True)
class Image:
    """What the instance view and a few commands show of an image."""

    name: str
    version: str
    build: int


def image(reference: str) -> Image:
    """Of `publisher:offer:sku:version`, whose version begins with the build."""
    _, _, sku, version = reference.split(":")
    build = int(version.split(".")[0])
    edition = "Datacenter Azure Edition" if "azure-edition" in sku else "Datacenter"
    return Image(f"Windows Server {sku[:4]} {edition}", f"10.0.{'.'.join(version.split('.')[:2])}", build)


class WindowsGuest(GuestRecord):
    """A Windows machine's record and what is read from it."""

    def __init__(self, store: Store, key: str, record: dict[str, Any]) -> None:
        super().__init__(store, key, record)
        self.image = image(record["image"])
        self.accounts = Accounts(record["users"], self.save, self.hostname)
        self.disk = Files(record["files"], self.save_soon)

    @classmethod
    def create(cls, store: Store, key: str, spec: GuestSpec) -> WindowsGuest:
        """A new disk with its administrator. It is not running, and has no certificate before its first boot."""
        record: dict[str, Any] = {
            "os": spec.os,
            "computer_name": spec.computer_name,
            "image": spec.image,
            "users": accounts.first(spec.admin_user),
            "rdp": {"enabled": True, "certificate": None},
            "files": {},
            "features": [],
            "bindings": [80],
            "firewall": [dict(RDP_RULE)],
            "services": {},
            "serial": "",
            "boots": 0,
            "provisioned": False,
            "power": "stopped",
        }
        guest = cls(store, key, record)
        if spec.admin_password is not None:
            # What Azure's own rules have let through, the policy of the image does not judge again.
            record["users"][spec.admin_user.lower()]["nt"] = ntlm.nt_hash(spec.admin_password).hex()
        elif spec.password_hash is not None:
            record["users"][spec.admin_user.lower()]["nt"] = spec.password_hash
        if spec.custom_data:
            guest.disk.write(r"C:\AzureData\CustomData.bin", base64.b64encode(spec.custom_data).decode())
        guest.save()
        return guest

    @property
    def certificate(self) -> dict[str, str] | None:
        """Remote Desktop's; None before the first boot."""
        found: dict[str, str] | None = self.record["rdp"]["certificate"]
        return found

    def allows(self, port: int) -> bool:
        """Whether Windows Firewall lets a connection to this port in; it is on for every network."""
        return any(rule["port"] == port for rule in self.record["firewall"])

    def allow(self, name: str, shown: str, port: int) -> None:
        """A rule that lets in; one of the same name is replaced."""
        rules = [rule for rule in self.record["firewall"] if rule["name"] != name]
        self.record["firewall"] = [*rules, {"name": name, "shown": shown, "port": port}]
        self.save()
