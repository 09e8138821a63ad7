"""What a PUT on an existing machine may change, and what Azure answers with PropertyChangeNotAllowed."""

from __future__ import annotations

from typing import Any

from wizard.sandbox.arm.compute import digests
from wizard.sandbox.arm.compute.attachments import reference
from wizard.sandbox.arm.compute.reading import change, items, mapping, text
from wizard.sandbox.store import Document, Json

# Dotted paths below `properties`, compared when they are sent, and the name that Azure's message has.
_FIXED = (
    ("osProfile.computerName", "osProfile.computerName"),
    ("osProfile.adminUsername", "adminUsername"),
    ("osProfile.linuxConfiguration.disablePasswordAuthentication", "linuxConfiguration.disablePasswordAuthentication"),
    ("osProfile.linuxConfiguration.ssh.publicKeys", "linuxConfiguration.ssh.publicKeys"),
    ("osProfile.linuxConfiguration.provisionVMAgent", "linuxConfiguration.provisionVMAgent"),
    ("osProfile.windowsConfiguration.provisionVMAgent", "windowsConfiguration.provisionVMAgent"),
    ("securityProfile.securityType", "securityProfile.securityType"),
    ("storageProfile.osDisk.createOption", "osDisk.createOption"),
    ("storageProfile.osDisk.name", "osDisk.name"),
    ("storageProfile.osDisk.osType", "osDisk.osType"),
    ("storageProfile.osDisk.vhd.uri", "osDisk.vhd.uri"),
)
_IMAGE = ("publisher", "offer", "sku", "version", "id")


def check(body: Json, existing: Document) -> None:
    """Raise for the first property that is sent and differs. `body` still has its secrets."""
    old = existing.body["properties"]
    sent = mapping(body, "properties")
    _secrets(sent, existing)
    for path, name in _FIXED:
        value = _at(sent, path)
        if value is not None and not _equal(value, _at(old, path)):
            raise change(name)
    image, had = mapping(sent, "storageProfile.imageReference"), old["storageProfile"]["imageReference"]
    if image and any(not _equal(image.get(part), had.get(part)) for part in _IMAGE):
        raise change("imageReference")
    disk = reference(_at(sent, "storageProfile.osDisk.managedDisk"))
    if disk and disk != reference(old["storageProfile"]["osDisk"].get("managedDisk")):
        raise change("osDisk.managedDisk.id")
    # A machine joins a set at its creation only, and never leaves it: left out is a change too.
    if reference(sent.get("availabilitySet")) != reference(old.get("availabilitySet")):
        raise change("availabilitySet.id")
    if (body.get("zones") or []) != (existing.body.get("zones") or []):
        raise change("zones")


def _secrets(sent: Json, existing: Document) -> None:
    """What is never shown is compared by its digest: the same value again is no change."""
    password = text(sent, "osProfile.adminPassword")
    if password is not None and not digests.same(existing.extra.get("adminPassword"), password):
        raise change("adminPassword")
    custom = text(sent, "osProfile.customData")
    if custom is not None and digests.plain(custom) != existing.extra.get("customData"):
        raise change("customData")


def interfaces(properties: Json) -> set[str]:
    return {reference(one) for one in items(properties, "networkProfile.networkInterfaces")}


def _at(value: Any, path: str) -> Any:
    for part in path.split("."):
        if not isinstance(value, dict):
            return None
        value = value.get(part)
    return value


def _equal(one: Any, other: Any) -> bool:
    """Names are compared without regard to case, lists of keys by their content."""
    if isinstance(one, str) and isinstance(other, str):
        return one.strip().lower() == other.strip().lower()
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(_equal(a, b) for a, b in zip(one, other, strict=True))
    if isinstance(one, dict) and isinstance(other, dict):
        return all(_equal(one.get(name), other.get(name)) for name in {*one, *other})
    return bool(one == other)
