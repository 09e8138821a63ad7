"""Preflight against a running cloud: a sound plan has no problem, and each fault is told with its field and remedy."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.preflight.conftest import Checked, changed
from wizard import blueprint, ids, preflight
from wizard.azure import clients
from wizard.azure.clients import Azure
from wizard.blueprint.resource import OWNER_TAG, Resource
from wizard.errors import Problem
from wizard.plan import files
from wizard.plan.model import Nat, Placement, Plan
from wizard.preflight import quota
from wizard.preflight.facts import VIRTUAL_MACHINES, Facts

LOCATION = "westeurope"
WORKSPACES = "Microsoft.OperationalInsights/workspaces"


def only(problems: list[Problem]) -> Problem:
    assert len(problems) == 1, problems
    return problems[0]


async def put(azure: Azure, group: str, type: str, name: str, body: dict[str, Any], **tags: str) -> str:
    """Write a resource as somebody else would, and wait for it."""
    resource_id = ids.resource_id(azure.subscription_id, group, type, name)
    document = {"location": LOCATION, "tags": tags, **body}
    if operation := await azure.begin_put(Resource(resource_id, type, name, document), document):
        await operation.result()
    return resource_id


async def put_group(azure: Azure, name: str, **tags: str) -> None:
    group = ids.group_id(azure.subscription_id, name)
    body = {"location": LOCATION, "tags": tags}
    assert await azure.begin_put(Resource(group, "Microsoft.Resources/resourceGroups", name, body), body) is None


def requests(sandbox: dict[str, Any]) -> list[dict[str, Any]]:
    """What the sandbox was asked, in order."""
    return [json.loads(line) for line in Path(sandbox["requests_log"]).read_text().splitlines()]


def owner(plan: Plan) -> dict[str, str]:
    return {OWNER_TAG: plan.name}


async def test_a_sound_plan_has_no_problem(plan: Plan, checked: Checked):
    assert await checked(plan) == []


async def test_what_is_asked_is_asked_once(plan: Plan, checked: Checked, sandbox: dict[str, Any]):
    before = len(requests(sandbox))
    await checked(plan)
    asked = requests(sandbox)[before:]
    paths = [entry["path"].partition("?")[0].lower() for entry in asked if plan.name.lower() in entry["path"].lower()]
    listings = [entry["path"].lower() for entry in asked if entry["path"].lower().partition("?")[0].endswith("/skus")]
    assert len(paths) == len(set(paths))
    assert len(listings) == 1
    assert {entry["method"] for entry in asked} <= {"GET", "POST", "HEAD"}
    assert not [entry for entry in asked if entry["method"] == "POST" and "token" not in entry["path"]]


async def test_a_region_that_does_not_exist_names_the_nearest(plan: Plan, checked: Checked):
    problem = only(await checked(changed(plan, location="weseurope")))
    assert (problem.field, problem.remedy) == ("location", "Did you mean westeurope?")


async def test_a_size_that_is_not_offered_names_near_ones(plan: Plan, checked: Checked):
    problem = only(await checked(changed(plan, machines={"size": "Standard_D2s_v55"})))
    assert problem.field == "machines.size"
    assert "Standard_D2s_v5" in problem.remedy


async def test_a_size_that_is_closed_to_the_subscription_names_others(plan: Plan, checked: Checked):
    problem = only(await checked(changed(plan, location="eastus", machines={"size": "Standard_B2s"})))
    assert problem.field == "machines.size"
    assert "NotAvailableForSubscription" in problem.why
    assert "Standard_" in problem.remedy


async def test_a_size_of_another_architecture_is_refused(plan: Plan, checked: Checked):
    problems = await checked(changed(plan, machines={"size": "Standard_D2ps_v6"}))
    assert any(one.field == "machines.size" and "Arm64" in one.why for one in problems)


@pytest.mark.parametrize("wrong", [{"publisher": "Nobody"}, {"sku": "nosuchsku"}, {"version": "1.2.3"}])
async def test_an_image_that_the_region_lacks(plan: Plan, azure: Azure, wrong: dict[str, str]):
    planned = blueprint.build(plan, azure.subscription_id)
    for machine in planned.of_type("Microsoft.Compute/virtualMachines"):
        machine.body["properties"]["storageProfile"]["imageReference"].update(wrong)
    problem = only(await preflight.check(plan, planned, azure))
    assert problem.field == "machines.image"
    assert "az vm image list --location westeurope" in problem.remedy


async def test_the_image_and_its_size_are_asked_for_a_scale_set_too(plan: Plan, azure: Azure):
    range_of_ports = {"nat": Nat.RANGE, "nat_range": 10}
    machines = {"placement": Placement.SCALE_SET, "size": "Standard_D2ps_v6"}
    of_arm = changed(plan, machines=machines, balancer=range_of_ports)
    problems = await preflight.check(of_arm, blueprint.build(of_arm, azure.subscription_id), azure)
    assert any(one.field == "machines.size" and "Arm64" in one.why for one in problems)
    of_set = changed(plan, machines={"placement": Placement.SCALE_SET}, balancer=range_of_ports)
    planned = blueprint.build(of_set, azure.subscription_id)
    (scale_set,) = planned.of_type("Microsoft.Compute/virtualMachineScaleSets")
    profile = scale_set.body["properties"]["virtualMachineProfile"]
    profile["storageProfile"]["imageReference"]["version"] = "1.2.3"
    assert only(await preflight.check(of_set, planned, azure)).field == "machines.image"


async def test_the_quota_of_family_and_region(plan: Plan, checked: Checked):
    problems = await checked(changed(plan, machines={"count": 200, "size": "Standard_D16s_v5"}))
    assert {one.field for one in problems} == {"machines.size", "machines.count"}
    assert all("3200 vCPUs" in one.what and "limit there is 2000" in one.why for one in problems)


async def test_the_quota_counts_the_machines_of_a_scale_set_and_those_of_it_that_are_there(plan: Plan, azure: Azure):
    machines = {"count": 600, "size": "Standard_D4s_v5", "placement": Placement.SCALE_SET}
    wide = {"address_space": "10.0.0.0/16", "subnet": "10.0.0.0/20"}
    of_set = changed(plan, machines=machines, network=wide, balancer={"nat": Nat.RANGE, "nat_range": 1000})
    planned = blueprint.build(of_set, azure.subscription_id)
    (scale_set,) = planned.of_type("Microsoft.Compute/virtualMachineScaleSets")
    for there, needed in ((0, 2400), (99, 2004), (100, 0)):
        facts = Facts(of_set, planned, azure)
        names = [f"{scale_set.name}_{number:08x}" for number in range(there)]
        vms = [ids.resource_id(azure.subscription_id, of_set.name, VIRTUAL_MACHINES, name) for name in names]
        facts.live = told({ids.key(vm): {"id": vm} for vm in vms})  # type: ignore[method-assign]
        problems = await quota.check(facts)
        await facts.close()
        assert {one.field for one in problems} == ({"machines.size", "machines.count"} if needed else set()), problems
        assert all(f"{needed} vCPUs" in one.what for one in problems)


def told(live: Any) -> Any:
    async def answer() -> Any:
        return live

    return answer


async def test_more_fault_domains_than_the_region_has(plan: Plan, checked: Checked):
    problem = only(await checked(changed(plan, location="swedencentral", machines={"fault_domains": 3})))
    assert (problem.field, problem.remedy) == ("machines.fault_domains", "Write 2.")
    assert await checked(changed(plan, machines={"fault_domains": 3})) == []


async def test_one_machine_is_a_warning(plan: Plan, checked: Checked):
    problem = only(await checked(changed(plan, machines={"count": 1})))
    assert (problem.field, problem.severity) == ("machines.count", "warning")


async def test_somebody_elses_group_is_refused(plan: Plan, checked: Checked, azure: Azure):
    await put_group(azure, plan.name, owner="somebody")
    empty = only(await checked(plan))
    assert empty.field == "name"
    assert "empty" in empty.why
    await put(azure, plan.name, "Microsoft.Compute/availabilitySets", "theirs", {"sku": {"name": "Aligned"}})
    assert "1 resource" in only(await checked(plan)).why


async def test_somebody_elses_resource_in_our_group_is_refused_and_ours_is_not(
    plan: Plan, checked: Checked, azure: Azure
):
    await put_group(azure, plan.name, **owner(plan))
    name = blueprint.build(plan, azure.subscription_id).of_type("Microsoft.Network/networkSecurityGroups")[0].name
    await put(azure, plan.name, "Microsoft.Network/networkSecurityGroups", name, {})
    problem = only(await checked(plan))
    assert problem.field == "prefix"
    assert name in problem.what
    await put(azure, plan.name, "Microsoft.Network/networkSecurityGroups", name, {}, **owner(plan))
    assert await checked(plan) == []


async def test_an_overlapping_network_is_a_warning(plan: Plan, checked: Checked, azure: Azure):
    group = f"{plan.name}-other"
    await put_group(azure, group)
    space = {"properties": {"addressSpace": {"addressPrefixes": ["172.29.0.0/20"]}}}
    await put(azure, group, "Microsoft.Network/virtualNetworks", "theirs", space)
    addresses = {"address_space": "172.29.0.0/16", "subnet": "172.29.1.0/24"}
    problem = only(await checked(changed(plan, network=addresses)))
    assert (problem.field, problem.severity) == ("network.address_space", "warning")
    assert "theirs" in problem.what
    assert (await azure.begin_delete(ids.group_id(azure.subscription_id, group))) is not None


async def test_a_dns_label_that_is_taken(plan: Plan, checked: Checked, azure: Azure):
    label = f"l{os.urandom(4).hex()}"
    labelled = changed(plan, balancer={"dns_label": label})
    assert await checked(labelled) == []
    group = f"{plan.name}-other"
    await put_group(azure, group)
    address = {
        "sku": {"name": "Standard"},
        "properties": {"publicIPAllocationMethod": "Static", "dnsSettings": {"domainNameLabel": label}},
    }
    await put(azure, group, "Microsoft.Network/publicIPAddresses", "theirs", address)
    assert only(await checked(labelled)).field == "balancer.dns_label"


async def test_public_addresses_beyond_the_limit(plan: Plan, azure: Azure):
    facts = Facts(plan, blueprint.build(plan, azure.subscription_id), azure)
    usages = await facts.network_usages()
    names = {usage["name"]["value"].lower() for usage in usages}
    assert {name.lower() for name in quota.NETWORK_USAGES["Microsoft.Network/publicIPAddresses"]} & names
    for usage in usages:
        usage["currentValue"] = usage["limit"]
    problems = await quota.check(facts)
    await facts.close()
    assert any("needs 2 of" in one.what and "0 left" in one.what for one in problems)


async def test_a_port_that_is_taken_names_8080(plan: Plan, azure: Azure):
    with socket.create_server(("0.0.0.0", 0)) as listener:
        taken = changed(plan, balancer={"frontend_port": listener.getsockname()[1]})
        problems = await preflight.check(taken, blueprint.build(taken, azure.subscription_id), azure)
    problem = only(problems)
    assert problem.field == "balancer.frontend_port"
    assert "8080" in problem.remedy


async def test_a_port_that_this_deployment_has_open_is_its_own(plan: Plan, azure: Azure):
    azure.cloud = replace(azure.cloud, frontend_conflict=lambda _port: "Something listens.")
    planned = blueprint.build(plan, azure.subscription_id)
    first_port, *nat_ports = await preflight.check(plan, planned, azure)
    assert first_port.field == "balancer.frontend_port"
    assert [one.field for one in nat_ports] == ["balancer.nat_first_port"] * plan.machines.count
    await put_group(azure, plan.name, **owner(plan))
    for kind in ("Microsoft.Network/publicIPAddresses", "Microsoft.Network/loadBalancers"):
        for resource in planned.of_type(kind):
            await put(azure, plan.name, kind, resource.name, dict(resource.body), **owner(plan))
    assert await preflight.check(plan, planned, azure) == []


async def test_a_cloud_with_addresses_of_its_own_needs_no_port_here(plan: Plan, azure: Azure):
    azure.cloud = replace(azure.cloud, frontend_conflict=None)
    privileged = changed(plan, balancer={"frontend_port": 1})
    assert await preflight.check(privileged, blueprint.build(privileged, azure.subscription_id), azure) == []


async def test_providers_are_offered_and_registered_when_asked(plan: Plan, checked: Checked, azure: Azure):
    await azure.ask(azure.resource.providers.unregister("Microsoft.Insights"))
    try:
        problem = only(await checked(plan))
        assert "Microsoft.Insights" in problem.what
        assert problem.severity == "warning"  # nothing of it is planned
        assert "--register" in problem.remedy
    finally:
        await preflight.register(azure)
    assert await checked(plan) == []


async def test_a_workspace_that_is_not_there_is_told_before_anything_is_written(
    plan: Plan, checked: Checked, azure: Azure
):
    missing = f"/subscriptions/{azure.subscription_id}/resourceGroups/none/providers/{WORKSPACES}/logs"
    wanted = {"health_events": True, "workspace": missing}
    problem = only(await checked(changed(plan, diagnostics=wanted)))
    assert (problem.field, problem.severity) == ("diagnostics.workspace", "error")
    assert await checked(changed(plan, diagnostics={**wanted, "workspace": "new"})) == []


async def test_a_workspace_in_another_region_takes_events_but_no_rule(plan: Plan, checked: Checked, azure: Azure):
    await put_group(azure, "pf-logs")
    body = {"location": "northeurope", "properties": {"sku": {"name": "PerGB2018"}}}
    there = await put(azure, "pf-logs", WORKSPACES, "far-logs", body)
    assert await checked(changed(plan, diagnostics={"metrics": True, "workspace": there})) == []
    problem = only(await checked(changed(plan, diagnostics={"guest_metrics": True, "workspace": there})))
    assert (problem.field, problem.severity) == ("diagnostics.workspace", "error")
    assert "northeurope" in problem.what
    near = await put(azure, "pf-logs", WORKSPACES, "near-logs", {**body, "location": LOCATION})
    assert await checked(changed(plan, diagnostics={"guest_metrics": True, "workspace": near})) == []
    assert (await azure.begin_delete(ids.group_id(azure.subscription_id, "pf-logs"))) is not None


async def test_the_provider_of_workspaces_is_asked_about_where_one_is_made(plan: Plan, checked: Checked, azure: Azure):
    new = changed(plan, diagnostics={"metrics": True, "workspace": "new"})
    await azure.ask(azure.resource.providers.unregister("Microsoft.OperationalInsights"))
    try:
        assert only(await checked(new)).severity == "error"
        assert await checked(plan) == []
    finally:
        await preflight.register(azure, preflight.namespaces(blueprint.build(new, azure.subscription_id)))
    assert await checked(new) == []


async def test_a_subscription_that_is_not_ours(plan: Plan, sandbox_cloud: Any):
    async with clients.connect(sandbox_cloud, "00000000-0000-0000-0000-000000000001") as azure:
        problems = await preflight.check(plan, blueprint.build(plan, azure.subscription_id), azure)
    assert any("not visible" in one.what and one.severity == "error" for one in problems)


def run_command(*arguments: str) -> tuple[int, list[dict[str, Any]], str]:
    command = [sys.executable, "-m", "wizard", "preflight", *arguments, "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    return done.returncode, [json.loads(line) for line in done.stdout.splitlines()], done.stderr


def test_the_command_tells_problems_and_counts_them(plan: Plan, sandbox: dict[str, Any], tmp_path: Path):
    path = tmp_path / "plan.toml"
    files.write(plan, path)
    status, events, _ = run_command(str(path))
    assert (status, events) == (0, [{"event": "checked", "errors": 0, "warnings": 0}])

    files.write(changed(plan, location="westeuropa"), path)
    status, events, _ = run_command(str(path))
    assert status == 1
    assert events[0]["event"] == "problem"
    assert events[0]["field"] == "location"
    assert events[-1] == {"event": "checked", "errors": 1, "warnings": 0}


def test_the_command_refuses_a_broken_plan_as_input(sandbox: dict[str, Any], tmp_path: Path):
    path = tmp_path / "plan.toml"
    path.write_text("version = 1\nnaem = 'x'\n")
    status, events, _ = run_command(str(path))
    assert status == 2
    assert "naem" in {event.get("field") for event in events}


@pytest.mark.parametrize("port", [80])
def test_a_privileged_port_is_told_by_the_system(port: int):
    """Whether this user may open it differs; when not, it is the system's word and not a guess."""
    from wizard.azure.loopback import conflict

    told = conflict("127.99.99.0/24", port)
    with socket.socket() as probe:
        try:
            probe.bind(("127.99.99.254", port))
        except OSError:
            assert told
        else:
            assert told is None
