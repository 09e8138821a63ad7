"""The graph: in order, without an edge too many, the same every time, and what a plan asks for."""

from __future__ import annotations

import base64
import ipaddress
import json
import re
import time
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from tests.plan.strategies import ED25519, plans
from wizard import blueprint, ids
from wizard.blueprint import names, windows
from wizard.blueprint.resource import OWNER_TAG, Blueprint, Resource
from wizard.deploy import ownership
from wizard.plan.addresses import is_tag
from wizard.plan.files import PlanProblems
from wizard.plan.model import (
    Auth,
    Balancer,
    Machines,
    Nat,
    Network,
    OsType,
    Outbound,
    Plan,
    ProbeProtocol,
)

SUBSCRIPTION = "00000000-0000-0000-0000-000000000001"
DEFAULT = Plan(machines=Machines(ssh_key=ED25519))
every_plan = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))


def build(plan: Plan) -> Blueprint:
    return blueprint.build(plan, SUBSCRIPTION)


def references(resource: Resource) -> set[str]:
    """Every id of the deployment that a body names and that is not the resource's own or inside it."""
    text = json.dumps(dict(resource.body))
    found = {ids.key(match) for match in re.findall(r'"(/subscriptions/[^"]+)"', text)}
    here = ids.key(f"/subscriptions/{SUBSCRIPTION}/")
    return {each for each in found if each.startswith(here) and not each.startswith(ids.key(resource.id))}


def hangs_on(resource: Resource) -> str:
    """The id of what an extension resource hangs on: it has no tags, so whose it is shows there alone; else ""."""
    extension = ownership.is_extension({"id": resource.id})
    return resource.id[: resource.id.rindex("/providers/")] if extension else ""


def extension_before(graph: Blueprint, resource: Resource) -> str:
    """Of an extension, what its machine works on before it: another one, or the machine itself; else ""."""
    if resource.type != names.EXTENSION:
        return ""
    machine = resource.id.rsplit("/", 2)[0]
    own = [one.id for one in graph.of_type(names.EXTENSION) if one.id.startswith(f"{machine}/")]
    return [machine, *own][own.index(resource.id)]


def accounts(graph: Blueprint, resource: Resource) -> set[str]:
    """The storage accounts whose endpoints a body names."""
    names = set(re.findall(r"https://([a-z0-9]+)\.blob\.", json.dumps(dict(resource.body))))
    return {each.id for each in graph.of_type("Microsoft.Storage/storageAccounts") if each.name in names}


def owner(graph: Blueprint, id: str) -> str:
    """The resource an id is, or lies in."""
    return max((each.id for each in graph if (id + "/").startswith(ids.key(each.id) + "/")), key=len)


def ancestors(graph: Blueprint, id: str) -> set[str]:
    found: set[str] = set()
    waiting = list(graph[id].after)
    while waiting:
        if (each := waiting.pop()) not in found:
            found.add(each)
            waiting.extend(graph[each].after)
    return found


@every_plan
@given(plan=plans(most=5))
def test_each_resource_stands_after_what_it_waits_for(plan: Plan) -> None:
    graph = build(plan)
    group = ids.group_id(SUBSCRIPTION, plan.name)
    assert (graph.resources[0].id == group) is not plan.existing_group
    assert (group in graph) is not plan.existing_group
    seen: set[str] = set()
    for resource in graph:
        assert set(resource.after) <= seen
        assert resource.id not in seen
        seen.add(resource.id)


@every_plan
@given(plan=plans(most=5))
def test_the_edges_are_those_azure_needs_and_no_more(plan: Plan) -> None:
    graph = build(plan)
    group = {ids.group_id(SUBSCRIPTION, plan.name)} if not plan.existing_group else set()
    for resource in graph.resources[len(group) :]:
        if resource.type == names.LOCK:  # what fails half-way must not be locked
            assert set(resource.after) == {each.id for each in graph} - group - {resource.id}
            continue
        needed = {owner(graph, each) for each in references(resource)} | group | accounts(graph, resource)
        needed |= {parent} if (parent := hangs_on(resource)) else set()
        needed |= {before} if (before := extension_before(graph, resource)) else set()
        reachable = ancestors(graph, resource.id)
        assert needed <= reachable, f"{resource.name} does not wait for something it refers to"
        for edge in resource.after:
            assert edge in needed, f"{resource.name} waits for {edge} without a reason"
            others = {each for other in resource.after if other != edge for each in ancestors(graph, other)}
            assert edge not in others, f"{resource.name} waits for {edge} twice over"


@every_plan
@given(plan=plans(most=5))
def test_every_vm_waits_for_the_way_out(plan: Plan) -> None:
    graph = build(plan)
    (balancer,), (vnet,) = graph.of_type(names.BALANCER), graph.of_type(names.VNET)
    (subnet,) = vnet.body["properties"]["subnets"]
    assert subnet["properties"]["defaultOutboundAccess"] is False
    gateways, rules = graph.of_type(names.NAT_GATEWAY), balancer.body["properties"].get("outboundRules", [])
    assert bool(gateways) is (plan.network.outbound is Outbound.NAT_GATEWAY)
    assert bool(rules) is (plan.network.outbound is Outbound.OUTBOUND_RULE)
    assert ("natGateway" in subnet["properties"]) is bool(gateways)
    for vm in graph.of_type(names.VM):
        assert {each.id for each in (*gateways, balancer)} <= ancestors(graph, vm.id)


@every_plan
@given(plan=plans(most=5))
def test_the_same_plan_makes_the_same_graph(plan: Plan) -> None:
    once, again = build(plan), build(plan.model_copy(deep=True))
    assert once == again
    assert json.dumps([dict(resource.body) for resource in once]) == json.dumps([dict(r.body) for r in again])


@every_plan
@given(plan=plans(most=5))
def test_everything_is_tagged_and_in_its_region(plan: Plan) -> None:
    graph = build(plan)
    for resource in graph:
        if parent := hangs_on(resource):
            assert not {"tags", "location"} & set(resource.body), "Azure refuses them there"
            assert ownership.owned({"id": resource.id}, plan.name)
            assert graph[parent].body["tags"][OWNER_TAG] == plan.name, "nobody else's is written on"
            continue
        assert resource.body["tags"] == {**plan.tags, OWNER_TAG: plan.name}
        assert resource.body["location"] == plan.location


@every_plan
@given(plan=plans(most=5))
def test_names_are_legal_and_ids_agree_with_them(plan: Plan) -> None:
    for resource in build(plan):
        parsed = ids.parse(resource.id)
        assert (parsed.subscription, parsed.group) == (SUBSCRIPTION, plan.name)
        assert (parsed.type, parsed.name) == (resource.type, resource.name)
        if resource.type == names.GROUP:
            continue
        most = 64 if resource.type in (names.VNET, names.VM) else 80
        assert re.fullmatch(rf"[A-Za-z0-9][A-Za-z0-9-]{{0,{most - 2}}}[A-Za-z0-9]", resource.name)


@every_plan
@given(plan=plans(most=5))
def test_a_nic_is_born_in_the_pool_and_its_own_nat_rule(plan: Plan) -> None:
    graph = build(plan)
    (balancer,) = graph.of_type(names.BALANCER)
    properties = balancer.body["properties"]
    rules = {rule["name"]: rule["properties"] for rule in properties["inboundNatRules"]}
    ranged = plan.balancer.nat is Nat.RANGE
    assert len(rules) == (1 if ranged else plan.machines.count)
    first, size = plan.balancer.nat_first_port, plan.balancer.nat_range
    if ranged:
        assert (rules["ssh"]["frontendPortRangeStart"], rules["ssh"]["frontendPortRangeEnd"]) == (
            first,
            first + size - 1,
        )
    for number, (vm, nic) in enumerate(zip(plan.vm_names, graph.of_type(names.NIC), strict=True)):
        (configuration,) = nic.body["properties"]["ipConfigurations"]
        inside = configuration["properties"]
        assert ("loadBalancerInboundNatRules" in inside) is not ranged
        if not ranged:
            assert rules[f"ssh-{vm}"]["frontendPort"] == first + number
            assert rules[f"ssh-{vm}"]["backendPort"] == 22
            assert inside["loadBalancerInboundNatRules"] == [{"id": f"{balancer.id}/inboundNatRules/ssh-{vm}"}]
        assert inside["loadBalancerBackendAddressPools"] == [
            {"id": f"{balancer.id}/backendAddressPools/{properties['backendAddressPools'][0]['name']}"}
        ]
        assert "publicIPAddress" not in inside
    ports = [rule["properties"]["frontendPort"] for rule in properties["loadBalancingRules"]]
    for rule in rules.values():
        ports += range(first, first + size) if ranged else [rule["frontendPort"]]
    assert len(set(ports)) == len(ports)


@every_plan
@given(plan=plans(most=2))
def test_the_nsg_lets_in_whom_the_plan_names_and_nobody_else(plan: Plan) -> None:
    (nsg,) = build(plan).of_type(names.NSG)
    written = nsg.body["properties"]["securityRules"]
    inbound = [rule["properties"]["priority"] for rule in written if rule["properties"]["direction"] == "Inbound"]
    assert min(inbound) == 100
    assert len(set(inbound)) == len(inbound)
    assert max(inbound) <= 4096
    own = {rule.name for rule in plan.network.rules}
    assert own <= {rule["name"] for rule in written}
    rules = [rule["properties"] for rule in written if rule["name"] not in own]
    for port, entries in ((plan.balancer.backend_port, plan.network.allow_http), (22, plan.network.allow_admin)):
        mine = [rule for rule in rules if rule["destinationPortRange"] == str(port)]
        assert all(
            rule["access"] == "Allow" and rule["destinationAddressPrefix"] == plan.network.subnet for rule in mine
        )
        prefixes: list[str] = []
        for rule in mine:
            assert ("sourceAddressPrefix" in rule) != ("sourceAddressPrefixes" in rule)
            several = rule.get("sourceAddressPrefixes", [])
            assert not any(is_tag(each) for each in several), "a tag stands alone"
            networks = [ipaddress.IPv4Network(each) for each in several]
            assert not any(a.overlaps(b) for i, a in enumerate(networks) for b in networks[:i])
            prefixes += several or [rule["sourceAddressPrefix"]]
        assert {each.lower() for each in prefixes if is_tag(each)} == {each.lower() for each in entries if is_tag(each)}
        assert _covered(prefixes) == _covered(entries)


def _covered(entries: Any) -> list[ipaddress.IPv4Network]:
    return list(ipaddress.collapse_addresses(ipaddress.IPv4Network(each) for each in entries if not is_tag(each)))


def test_the_nsg_of_the_default_plan() -> None:
    (nsg,) = build(DEFAULT).of_type(names.NSG)
    shown = [
        (
            rule["name"],
            rule["properties"]["priority"],
            rule["properties"]["sourceAddressPrefix"],
            rule["properties"]["destinationPortRange"],
        )
        for rule in nsg.body["properties"]["securityRules"]
    ]
    assert shown == [("allow-http", 100, "Internet", "80"), ("allow-ssh", 110, "127.0.0.1/32", "22")]


def test_tags_and_ranges_go_into_rules_of_their_own() -> None:
    network = Network(allow_http=("Internet", "192.0.2.1", "192.0.2.0/24", "internet", "198.51.100.0/24", "AzureCloud"))
    (nsg,) = build(DEFAULT.model_copy(update={"network": network})).of_type(names.NSG)
    rules = {rule["name"]: rule["properties"] for rule in nsg.body["properties"]["securityRules"]}
    assert list(rules) == ["allow-http", "allow-http-2", "allow-http-3", "allow-ssh"]
    assert rules["allow-http"]["sourceAddressPrefixes"] == ["192.0.2.0/24", "198.51.100.0/24"]
    assert rules["allow-http-3"]["sourceAddressPrefix"] == "AzureCloud"


@every_plan
@given(plan=plans(most=2))
def test_the_probe_asks_what_the_plan_says(plan: Plan) -> None:
    (balancer,) = build(plan).of_type(names.BALANCER)
    (probe,) = balancer.body["properties"]["probes"]
    inside = probe["properties"]
    assert (inside["port"], inside["intervalInSeconds"]) == (plan.balancer.backend_port, plan.balancer.probe_interval_s)
    if plan.balancer.probe_protocol is ProbeProtocol.HTTP:
        assert (inside["protocol"], inside["requestPath"]) == ("Http", plan.balancer.probe_path)
    else:
        assert inside["protocol"] == "Tcp"
        assert "requestPath" not in inside


@every_plan
@given(plan=plans(most=2))
def test_no_body_holds_a_secret_and_a_password_plan_says_where_it_goes(plan: Plan) -> None:
    for resource in build(plan):
        assert {key for key in _keys(resource.body) if re.search("password|secret|protected", key, re.IGNORECASE)} <= {
            "disablePasswordAuthentication"
        }
        by_password = plan.machines.auth is Auth.PASSWORD
        if resource.type == names.VM and by_password:
            assert resource.secrets == ((("properties", "osProfile", "adminPassword"), "password"),)
        else:
            assert resource.secrets == ()
    for vm in build(plan).of_type(names.VM):
        linux = vm.body["properties"]["osProfile"]["linuxConfiguration"]
        assert linux["disablePasswordAuthentication"] is not by_password
        assert ("ssh" in linux) is not by_password


def _keys(value: Any) -> Iterator[str]:
    for key, item in value.items() if isinstance(value, Mapping) else ():
        if key != "tags":
            yield key
            yield from _keys(item)
    for item in value if isinstance(value, list) else ():
        yield from _keys(item)


def test_a_vm_of_the_default_plan() -> None:
    vm = build(DEFAULT).of_type(names.VM)[1]
    inside = vm.body["properties"]
    assert inside["osProfile"]["computerName"] == "ra-multi-vm2"
    assert inside["securityProfile"]["securityType"] == "TrustedLaunch"
    assert inside["storageProfile"]["osDisk"]["deleteOption"] == "Delete"
    assert inside["networkProfile"]["networkInterfaces"][0]["properties"]["deleteOption"] == "Delete"
    assert inside["diagnosticsProfile"] == {"bootDiagnostics": {"enabled": True}}
    assert inside["osProfile"]["linuxConfiguration"]["ssh"]["publicKeys"][0]["keyData"] == ED25519


def test_debian_is_not_asked_to_be_patched_by_azure() -> None:
    machines = DEFAULT.machines.model_copy(update={"image": "debian-12"})
    (vm, _other) = build(DEFAULT.model_copy(update={"machines": machines})).of_type(names.VM)
    patching = vm.body["properties"]["osProfile"]["linuxConfiguration"]["patchSettings"]
    assert set(patching.values()) == {"ImageDefault"}


WINDOWS = Plan(
    machines=Machines(os=OsType.WINDOWS, image="windows-2022", auth=Auth.PASSWORD),
    balancer=Balancer(probe_path="/health/live.txt?full=1", backend_port=8080),
)


def test_a_windows_machine_has_a_password_and_no_custom_data() -> None:
    for image, mode in (("windows-2022", "AutomaticByPlatform"), ("windows-2025", "AutomaticByPlatform")):
        machines = WINDOWS.machines.model_copy(update={"image": image})
        vm = build(WINDOWS.model_copy(update={"machines": machines})).of_type(names.VM)[0]
        profile = vm.body["properties"]["osProfile"]
        assert set(profile) == {"computerName", "adminUsername", "windowsConfiguration"}
        assert set(profile["windowsConfiguration"]["patchSettings"].values()) == {mode}
        assert [kind for _path, kind in vm.secrets] == ["password"]


def test_behind_each_windows_machine_comes_its_page() -> None:
    graph = build(WINDOWS)
    first, second = graph.of_type(names.EXTENSION)
    assert (first.name, first.after) == ("ra-multi-vm1-page", (graph.of_type(names.VM)[0].id,))
    assert first.id == f"{graph.of_type(names.VM)[0].id}/extensions/ra-multi-vm1-page"
    assert second.body == first.body, "it asks the machine for its name"
    line = first.body["properties"]["settings"]["commandToExecute"]
    assert len(line) <= 8191
    script = base64.b64decode(line.split()[-1]).decode("utf-16-le")
    assert 'New-Item -ItemType Directory -Force -Path "$root\\health" | Out-Null' in script
    assert "Set-Content -Path \"$root\\health\\live.txt\" -Value 'ok'" in script
    assert "-PropertyName Port -Value 8080" in script
    assert "-LocalPort 8080 -Action Allow" in script
    assert "@" not in script.replace("@'", "").replace("'@", ""), "everything is filled in"
    plain = WINDOWS.model_copy(update={"balancer": Balancer()})
    assert "WebBinding" not in windows.page_script(plain)
    nothing = WINDOWS.model_copy(update={"machines": WINDOWS.machines.model_copy(update={"workload": "none"})})
    assert build(nothing).of_type(names.EXTENSION) == ()


def test_windows_is_signed_in_to_by_remote_desktop() -> None:
    graph = build(WINDOWS)
    (balancer,) = graph.of_type(names.BALANCER)
    rules = balancer.body["properties"]["inboundNatRules"]
    ports = [(rule["properties"]["frontendPort"], rule["properties"]["backendPort"]) for rule in rules]
    assert ports == [(50001, 3389), (50002, 3389)]
    assert [rule["name"] for rule in rules] == ["rdp-ra-multi-vm1", "rdp-ra-multi-vm2"]
    (group,) = graph.of_type(names.NSG)
    rules = group.body["properties"]["securityRules"]
    opened = {rule["name"]: rule["properties"]["destinationPortRange"] for rule in rules}
    assert opened == {"allow-http": "8080", "allow-rdp": "3389"}


def test_two_hundred_machines_are_planned_in_a_moment() -> None:
    plan = DEFAULT.model_copy(update={"machines": DEFAULT.machines.model_copy(update={"count": 200})})
    build(plan)
    began = time.process_time()
    graph = build(plan)
    assert len(graph) == 8 + 2 * 200
    assert time.process_time() - began < 1.0  # measured: 0.02 s
    began = time.process_time()
    sorter = graph.sorter()
    assert len(list(sorter.static_order())) == len(graph)
    assert time.process_time() - began < 1.0


def test_what_does_not_deploy_yet_is_not_built() -> None:
    gallery = "/communityGalleries/mine/images/a/versions/latest"
    machines = DEFAULT.machines.model_copy(update={"image": gallery})
    with pytest.raises(PlanProblems) as raised:
        build(DEFAULT.model_copy(update={"machines": machines}))
    assert raised.value.what == "The plan ra-multi-vm-rg cannot be deployed."
    assert [problem.field for problem in raised.value.problems] == ["machines.image"]
