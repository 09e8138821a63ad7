"""The operating system profile: each rule of Azure's with its code and target."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from tests.sandbox.compute.desk import ED25519, PASSWORD
from wizard.sandbox.arm.compute import osprofile
from wizard.sandbox.arm.errors import ArmError

PATH = "/home/azureuser/.ssh/authorized_keys"


def _public(key: Any) -> str:
    text = key.public_key().public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
    return str(text.decode())


def linux(**changes: Any) -> dict[str, Any]:
    profile: dict[str, Any] = {
        "computerName": "vm1",
        "adminUsername": "azureuser",
        "adminPassword": PASSWORD,
        "linuxConfiguration": {"disablePasswordAuthentication": False},
    }
    profile.update(changes)
    return {name: value for name, value in profile.items() if value is not None}


def keyed(key: str, path: str = PATH) -> dict[str, Any]:
    ssh = {"publicKeys": [{"path": path, "keyData": key}]}
    return linux(adminPassword=None, linuxConfiguration={"disablePasswordAuthentication": True, "ssh": ssh})


@pytest.mark.parametrize(
    "profile",
    [
        linux(),
        linux(adminPassword="aB3456"),  # the API's own bound is 6
        linux(adminPassword="a1-" + "x" * 69),
        linux(computerName="a" * 64),
        linux(computerName="web.example"),
        linux(customData=base64.b64encode(b"x" * 65535).decode()),
        keyed(ED25519),
        keyed(_public(rsa.generate_private_key(65537, 2048))),
    ],
)
def test_what_azure_takes(profile: dict[str, Any]) -> None:
    osprofile.check(profile, "Linux")


@pytest.mark.parametrize(
    ("profile", "target"),
    [
        (linux(computerName=None), "osProfile.computerName"),
        (linux(computerName="a" * 65), "computerName"),
        (linux(computerName="vm_1"), "computerName"),
        (linux(computerName="vm1-"), "computerName"),
        (linux(adminUsername=None), "adminUsername"),
        (linux(adminUsername="Admin"), "adminUsername"),
        (linux(adminUsername="root"), "adminUsername"),
        (linux(adminUsername="a" * 33), "adminUsername"),
        (linux(adminUsername="some body"), "adminUsername"),
        (linux(adminPassword=None), "adminPassword"),
        (linux(adminPassword="aB345"), "adminPassword"),
        (linux(adminPassword="aB3" + "x" * 70), "adminPassword"),
        (linux(adminPassword="onlylowercase1"), "adminPassword"),
        (linux(adminPassword="P@ssw0rd"), "adminPassword"),
        (linux(adminPassword="Tab-3\tinside"), "adminPassword"),
        (linux(customData="not base64!"), "customData"),
        (linux(customData=base64.b64encode(b"x" * 65536).decode()), "customData"),
        (linux(windowsConfiguration={"provisionVMAgent": True}), "windowsConfiguration"),
        (linux(linuxConfiguration={"disablePasswordAuthentication": True}), "linuxConfiguration"),
        (keyed(ED25519, "/home/other/.ssh/authorized_keys"), "linuxConfiguration.ssh.publicKeys.path"),
        (keyed("ssh-ed25519 nonsense"), "linuxConfiguration.ssh.publicKeys.keyData"),
        (keyed(""), "linuxConfiguration.ssh.publicKeys.keyData"),
        (keyed(_public(rsa.generate_private_key(65537, 1024))), "linuxConfiguration.ssh.publicKeys.keyData"),
        (keyed(_public(ec.generate_private_key(ec.SECP256R1()))), "linuxConfiguration.ssh.publicKeys.keyData"),
    ],
)
def test_what_azure_refuses(profile: dict[str, Any], target: str) -> None:
    with pytest.raises(ArmError) as raised:
        osprofile.check(profile, "Linux")
    assert (raised.value.status, raised.value.code, raised.value.target) == (400, "InvalidParameter", target)
    assert str(profile.get("adminPassword")) not in raised.value.message


@pytest.mark.parametrize(
    ("changes", "target"),
    [
        ({}, None),
        ({"computerName": "a" * 16}, "computerName"),
        ({"computerName": "12345"}, "computerName"),
        ({"computerName": "web.one"}, "computerName"),
        ({"adminUsername": "a" * 21}, "adminUsername"),
        ({"adminPassword": "aB34567"}, "adminPassword"),
        ({"linuxConfiguration": {"disablePasswordAuthentication": True}}, "linuxConfiguration"),
    ],
)
def test_windows(changes: dict[str, Any], target: str | None) -> None:
    profile = {"computerName": "vm1", "adminUsername": "azureuser", "adminPassword": PASSWORD, **changes}
    if target is None:
        osprofile.check(profile, "Windows")
        return
    with pytest.raises(ArmError) as raised:
        osprofile.check(profile, "Windows")
    assert raised.value.target == target
