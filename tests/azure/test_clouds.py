"""A Cloud is data: what each name stands for, and what a custom endpoint tells of itself."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

import pytest
from azure.core import AzureClouds
from azure.identity import AzureAuthorityHosts
from azure.mgmt.core.tools import get_arm_endpoints

from tests.azure.scripted import Scripted
from wizard.azure import clouds, loopback
from wizard.errors import InputError, UnreachableError


@pytest.mark.parametrize(
    ("name", "sdk", "authority"),
    [
        ("public", AzureClouds.AZURE_PUBLIC_CLOUD, AzureAuthorityHosts.AZURE_PUBLIC_CLOUD),
        ("usgov", AzureClouds.AZURE_US_GOVERNMENT, AzureAuthorityHosts.AZURE_GOVERNMENT),
        ("china", AzureClouds.AZURE_CHINA_CLOUD, AzureAuthorityHosts.AZURE_CHINA),
    ],
)
def test_azure_clouds_are_as_the_sdk_knows_them(name, sdk, authority):
    cloud = clouds.find(name)
    endpoints = get_arm_endpoints(sdk)
    assert cloud.arm == endpoints["resource_manager"].rstrip("/")
    assert [cloud.scope] == endpoints["credential_scopes"]
    assert cloud.authority == f"https://{authority}"
    assert cloud.poll_floor_s >= 4
    assert cloud.frontend_conflict is None
    assert cloud.start is None


@pytest.mark.parametrize("name", ["publik", "", "ftp://management.azure.com", "http://10.0.0.1"])
def test_other_names_are_refused_with_what_may_be_written(name):
    with pytest.raises(InputError) as caught:
        clouds.find(name)
    assert caught.value.remedy


async def test_a_custom_endpoint_tells_its_authority_and_audience(scripted: Scripted, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(scripted.ca))
    scripted.on(
        "GET /metadata/endpoints",
        {
            "portalEndpoint": "https://portal.local.azurestack.external/",
            "authentication": {
                "loginEndpoint": "https://adfs.local.azurestack.external/adfs",
                "audiences": ["https://management.adfs.azurestack.local/0a1b"],
            },
        },
    )
    found = await clouds.current(clouds.find(scripted.url + "/"))
    assert found.arm == scripted.url
    assert found.authority == "https://adfs.local.azurestack.external"
    assert found.tenant == "adfs"
    assert found.scope == "https://management.adfs.azurestack.local/0a1b/.default"
    assert not found.validate_authority


async def test_a_list_of_clouds_is_searched_for_the_endpoints_own(scripted: Scripted, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(scripted.ca))

    def entry(arm: str, login: str) -> dict[str, object]:
        return {"resourceManager": arm, "authentication": {"loginEndpoint": login, "audiences": ["https://a"]}}

    scripted.on("GET /metadata/endpoints", [entry("https://x", "https://one"), entry(scripted.url, "https://two/")])
    assert (await clouds.current(clouds.find(scripted.url))).authority == "https://two"


async def test_an_endpoint_that_does_not_tell_is_unreachable(scripted: Scripted, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(scripted.ca))
    with pytest.raises(UnreachableError, match="404"):
        await clouds.current(clouds.find(scripted.url))
    assert scripted.seen == ["get /metadata/endpoints"] * len(clouds.METADATA_VERSIONS)
    scripted.on("GET /metadata/endpoints", {"authentication": {}})
    with pytest.raises(UnreachableError, match="no login endpoint"):
        await clouds.current(clouds.find(scripted.url))


async def test_an_untrusted_endpoint_is_never_asked(scripted: Scripted):
    with pytest.raises(UnreachableError, match=r"(?i)certificate"):
        await clouds.current(clouds.find(scripted.url))
    assert scripted.seen == []


async def test_a_sandbox_that_never_ran_is_known_but_unreachable(tmp_path: Path, monkeypatch):
    monkeypatch.setenv("MULTIVM_HOME", str(tmp_path))
    cloud = clouds.find("sandbox")
    assert cloud.start is not None
    with pytest.raises(UnreachableError, match="sandbox start"):
        await clouds.current(cloud)


async def test_the_running_sandbox_is_told_by_its_state(sandbox):
    cloud = clouds.find("sandbox")
    assert cloud.arm == sandbox["arm"].rstrip("/")
    assert cloud.subscription == sandbox["subscription"]
    assert cloud.poll_floor_s == pytest.approx(max(clouds.SHORTEST_POLL_S, clouds.POLL_FLOOR_S / sandbox["speed"]))
    again = await clouds.ensure_running(cloud)
    assert again.arm == cloud.arm


def test_clouds_import_no_sdk():
    code = (
        "import sys, wizard.azure.clouds as clouds; clouds.find('public'); clouds.find('sandbox');"
        " heavy = [name for name in sys.modules if name.split('.')[0] in ('azure', 'aiohttp', 'msal', 'pydantic')];"
        " sys.exit(' '.join(heavy) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_port_that_somebody_listens_on_conflicts():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        assert "listens" in (loopback.conflict("127.0.0.1/32", port) or "")
    assert loopback.conflict("127.0.0.1/32", port) is None
    assert loopback.conflict("", port) is None
