"""Preflight of zones, disks, encryption at host, images of one's own and the disks' layout: a plan that breaks each."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.preflight.conftest import Checked, changed
from tests.preflight.test_preflight import only, put, put_group
from wizard import blueprint, ids, preflight
from wizard.azure.clients import Azure
from wizard.blueprint.resource import Resource
from wizard.errors import Problem
from wizard.plan import choices
from wizard.plan.choices import CLOUDS
from wizard.plan.model import Plan
from wizard.preflight import layout, size
from wizard.preflight.facts import Facts

ACCOUNT_PER_VM = {"storage": {"layout": "account-per-vm"}, "diagnostics": {"storage_account": True}}


def zoned(plan: Plan, **more: Any) -> Plan:
    machines = {"placement": "zones", **more.pop("machines", {})}
    return changed(plan, machines=machines, **more)


async def test_zones_that_the_region_and_the_size_have(plan: Plan, checked: Checked):
    assert await checked(zoned(plan, machines={"count": 3})) == []


async def test_a_region_without_zones(plan: Plan, checked: Checked):
    problem = only(await checked(zoned(plan, location="westus")))
    assert (problem.field, problem.what) == ("machines.placement", "westus has no availability zones.")


async def test_a_zone_that_the_size_misses_names_those_it_has(plan: Plan, checked: Checked):
    # An Arm size, whose other problem is the image.
    there = {"size": "Standard_D2ps_v6", "count": 3}
    problems = await checked(zoned(plan, location="francecentral", machines=there))
    problem = only([one for one in problems if one.field == "machines.zones"])
    assert problem.what == "Standard_D2ps_v6 is not offered in zone 3 of francecentral."
    assert problem.remedy == 'Write zones = ["1", "2"], or take another size.'
    problems = await checked(zoned(plan, location="francecentral", machines={**there, "zones": ["1", "2"]}))
    assert [one for one in problems if one.field == "machines.zones"] == []


async def test_more_data_disks_than_the_size_takes(plan: Plan, checked: Checked):
    disks = [{"size_gb": 8}] * 5
    problem = only(await checked(changed(plan, machines={"data_disks": disks})))
    assert (problem.field, problem.why) == ("machines.data_disks", "Its SKU says MaxDataDiskCount: 4.")
    assert await checked(changed(plan, machines={"data_disks": disks[:4]})) == []


@pytest.mark.parametrize(
    ("capability", "machines", "field"),
    [
        ("PremiumIO", {"data_disks": [{"size_gb": 8}], "os_disk": "StandardSSD_LRS"}, "machines.data_disks"),
        ("PremiumIO", {}, "machines.os_disk"),
        ("EncryptionAtHostSupported", {"encryption_at_host": True}, "machines.encryption_at_host"),
    ],
)
async def test_a_size_that_lacks_it(
    plan: Plan, azure: Azure, monkeypatch: pytest.MonkeyPatch, *, capability: str, machines: Any, field: str
):
    """Every size of the sandbox has these; here the region's answer says that this one has not."""
    lacking = changed(plan, machines=machines)

    async def judged() -> list[Problem]:
        facts = Facts(lacking, blueprint.build(lacking, azure.subscription_id), azure)
        try:
            return await size.check(facts)
        finally:
            await facts.close()

    assert await judged() == []
    told = Facts.size

    async def without(facts: Facts) -> dict[str, Any] | None:
        sku = await told(facts)
        assert sku is not None
        listed = sku["capabilities"]
        assert any(each["name"] == capability for each in listed)
        return {**sku, "capabilities": [{**e, "value": "False"} if e["name"] == capability else e for e in listed]}

    monkeypatch.setattr(Facts, "size", without)
    assert only(await judged()).field == field


async def image(azure: Azure, group: str, name: str, location: str, os: str) -> str:
    blob = {"osType": os, "osState": "Generalized", "blobUri": f"https://own.blob.core.windows.net/vhds/{name}.vhd"}
    body = {"properties": {"hyperVGeneration": "V2", "storageProfile": {"osDisk": blob}}, "location": location}
    return await put(azure, group, "Microsoft.Compute/images", name, body)


async def test_an_image_of_ones_own(plan: Plan, checked: Checked, azure: Azure, group_name: str):
    group = f"{group_name}-images"
    await put_group(azure, group)
    good = await image(azure, group, "good", "westeurope", "Linux")
    away = await image(azure, group, "away", "northeurope", "Linux")
    windows = await image(azure, group, "windows", "westeurope", "Windows")

    async def errors(id: str) -> list[Problem]:
        found = await checked(changed(plan, machines={"image": id}))
        assert all(problem.field == "machines.image" for problem in found)
        return [problem for problem in found if problem.severity == "error"]

    assert await errors(good) == []
    assert only(await errors(away)).what == "The image away is in northeurope, and the machines in westeurope."
    assert only(await errors(windows)).remedy == 'Write os = "windows", or choose another image.'
    nothing = ids.resource_id(azure.subscription_id, group, "Microsoft.Compute/images", "nothing")
    assert only(await errors(nothing)).what == "There is no image nothing."


async def nested(azure: Azure, group: str, type: str, names: tuple[str, ...], body: dict[str, Any]) -> str:
    """Write what lies in a gallery, and wait for it."""
    made = ids.resource_id(azure.subscription_id, group, type, *names)
    if operation := await azure.begin_put(Resource(made, type, names[-1], body), body):
        await operation.result()
    return made


async def test_an_image_in_a_gallery(plan: Plan, checked: Checked, azure: Azure, group_name: str):
    group = f"{group_name}-gallery"
    await put_group(azure, group)
    source = await image(azure, group, "source", "westeurope", "Linux")
    here = {"location": "westeurope"}
    await put(azure, group, "Microsoft.Compute/galleries", "mine", here)

    async def version(name: str, state: str, security: str, *regions: str, number: str = "1.0.0", **more: Any) -> str:
        told = {"osType": "Linux", "osState": state, "hyperVGeneration": "V2"}
        inner = {
            "identifier": {"publisher": "p", "offer": "o", "sku": name},
            "features": [{"name": "SecurityType", "value": security}],
        }
        kind = "Microsoft.Compute/galleries/images"
        await nested(azure, group, kind, ("mine", name), {**here, "properties": {**told, **inner}})
        copies = {"targetRegions": [{"name": region} for region in regions]}
        made = {"storageProfile": {"source": {"id": source}}, "publishingProfile": {**copies, **more}}
        inside = {"location": regions[0], "properties": made}
        return await nested(azure, group, f"{kind}/versions", ("mine", name, number), inside)

    async def errors(id: str) -> list[str]:
        found = await checked(changed(plan, machines={"image": id}))
        assert all(problem.field == "machines.image" for problem in found)
        return [problem.what for problem in found if problem.severity == "error"]

    def trusted(id: str) -> Plan:
        return changed(plan, machines={"image": id, "security_type": "trusted-launch"})

    supported = "TrustedLaunchSupported"
    good = await version("good", "Generalized", supported, "West Europe", "northeurope")
    assert await errors(good) == []
    away = await version("away", "Generalized", supported, "northeurope")
    assert await errors(away) == ["The image away 1.0.0 is not in westeurope."]
    only_trusted = await version("trusted", "Generalized", "TrustedLaunch", "westeurope")
    assert await errors(only_trusted) == ["The image trusted 1.0.0 is for machines with TrustedLaunch only."]
    standard = await version("standard", "Generalized", "None", "westeurope")
    asked = [await checked(trusted(each)) for each in (good, only_trusted, standard)]
    errors_of = [[each for each in found if each.severity == "error"] for found in asked]
    assert errors_of[:2] == [[], []]
    refused = only(errors_of[2])
    assert (refused.field, "makes no machines with Trusted Launch" in refused.what) == ("machines.security_type", True)
    special = await version("special", "Specialized", supported, "westeurope")
    assert await errors(special) == ["The image special 1.0.0 is specialized."]
    assert await errors(good.replace("1.0.0", "2.0.0")) == ["There is no image good 2.0.0."]

    async def errors_of_the_latest(name: str) -> list[str]:
        return await errors(good.rpartition("/versions/")[0].replace("/good", f"/{name}"))

    await version("good", "Generalized", supported, "northeurope", number="1.10.0")
    assert await errors_of_the_latest("good") == [], "the region has an older one"
    assert await errors_of_the_latest("nothing") == ["There is no image nothing."]
    nowhere = "has no version in westeurope that is taken as the latest."
    assert await errors_of_the_latest("away") == [f"The image away {nowhere}"]
    await version("held-back", "Generalized", supported, "westeurope", excludeFromLatest=True)
    assert await errors_of_the_latest("held-back") == [f"The image held-back {nowhere}"]
    assert await errors_of_the_latest("special") == ["The image special 1.0.0 is specialized."]
    plan = changed(plan, machines={"placement": "scale-set"}, balancer={"nat": "range"})
    assert await errors_of_the_latest("away") == [f"The image away {nowhere}"], "a scale set's image, too"


async def test_unmanaged_disks_where_the_cloud_offers_them(plan: Plan, checked: Checked, azure: Azure):
    laid = changed(plan, **ACCOUNT_PER_VM)
    assert [(problem.field, problem.severity) for problem in await checked(laid)] == [("storage.layout", "warning")]
    azure.cloud = replace(azure.cloud, offers=frozenset())
    graph = blueprint.build(laid, azure.subscription_id)
    facts = Facts(laid, graph, azure)
    assert [(each.field, each.severity) for each in await layout.check(facts)] == [("storage.layout", "error")]
    assert ("storage.layout", "error") in [
        (one.field, one.severity) for one in await preflight.check(laid, graph, azure)
    ]


async def test_the_name_of_an_account_that_somebody_has(plan: Plan, checked: Checked, azure: Azure, group_name: str):
    laid = changed(plan, **ACCOUNT_PER_VM)
    graph = blueprint.build(laid, azure.subscription_id)
    account = next(one for one in graph.of_type("Microsoft.Storage/storageAccounts") if one.name.startswith("vhd"))
    other = f"{group_name}-other"
    await put_group(azure, other)
    await put(azure, other, account.type, account.name, dict(account.body))
    problem = only([one for one in await checked(laid) if one.severity == "error"])
    assert problem.field == "storage.layout"
    assert account.name in problem.what


def test_plan_and_cloud_agree_on_what_is_offered():
    from wizard.azure import clouds

    for name in (*CLOUDS, "https://management.local.azurestack.external"):
        offered = clouds.UNMANAGED_DISKS in clouds.find(name).offers
        assert offered is choices.cloud_choice(name).unmanaged_disks, name
