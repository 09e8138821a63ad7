"""Images of one's own: of which machine one may be taken, and what a machine made of it is."""

from __future__ import annotations

from typing import Any

import pytest

from tests.sandbox.compute.desk import Desk
from wizard import ids
from wizard.sandbox.arm.errors import ArmError

VM = "Microsoft.Compute/virtualMachines"
IMAGE = "Microsoft.Compute/images"
INSTALLED = {"packages": ["nginx"], "files": {"/srv/a": {"content": "a"}}}


async def golden(desk: Desk) -> dict[str, Any]:
    """An image of a machine that has nginx."""
    await desk.put(VM, "vm1", body=desk.machine(desk.nic("nic1")))
    desk.fabric.installed = lambda vm_id: dict(INSTALLED)  # type: ignore[method-assign]
    await desk.act("deallocate", "vm1")
    await desk.act("generalize", "vm1")
    body = {"location": "westeurope", "properties": {"sourceVirtualMachine": {"id": desk.id(VM, "vm1")}}}
    assert (await desk.put(IMAGE, "golden", body=body)).status == 201
    shown: dict[str, Any] = desk.show(IMAGE, "golden")
    return shown


def of(desk: Desk, image: str, *, trusted: bool = False) -> dict[str, Any]:
    body = desk.machine(desk.nic("nic2"))
    body["properties"]["storageProfile"]["imageReference"] = {"id": desk.id(IMAGE, image)}
    if not trusted:
        body["properties"].pop("securityProfile", None)
    return body


async def test_a_machine_of_ones_own_image_has_what_was_installed(desk: Desk) -> None:
    shown = await golden(desk)
    assert shown["properties"]["provisioningState"] == "Succeeded"
    assert shown["properties"]["storageProfile"]["osDisk"]["osState"] == "Generalized"
    assert "content" not in shown
    assert (await desk.put(VM, "vm2", body=of(desk, "golden"))).status == 201
    made = desk.show(VM, "vm2")
    assert made["properties"]["provisioningState"] == "Succeeded"
    assert made["properties"]["storageProfile"]["imageReference"] == {"id": desk.id(IMAGE, "golden")}
    spec = desk.fabric.specs[ids.key(desk.id(VM, "vm2"))]
    assert spec.content == INSTALLED
    assert spec.image.startswith("Canonical:")
    await desk.put(VM, "vm2", body=of(desk, "golden"))  # the same again is no change


async def test_what_azure_refuses(desk: Desk) -> None:
    async def refused(type: str, name: str, body: dict[str, Any]) -> ArmError:
        with pytest.raises(ArmError) as raised:
            await desk.put(type, name, body=body)
        return raised.value

    await golden(desk)
    assert (await refused(VM, "vm2", of(desk, "golden", trusted=True))).code == "BadRequest"
    assert (await refused(VM, "vm2", of(desk, "gone"))).code == "NotFound"
    with pytest.raises(ArmError):
        await desk.act("start", "vm1")
    body: dict[str, Any] = {"location": "westeurope", "properties": {}}
    assert (await refused(IMAGE, "none", body)).code == "BadRequest"
    await desk.put(VM, "vm3", body=desk.machine(desk.nic("nic3")))
    body["properties"] = {"sourceVirtualMachine": {"id": desk.id(VM, "vm3")}}
    assert (await refused(IMAGE, "of-a-running-one", body)).code == "OperationNotAllowed"
    with pytest.raises(ArmError):
        await desk.act("generalize", "vm3")
    body["properties"] = {"storageProfile": {"osDisk": {"osType": "Linux", "osState": "Specialized"}}}
    assert (await refused(IMAGE, "special", body)).code == "InvalidParameter"


GALLERY = "Microsoft.Compute/galleries"
DEFINITION, VERSION = f"{GALLERY}/images", f"{GALLERY}/images/versions"
IN = ("mine", "golden", "1.0.0")


async def held(desk: Desk, *features: dict[str, str], regions: tuple[str, ...] = ("westeurope",)) -> None:
    """A version of a gallery's image, made of `golden`."""
    await golden(desk)
    await desk.put(GALLERY, "mine", body={"location": "westeurope"})
    told: dict[str, Any] = {"osType": "Linux", "osState": "Generalized", "hyperVGeneration": "V2"}
    told |= {"identifier": {"publisher": "p", "offer": "o", "sku": "s"}, "features": list(features)}
    await desk.put(DEFINITION, "mine", "golden", body={"location": "westeurope", "properties": told})
    source = {"storageProfile": {"source": {"id": desk.id(IMAGE, "golden")}}}
    copies = {"publishingProfile": {"targetRegions": [{"name": region} for region in regions]}}
    await desk.put(VERSION, *IN, body={"location": "westeurope", "properties": {**source, **copies}})


async def test_a_machine_of_a_gallerys_image_has_what_was_installed(desk: Desk) -> None:
    await held(desk, {"name": "SecurityType", "value": "TrustedLaunchSupported"})
    shown = desk.show(VERSION, *IN)["properties"]
    assert shown["publishingProfile"]["targetRegions"] == [{"name": "westeurope", "regionalReplicaCount": 1}]
    body = of(desk, "", trusted=True)
    body["properties"]["storageProfile"]["imageReference"] = {"id": desk.id(VERSION, *IN)}
    assert (await desk.put(VM, "vm2", body=body)).status == 201
    assert desk.fabric.specs[ids.key(desk.id(VM, "vm2"))].content == INSTALLED
    with pytest.raises(ArmError) as raised:
        await desk.delete(GALLERY, "mine")
    assert raised.value.code == "CannotDeleteResource"
    for names in (IN, IN[:2], IN[:1]):
        await desk.delete((VERSION, DEFINITION, GALLERY)[3 - len(names)], *names)
    assert not [kind for kind in (GALLERY, DEFINITION, VERSION) if list(desk.store.of_type(kind))]


async def test_a_machine_that_names_no_version_is_made_of_the_latest_in_its_region(desk: Desk) -> None:
    await held(desk)
    source = {"storageProfile": {"source": {"id": desk.id(IMAGE, "golden")}}}
    away = {"publishingProfile": {"targetRegions": [{"name": "northeurope"}]}}
    out = {"publishingProfile": {"targetRegions": [{"name": "westeurope"}], "excludeFromLatest": True}}
    inside = {"publishingProfile": {"targetRegions": [{"name": "westeurope"}]}}
    for number, region, copies in (
        ("1.2.0", "westeurope", inside),
        ("1.10.0", "westeurope", inside),
        ("2.0.0", "northeurope", away),
        ("3.0.0", "westeurope", out),
    ):
        await desk.put(VERSION, *IN[:2], number, body={"location": region, "properties": {**source, **copies}})
    for name in ("1.2.0", "1.10.0"):
        desk.document(VERSION, *IN[:2], name).extra["content"] = {"packages": [name]}
    body = of(desk, "")
    body["properties"]["storageProfile"]["imageReference"] = {"id": desk.id(DEFINITION, *IN[:2])}
    assert (await desk.put(VM, "vm2", body=body)).status == 201
    assert desk.fabric.specs[ids.key(desk.id(VM, "vm2"))].content == {"packages": ["1.10.0"]}
    assert desk.show(VM, "vm2")["properties"]["storageProfile"]["imageReference"]["id"] == desk.id(DEFINITION, *IN[:2])
    for name in ("1.0.0", "1.2.0", "1.10.0"):
        await desk.delete(VERSION, *IN[:2], name)
    with pytest.raises(ArmError) as raised:
        await desk.put(VM, "vm3", body=body)
    assert raised.value.code == "GalleryImageNotFound"


async def test_what_azure_refuses_of_a_gallery(desk: Desk) -> None:
    await held(desk, regions=("West Europe", "northeurope"))

    async def refused(type: str, *names: str, body: dict[str, Any]) -> ArmError:
        with pytest.raises(ArmError) as raised:
            await desk.put(type, *names, body=body)
        return raised.value

    body = of(desk, "", trusted=True)
    body["properties"]["storageProfile"]["imageReference"] = {"id": desk.id(VERSION, *IN)}
    assert (await refused(VM, "vm2", body=body)).code == "BadRequest", "no feature says Trusted Launch"
    desk.document(VERSION, *IN).body["properties"]["publishingProfile"]["targetRegions"] = [{"name": "northeurope"}]
    body["properties"].pop("securityProfile")
    assert (await refused(VM, "vm2", body=body)).code == "GalleryImageNotFound"
    empty: dict[str, Any] = {"location": "westeurope", "properties": {}}
    assert (await refused(DEFINITION, "mine", "other", body=empty)).code == "InvalidParameter"
    assert (await refused(VERSION, "mine", "golden", "1.0", body=empty)).code == "InvalidParameter"
    assert (await refused(VERSION, "mine", "golden", "1.0.1", body=empty)).code == "InvalidParameter"
    gone = {"storageProfile": {"source": {"id": desk.id(IMAGE, "gone")}}}
    found = await refused(VERSION, "mine", "golden", "1.0.1", body={"location": "westeurope", "properties": gone})
    assert found.code == "NotFound"
