"""Whatever a stranger sends, the answer is ARM's: a body that is taken, or an ArmError. Never a crash, never a half."""

from __future__ import annotations

import contextlib
import copy
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.sandbox.compute.desk import PASSWORD, Desk
from wizard import ids
from wizard.sandbox.arm import lifecycle
from wizard.sandbox.arm.errors import ArmError

VM = "Microsoft.Compute/virtualMachines"
JUNK = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-5, 70000),
    st.text(max_size=8),
    st.just([]),
    st.just({}),
    st.just([1]),
    st.just([{}]),
    st.just({"id": 5}),
    st.just({"id": "/subscriptions"}),
    st.just([{"id": None}]),
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in a JSON value, as a path."""
    found = [path] if path else []
    if isinstance(value, dict):
        for name, item in value.items():
            found += places(item, (*path, name))
    if isinstance(value, list):
        for index, item in enumerate(value):
            found += places(item, (*path, index))
    return found


def put(value: Any, path: tuple[Any, ...], junk: Any) -> Any:
    changed = copy.deepcopy(value)
    target = changed
    for part in path[:-1]:
        target = target[part]
    target[path[-1]] = junk
    return changed


EXTENSION = {
    "location": "westeurope",
    "properties": {
        "publisher": "Microsoft.OSTCExtensions",
        "type": "VMAccessForLinux",
        "typeHandlerVersion": "1.5",
        "autoUpgradeMinorVersion": True,
        "forceUpdateTag": "1",
        "settings": {},
        "protectedSettings": {"username": "azureuser", "password": PASSWORD},
    },
}
SET = {
    "location": "westeurope",
    "sku": {"name": "Aligned"},
    "properties": {"platformFaultDomainCount": 2, "platformUpdateDomainCount": 5, "virtualMachines": []},
}
DISK = {
    "location": "westeurope",
    "sku": {"name": "Premium_LRS"},
    "properties": {"creationData": {"createOption": "Empty"}, "diskSizeGB": 32, "diskState": "Attached"},
}


def machine(desk: Desk) -> dict[str, Any]:
    body = desk.machine(desk.nic("nic1"), key=True)
    profile = body["properties"]["osProfile"]
    profile.update(adminPassword=PASSWORD, customData="", secrets=[], allowExtensionOperations=True)
    profile["linuxConfiguration"]["patchSettings"] = {"patchMode": "AutomaticByPlatform"}
    body["properties"]["storageProfile"]["dataDisks"] = [
        {"lun": 0, "name": "data", "createOption": "Empty", "diskSizeGB": 8, "managedDisk": {}, "caching": "None"}
    ]
    return {**body, "zones": [], "id": "/x", "name": "x", "type": "x", "etag": "x", "resources": []}


@settings(max_examples=60, deadline=None, database=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
async def test_a_broken_body_never_breaks_the_sandbox(tmp_path_factory: Any, data: st.DataObject) -> None:
    folder: Path = tmp_path_factory.mktemp("desk")
    desk = Desk(folder)
    try:
        joined = await desk.availability_set()
        await desk.put(VM, "old", body=desk.machine(desk.nic("old-nic"), availability_set=joined))
        type_, names, body = data.draw(
            st.sampled_from(
                (
                    (VM, ("vm1",), machine(desk)),
                    (VM, ("old",), desk.machine(desk.id("Microsoft.Network/networkInterfaces", "old-nic"))),
                    (f"{VM}/extensions", ("old", "enablevmaccess"), EXTENSION),
                    ("Microsoft.Compute/availabilitySets", ("web-as",), SET),
                    ("Microsoft.Compute/disks", ("own",), DISK),
                )
            )
        )
        path = data.draw(st.sampled_from(places(body)))
        broken = put(body, path, data.draw(JUNK))
        before = {document.id for document in desk.store}
        call = desk.call(data.draw(st.sampled_from(("PUT", "PATCH"))), type_, *names, body=broken)
        existing = desk.store.get(call.id)
        write = lifecycle.put if existing is None or call.method == "PUT" else lifecycle.patch
        refused = False
        with contextlib.suppress(ArmError):
            refused = True
            await write(desk.kind(type_), call, existing)  # type: ignore[arg-type]
            refused = False
        if refused:
            assert {document.id for document in desk.store} == before
            return
        await desk.settled(call.id)
        failure = desk.failure(call.id)
        assert failure is None or failure["code"] != "InternalServerError"
        for document in desk.store:
            if document.type.startswith("Microsoft.Compute"):
                names = ids.parse(document.id).names
                asked = desk.call("GET", document.type, *names, expand="instanceView")
                shown = desk.kind(document.type).show(document, asked)
                assert (shown["id"], shown["name"], shown["type"]) == (document.id, document.name, document.type)
    finally:
        await desk.close()
