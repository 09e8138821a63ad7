"""Storage accounts: what a PUT is answered with, whose a name is, and what Azure no longer makes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.sandbox.compute.desk import Desk
from wizard.sandbox.arm.errors import ArmError
from wizard.sandbox.arm.storage.accounts import ACCOUNT
from wizard.sandbox.arm.storage.provider import Storage

BODY: dict[str, Any] = {
    "location": "westeurope",
    "kind": "StorageV2",
    "sku": {"name": "Standard_LRS"},
    "properties": {"minimumTlsVersion": "TLS1_2", "allowBlobPublicAccess": False, "supportsHttpsTrafficOnly": True},
}


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    made = Desk(tmp_path)
    yield made
    await made.close()


async def test_a_put_is_accepted_with_202_and_polled_by_its_location(desk: Desk) -> None:
    reply = await desk.put(ACCOUNT, "diag0001", body=BODY)
    assert reply.status == 202
    assert "Location" in reply.headers
    assert "Azure-AsyncOperation" not in reply.headers
    shown = desk.show(ACCOUNT, "diag0001")
    assert shown["properties"]["provisioningState"] == "Succeeded"
    assert shown["properties"]["primaryEndpoints"]["blob"].endswith("/blob/diag0001/")
    assert shown["sku"] == {"name": "Standard_LRS", "tier": "Standard"}
    again = await desk.put(ACCOUNT, "diag0001", body={**BODY, "tags": {"a": "b"}})
    assert again.status == 200
    assert desk.show(ACCOUNT, "diag0001")["tags"] == {"a": "b"}
    assert (await desk.delete(ACCOUNT, "diag0001")).status == 200


async def available(desk: Desk, name: str) -> tuple[bool, str]:
    call = desk.call("POST", ACCOUNT, "any", body={"name": name, "type": ACCOUNT})
    body = (await Storage(desk.world).check_name(call)).body
    return body["nameAvailable"], body.get("reason", "")


async def test_a_name_is_one_accounts_in_the_whole_world(desk: Desk) -> None:
    assert await available(desk, "diag0001") == (True, "")
    await desk.put(ACCOUNT, "diag0001", body=BODY)
    assert await available(desk, "diag0001") == (False, "AlreadyExists")
    assert await available(desk, "storage") == (False, "AlreadyExists")
    assert await available(desk, "No-Name") == (False, "AccountNameInvalid")
    with pytest.raises(ArmError) as raised:
        await desk.put(ACCOUNT, "storage", body=BODY)
    assert (raised.value.status, raised.value.code) == (409, "StorageAccountAlreadyTaken")


@pytest.mark.parametrize(
    ("name", "change", "code"),
    [
        ("ab", {}, "AccountNameInvalid"),
        ("a" * 25, {}, "AccountNameInvalid"),
        ("diag0001", {"kind": "Storage"}, "StorageAccountKindRetired"),
        ("diag0001", {"kind": "Disk"}, "InvalidValuesForRequestParameters"),
        ("diag0001", {"sku": {"name": "Basic_LRS"}}, "InvalidValuesForRequestParameters"),
    ],
)
async def test_what_azure_refuses(desk: Desk, name: str, change: dict[str, Any], code: str) -> None:
    with pytest.raises(ArmError) as raised:
        await desk.put(ACCOUNT, name, body={**BODY, **change})
    assert raised.value.code == code
