"""A running sandbox, asked by Azure's own SDK: status codes, polling and bodies that the client accepts.

One machine is enough: what it does between its birth and its end is asked in order. The clients are typed as Any:
their overloads know models only, while the wire's own dictionaries are what is sent here.
"""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any

import httpx
import pytest
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError

from tests.sandbox.compute.desk import ED25519

LOCATION = "westeurope"
SECRET = "Red-4-Falcons-in-the-wind"
ACCESS: dict[str, Any] = {
    "location": LOCATION,
    "properties": {
        "publisher": "Microsoft.OSTCExtensions",
        "type": "VMAccessForLinux",
        "typeHandlerVersion": "1.5",
        "autoUpgradeMinorVersion": True,
        "protectedSettings": {"username": "azureuser", "password": SECRET},
    },
}


async def machine_body(azure: Any, group: str) -> dict[str, Any]:
    """A group with a network, an availability set and an interface; the body of a machine in them."""
    await azure.resource.resource_groups.create_or_update(group, {"location": LOCATION})
    subnet = {"name": "web", "properties": {"addressPrefix": "10.0.1.0/24"}}
    network = {"addressSpace": {"addressPrefixes": ["10.0.0.0/16"]}, "subnets": [subnet]}
    vnet = await (
        await azure.network.virtual_networks.begin_create_or_update(
            group, "vnet", {"location": LOCATION, "properties": network}
        )
    ).result()
    configuration = {"name": "one", "properties": {"subnet": {"id": vnet.as_dict()["properties"]["subnets"][0]["id"]}}}
    nic = await (
        await azure.network.network_interfaces.begin_create_or_update(
            group, "nic1", {"location": LOCATION, "properties": {"ipConfigurations": [configuration]}}
        )
    ).result()
    domains = {"platformFaultDomainCount": 2, "platformUpdateDomainCount": 5}
    joined = await azure.compute.availability_sets.create_or_update(
        group, "web-as", {"location": LOCATION, "sku": {"name": "Aligned"}, "properties": domains}
    )
    key = {"path": "/home/azureuser/.ssh/authorized_keys", "keyData": ED25519}
    image = {"publisher": "Canonical", "offer": "ubuntu-24_04-lts", "sku": "server", "version": "latest"}
    disk = {"createOption": "FromImage", "deleteOption": "Delete", "managedDisk": {"storageAccountType": "Premium_LRS"}}
    return {
        "location": LOCATION,
        "properties": {
            "availabilitySet": {"id": joined.id},
            "hardwareProfile": {"vmSize": "Standard_D2s_v5"},
            "storageProfile": {"imageReference": image, "osDisk": disk},
            "osProfile": {
                "computerName": "vm1",
                "adminUsername": "azureuser",
                "linuxConfiguration": {"disablePasswordAuthentication": True, "ssh": {"publicKeys": [key]}},
            },
            "networkProfile": {
                "networkInterfaces": [{"id": nic.id, "properties": {"primary": True, "deleteOption": "Delete"}}]
            },
            "diagnosticsProfile": {"bootDiagnostics": {"enabled": True}},
        },
    }


async def test_the_life_of_a_machine(azure: Any, sandbox: dict[str, Any], group_name: str) -> None:
    body = await machine_body(azure, group_name)
    machines = azure.compute.virtual_machines
    vm = await (await machines.begin_create_or_update(group_name, "vm1", body)).result()
    assert vm.as_dict()["properties"]["provisioningState"] == "Succeeded"
    await _view(azure, group_name)
    await _run_command(azure, group_name)
    await _serial_log(azure, sandbox, group_name)
    await _extension(azure, group_name)
    await _power(azure, group_name)
    await (await machines.begin_delete(group_name, "vm1")).result()
    with pytest.raises(ResourceNotFoundError):
        await machines.get(group_name, "vm1")
    assert [disk async for disk in azure.compute.disks.list_by_resource_group(group_name)] == []
    with pytest.raises(ResourceNotFoundError):  # its option was Delete
        await azure.network.network_interfaces.get(group_name, "nic1")
    await azure.compute.availability_sets.delete(group_name, "web-as")
    await (await azure.resource.resource_groups.begin_delete(group_name)).result()


async def _view(azure: Any, group: str) -> None:
    machines = azure.compute.virtual_machines
    view = (await machines.instance_view(group, "vm1")).as_dict()
    assert [status["code"] for status in view["statuses"]] == ["ProvisioningState/succeeded", "PowerState/running"]
    assert (view["platformFaultDomain"], view["platformUpdateDomain"]) == (0, 0)
    assert view["vmAgent"]["statuses"][0]["displayStatus"] == "Ready"
    assert (view["computerName"], view["osName"]) == ("vm1", "ubuntu")
    shown = (await machines.get(group, "vm1", expand="instanceView")).as_dict()
    assert shown["properties"]["instanceView"]["statuses"][1]["code"] == "PowerState/running"
    listed = [one.name async for one in machines.list(group)]
    assert listed == ["vm1"]
    joined = (await azure.compute.availability_sets.get(group, "web-as")).as_dict()
    assert [member["id"] for member in joined["properties"]["virtualMachines"]] == [shown["id"]]
    with pytest.raises(HttpResponseError) as raised:
        await azure.compute.availability_sets.delete(group, "web-as")
    assert raised.value.status_code == 409


async def _run_command(azure: Any, group: str) -> None:
    script = ["for key in /etc/ssh/ssh_host_*_key.pub; do ssh-keygen -lf $key; done", "hostname"]
    command = {"commandId": "RunShellScript", "script": script}
    result = await (await azure.compute.virtual_machines.begin_run_command(group, "vm1", command)).result()
    message = result.as_dict()["value"][0]["message"]
    assert message.startswith("Enable succeeded: \n[stdout]\n")
    assert "SHA256:" in message
    assert "(ED25519)" in message
    assert "\nvm1\n" in message


async def _serial_log(azure: Any, sandbox: dict[str, Any], group: str) -> None:
    data = await azure.compute.virtual_machines.retrieve_boot_diagnostics_data(group, "vm1")
    url = str(data.as_dict()["serialConsoleLogBlobUri"])
    async with httpx.AsyncClient(verify=ssl.create_default_context(cafile=sandbox["ca"])) as stranger:
        log = await stranger.get(url)
        assert (log.status_code, log.headers["content-type"]) == (200, "text/plain")
        assert "-----BEGIN SSH HOST KEY FINGERPRINTS-----" in log.text
        refused = await stranger.get(url.replace("sig=", "sig=A"))
        assert refused.status_code == 403
    lines = Path(sandbox["requests_log"]).read_text()  # noqa: ASYNC240 - a small file on a local disk
    assert "serialconsole.log" in lines
    assert "sig=" not in lines


async def _extension(azure: Any, group: str) -> None:
    extensions = azure.compute.virtual_machine_extensions
    poller = await extensions.begin_create_or_update(group, "vm1", "enablevmaccess", ACCESS)
    shown = (await poller.result()).as_dict()
    assert shown["properties"]["provisioningState"] == "Succeeded"
    assert SECRET not in repr(shown)
    listed = (await extensions.list(group, "vm1")).as_dict()
    assert [one["name"] for one in listed["value"]] == ["enablevmaccess"]
    failing = {**ACCESS, "properties": {**ACCESS["properties"], "protectedSettings": {"username": "azureuser"}}}
    with pytest.raises(HttpResponseError) as raised:
        await (await extensions.begin_create_or_update(group, "vm1", "enablevmaccess", failing)).result()
    assert raised.value.error is not None
    assert raised.value.error.code == "VMExtensionProvisioningError"
    assert "No password or ssh_key" in str(raised.value.error.message)
    await (await extensions.begin_delete(group, "vm1", "enablevmaccess")).result()


async def _power(azure: Any, group: str) -> None:
    machines = azure.compute.virtual_machines
    for begin, state in (
        (machines.begin_power_off, "stopped"),
        (machines.begin_start, "running"),
        (machines.begin_restart, "running"),
        (machines.begin_deallocate, "deallocated"),
        (machines.begin_start, "running"),
    ):
        await (await begin(group, "vm1")).result()
        view = (await machines.instance_view(group, "vm1")).as_dict()
        assert view["statuses"][1]["code"] == f"PowerState/{state}"


async def test_refusals_as_the_client_sees_them(azure: Any, group_name: str) -> None:
    body = await machine_body(azure, group_name)
    body["properties"]["hardwareProfile"]["vmSize"] = "Standard_Nothing"
    with pytest.raises(HttpResponseError) as raised:
        await azure.compute.virtual_machines.begin_create_or_update(group_name, "vm1", body)
    assert raised.value.status_code == 400
    assert raised.value.error is not None
    assert (raised.value.error.code, raised.value.error.target) == ("InvalidParameter", "vmSize")
    with pytest.raises(HttpResponseError) as raised:
        await azure.compute.availability_sets.create_or_update(
            group_name,
            "too-many",
            {"location": LOCATION, "sku": {"name": "Aligned"}, "properties": {"platformFaultDomainCount": 9}},
        )
    assert raised.value.status_code == 400
    await (await azure.resource.resource_groups.begin_delete(group_name)).result()


async def test_a_disk_of_ones_own(azure: Any, group_name: str) -> None:
    await azure.resource.resource_groups.create_or_update(group_name, {"location": LOCATION})
    body = {"location": LOCATION, "properties": {"creationData": {"createOption": "Empty"}, "diskSizeGB": 32}}
    disks = azure.compute.disks
    for tags in ({}, {"a": "b"}):
        disk = (
            await (await disks.begin_create_or_update(group_name, "own", {**body, "tags": tags})).result()
        ).as_dict()
        assert (disk["properties"]["diskState"], disk["tags"]) == ("Unattached", tags)
    await (await disks.begin_delete(group_name, "own")).result()
    assert [one async for one in disks.list_by_resource_group(group_name)] == []
    await (await azure.resource.resource_groups.begin_delete(group_name)).result()


async def test_what_there_is_to_choose_from(azure: Any) -> None:
    compute = azure.compute
    skus = [sku.as_dict() async for sku in compute.resource_skus.list(filter=f"location eq '{LOCATION}'")]
    assert {"availabilitySets", "virtualMachines"} == {sku["resourceType"] for sku in skus}
    usages = [usage.as_dict() async for usage in compute.usage.list(LOCATION)]
    assert {"cores", "virtualMachines", "standardDSv5Family"} <= {usage["name"]["value"] for usage in usages}
    images = compute.virtual_machine_images
    assert "Canonical" in [one.name for one in await images.list_publishers(LOCATION)]
    assert [one.name for one in await images.list_offers(LOCATION, "Debian")] == ["debian-12"]
    assert [one.name for one in await images.list_skus(LOCATION, "Debian", "debian-12")] == ["12-gen2"]
    (version,) = await images.list(LOCATION, "Canonical", "ubuntu-24_04-lts", "server")
    found = await images.get(LOCATION, "Canonical", "ubuntu-24_04-lts", "server", str(version.name))
    assert found.as_dict()["properties"]["osDiskImage"]["operatingSystem"] == "Linux"
    sizes = [size.name async for size in compute.virtual_machine_sizes.list(LOCATION)]
    assert "Standard_D2s_v5" in sizes
