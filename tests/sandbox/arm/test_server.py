"""How ARM answers whatever the resource: who may ask, what a path means, and what is refused."""

from __future__ import annotations

import asyncio
import io
import json
from pathlib import Path

import aiohttp
import pytest

from tests.sandbox.arm import bodies
from tests.sandbox.arm.bodies import NETWORK
from tests.sandbox.arm.conftest import Arm, secret_of


async def test_a_request_without_a_token_is_refused(arm: Arm) -> None:
    arm.token = ""
    answer = await arm("GET", "/resourceGroups", headers={"Authorization": ""})
    assert (answer.status, answer.code) == (401, "AuthenticationFailed")
    assert "authorization_uri=" in answer.headers["WWW-Authenticate"]


async def test_a_forged_token_is_refused(arm: Arm) -> None:
    head, payload, signature = arm.token.split(".")
    arm.token = f"{head}.{payload}.{signature[:-8]}AAAAAAAA"
    answer = await arm("GET", "/resourceGroups")
    assert (answer.status, answer.code) == (401, "InvalidAuthenticationToken")


async def test_another_host_name_and_an_origin_are_refused(arm: Arm) -> None:
    assert (await arm("GET", "/resourceGroups", headers={"Host": "evil.example"})).status == 421
    assert (await arm("GET", "/resourceGroups", headers={"Origin": "https://evil.example"})).status == 403


async def test_the_api_version_is_required_and_any_of_a_type_is_taken(arm: Arm) -> None:
    assert (await arm("GET", "/resourceGroups", version="")).code == "MissingApiVersionParameter"
    assert (await arm("GET", "/resourceGroups", version="latest")).code == "InvalidApiVersionParameter"
    assert (await arm("GET", "/resourceGroups", version="2099-12-31-preview")).status == 200


async def test_unknown_things_are_told_apart(arm: Arm, group: str) -> None:
    other = arm.base.rsplit("/", 1)[0] + "/11111111-1111-1111-1111-111111111111"
    assert (await arm("GET", f"{other}/resourceGroups")).code == "SubscriptionNotFound"
    assert (await arm("GET", "/resourceGroups/nope/resources")).code == "ResourceGroupNotFound"
    assert (await arm("GET", f"{group}/providers/Microsoft.Nope/things/a")).code == "InvalidResourceNamespace"
    assert (await arm("GET", f"{group}{NETWORK}/nopes/a")).code == "InvalidResourceType"
    assert (await arm("GET", f"{group}{NETWORK}/virtualNetworks/vn")).code == "ResourceNotFound"
    assert (await arm("GET", f"{group}{NETWORK}/virtualNetworks/vn/subnets/b")).code == "ParentResourceNotFound"
    assert (await arm("GET", f"{group}{NETWORK}/virtualNetworks/vn/subnets")).code == "ParentResourceNotFound"
    assert (await arm("DELETE", f"{group}{NETWORK}/virtualNetworks/vn/subnets/b")).status == 204
    assert (await arm("PUT", f"/resourceGroups/nope{NETWORK}/virtualNetworks/vn", bodies.vnet())).code == (
        "ResourceGroupNotFound"
    )


async def test_case_and_double_slashes_do_not_matter(arm: Arm, group: str) -> None:
    shown = await arm.put(f"{group}{NETWORK}/networkSecurityGroups/Web-NSG", bodies.nsg())
    name = group.rsplit("/", 1)[1]
    odd = f"//RESOURCEGROUPS/{name.upper()}//providers/MICROSOFT.network/NetworkSecurityGroups/web-nsg/"
    assert (await arm("GET", odd)).body == shown
    again = await arm("PUT", odd, bodies.nsg())
    await arm.done(again)
    assert (again.status, again.body["id"]) == (200, shown["id"])


async def test_a_body_must_be_a_json_object_of_bounded_size(arm: Arm, group: str) -> None:
    path = f"{arm.base}{group}{NETWORK}/virtualNetworks/a?api-version=2024-05-01"
    headers = {"Authorization": f"Bearer {arm.token}", "Content-Type": "application/json"}

    async def send(data: bytes, **changed: str) -> tuple[int, str]:
        async with arm.session.put(path, data=io.BytesIO(data), headers={**headers, **changed}) as response:
            return response.status, (await response.json())["error"]["code"]

    assert await send(b"{") == (400, "InvalidRequestContent")
    assert await send(b"[]") == (400, "InvalidRequestContent")
    assert await send(b"") == (400, "InvalidRequestContent")
    assert await send(b'{"a":' * 100_000) == (400, "InvalidRequestContent")
    assert await send(b"{}", **{"Content-Type": "text/plain"}) == (415, "UnsupportedMediaType")
    assert await send(b" " * (4 * 1024 * 1024 + 1)) == (413, "RequestContentTooLarge")
    assert await send(b"{}") == (400, "LocationRequired")


async def test_locations_are_checked_normalised_and_kept(arm: Arm, group: str) -> None:
    path = f"{group}{NETWORK}/networkSecurityGroups/a"
    assert (await arm("PUT", path, {"location": "atlantis"})).code == "LocationNotAvailableForResourceType"
    assert (await arm.put(path, {"location": "West Europe"}))["location"] == "westeurope"
    answer = await arm("PUT", path, {"location": "northeurope"})
    assert (answer.status, answer.code) == (409, "InvalidResourceLocation")


async def test_etags_guard_writes(arm: Arm, group: str) -> None:
    path = f"{group}{NETWORK}/networkSecurityGroups/a"
    assert (await arm("PUT", path, bodies.nsg(), {"If-Match": "*"})).status == 412
    first = await arm.put(path, bodies.nsg())
    assert (await arm("PUT", path, bodies.nsg(), {"If-None-Match": "*"})).status == 412
    changed = await arm("PUT", path, bodies.nsg(bodies.rule()), {"If-Match": first["etag"]})
    assert changed.status == 200
    await arm.done(changed)
    assert (await arm("PUT", path, bodies.nsg(), {"If-Match": first["etag"]})).status == 412
    now = (await arm("GET", path)).body
    assert now["etag"] != first["etag"]
    assert {item["etag"] for item in now["properties"]["securityRules"]} == {now["etag"]}
    assert (await arm("DELETE", path, headers={"If-Match": first["etag"]})).status == 412


async def test_a_write_while_another_runs_is_refused_and_a_second_delete_joins(arm: Arm, group: str) -> None:
    path = f"{group}{NETWORK}/virtualNetworks/vn"
    accepted = await arm("PUT", path, bodies.vnet())
    assert (accepted.status, accepted.body["properties"]["provisioningState"]) == (201, "Updating")
    clash = await arm("PUT", path, bodies.vnet())
    assert (clash.status, clash.code) == (409, "AnotherOperationInProgress")
    assert (await arm("DELETE", path)).status == 409
    assert (await arm.done(accepted)).body["status"] == "Succeeded"
    deleting = await arm("DELETE", path)
    assert (deleting.status, (await arm("DELETE", path)).status) == (202, 202)
    await arm.done(deleting)
    assert (await arm("DELETE", path)).status == 204


async def test_a_referenced_resource_must_be_provisioned(arm: Arm, group: str) -> None:
    accepted = await arm("PUT", f"{group}{NETWORK}/natGateways/a", bodies.nat_gateway())
    answer = await arm(
        "PUT",
        f"{group}{NETWORK}/virtualNetworks/vn",
        bodies.vnet(bodies.subnet(natGateway={"id": accepted.body["id"]})),
    )
    assert (answer.status, answer.code) == (409, "ReferencedResourceNotProvisioned")
    await arm.done(accepted)


async def test_polling_urls_answer_as_azure_does(arm: Arm, group: str) -> None:
    path = f"{group}{NETWORK}/natGateways/a"
    accepted = await arm("PUT", path, bodies.nat_gateway())
    polled = await arm("GET", accepted.headers["Azure-AsyncOperation"])
    assert (polled.status, polled.body["status"]) == (200, "InProgress")
    # 10 s as Azure says them, at a hundred times its speed: below a second, so only the SDKs' own header has it.
    assert polled.headers["retry-after-ms"] == "100"
    assert "Retry-After" not in polled.headers
    await arm.done(accepted)
    deleting = await arm("DELETE", path)
    assert deleting.status == 202
    assert (await arm("GET", deleting.headers["Location"])).status == 202
    await arm.done(deleting)
    assert (await arm("GET", deleting.headers["Location"])).status == 204
    assert (await arm("GET", f"{NETWORK}/locations/westeurope/operations/nope")).code == "OperationNotFound"


async def test_lists_come_in_pages(arm: Arm, group: str) -> None:
    accepted = [await arm("PUT", f"{group}{NETWORK}/publicIPAddresses/p{n}", bodies.public_ip()) for n in range(5)]
    await asyncio.gather(*map(arm.done, accepted))
    path: str | None = f"{group}{NETWORK}/publicIPAddresses"
    pages = []
    query = {"$top": "2"}
    while path:
        answer = await arm("GET", path, **query)
        pages.append([item["name"] for item in answer.body["value"]])
        path, query = answer.body.get("nextLink"), {}
    assert pages == [["p0", "p1"], ["p2", "p3"], ["p4"]]
    assert (await arm("GET", f"{group}{NETWORK}/publicIPAddresses", **{"$top": "many"})).status == 400


async def test_unregistered_providers_refuse_until_registered(arm: Arm, group: str) -> None:
    path = "/providers/Microsoft.Insights"
    assert (await arm("POST", f"{path}/unregister")).body["registrationState"] == "NotRegistered"
    assert (await arm("POST", f"{path}/register")).body["registrationState"] == "Registered"
    await arm.put(f"{group}{NETWORK}/networkSecurityGroups/a", bodies.nsg())
    assert (await arm("POST", f"{NETWORK}/unregister")).code == "CannotUnregisterProvider"
    listed = (await arm("GET", "/providers")).body["value"]
    types = {row["namespace"]: {one["resourceType"] for one in row["resourceTypes"]} for row in listed}
    assert {"loadBalancers", "virtualNetworks/subnets", "locations/usages"} <= types["Microsoft.Network"]


async def test_a_method_that_a_path_lacks_is_refused(arm: Arm, group: str) -> None:
    assert (await arm("POST", "/locations")).status == 405
    await arm.put(f"{group}{NETWORK}/networkSecurityGroups/a", bodies.nsg())
    assert (await arm("POST", f"{group}{NETWORK}/networkSecurityGroups/a/start")).status == 405


def log_of(arm: Arm) -> tuple[str, int]:
    """The request log's text and mode."""
    path = Path(arm.state["requests_log"])
    return path.read_text(), path.stat().st_mode & 0o777


async def test_the_request_log_tells_requests_and_no_secrets(arm: Arm, group: str) -> None:
    await arm("GET", f"{group}{NETWORK}/networkSecurityGroups/nope", sig="signed-and-secret")
    text, mode = log_of(arm)
    lines = [json.loads(line) for line in text.splitlines()]
    last = next(line for line in reversed(lines) if line["path"].endswith("/networkSecurityGroups/nope"))
    assert (last["method"], last["status"]) == ("GET", 404)
    assert last["operation"] == "Microsoft.Network/networkSecurityGroups/read"
    assert mode == 0o600
    for hidden in (secret_of(arm.state), arm.token, "signed-and-secret"):
        assert hidden not in text


async def test_a_silent_connection_does_not_stop_others(arm: Arm) -> None:
    address, port = arm.state["arm"].removeprefix("https://").split(":")
    _reader, writer = await asyncio.open_connection(address, int(port))
    try:
        assert (await arm("GET", "/resourceGroups")).status == 200
    finally:
        writer.close()
        await writer.wait_closed()


async def test_plain_http_is_not_spoken(arm: Arm) -> None:
    with pytest.raises(aiohttp.ClientError):
        await arm.session.get(arm.base.replace("https://", "http://"))


async def test_the_request_log_tells_how_long_operations_take(arm: Arm, group: str) -> None:
    await arm.put(f"{group}{NETWORK}/networkSecurityGroups/timed", bodies.nsg())
    lines = [json.loads(line) for line in log_of(arm)[0].splitlines()]
    write = next(entry for entry in reversed(lines) if entry["method"] == "PUT")
    assert write["operation_s"] == pytest.approx(4 / arm.state["speed"], rel=0.01)
    polls = [entry for entry in lines if entry.get("operation_id") == write["operation_id"] and entry is not write]
    assert {entry["method"] for entry in polls} == {"GET"}
    assert polls[-1]["operation_status"] == "Succeeded"
    assert polls[-1]["operation_s"] >= write["operation_s"]
