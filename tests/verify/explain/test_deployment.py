"""A deployment broken on purpose, each time in one way: the cause that is named is the one that was made."""

from __future__ import annotations

import asyncio
import copy
import os
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from tests.verify.stand import PORT, Stand, standing, verified_by
from wizard import blueprint, keys
from wizard.azure import clients, clouds
from wizard.azure.clients import Azure
from wizard.blueprint.resource import Blueprint, Resource
from wizard.deploy import engine, journey, record
from wizard.deploy.secrets import Secrets
from wizard.plan.model import Auth, Balancer, Machines, Network, Plan
from wizard.verify import console, guests, health, machines
from wizard.verify.events import CheckDone
from wizard.verify.explain import Facts, explain, gather
from wizard.verify.hostkeys import HostKeys
from wizard.verify.inside import Inside
from wizard.verify.logins import Credentials

pytestmark = pytest.mark.xdist_group("explain")

NSG = "Microsoft.Network/networkSecurityGroups"
LB = "Microsoft.Network/loadBalancers"
NIC = "Microsoft.Network/networkInterfaces"
VNET = "Microsoft.Network/virtualNetworks"


@pytest.fixture(scope="module")
def stand(sandbox: dict[str, Any]) -> Iterator[Stand]:
    with standing(Auth.SSH_KEY, 4, page=True) as made:
        yield made


@pytest.fixture
def planned(stand: Stand, azure: Azure) -> Blueprint:
    return blueprint.build(stand.plan, azure.subscription_id)


async def put(azure: Azure, resource: Resource, body: dict[str, Any]) -> None:
    operation = await azure.begin_put(resource, body)
    if operation is not None:
        await operation.result()


@asynccontextmanager
async def changed(azure: Azure, resource: Resource, change: Callable[[dict[str, Any]], Any]) -> AsyncIterator[None]:
    """A live document's properties changed, and put back in the end."""
    before = await azure.get(resource.id)
    assert before is not None
    after = copy.deepcopy(before)
    change(after["properties"])
    await put(azure, resource, after)
    try:
        yield
    finally:
        await put(azure, resource, before)


async def explained(
    azure: Azure, planned: Blueprint, failed: Sequence[CheckDone], inside: dict[str, Inside] | None = None
) -> list[CheckDone]:
    """As verification does it, with checks that are said to have failed."""
    vms = machines.of(planned)
    names = {check.target for check in failed}
    facts = await gather.facts(azure, planned, vms, failing=names, target="127.0.0.9", inside=inside or {})
    return [explain(check, facts) for check in failed]


def failed(*checks: str) -> list[CheckDone]:
    return [CheckDone(name, vm, "failed", "it failed") for name, _, vm in (check.partition(" ") for check in checks)]


async def until_down(azure: Azure, planned: Blueprint, vm: str) -> None:
    balancer = planned.of_type(LB)[0]
    until = time.monotonic() + 40
    while (await health.probes(azure, balancer.id, "http", machines.of(planned)))[vm][0]:
        assert time.monotonic() < until


def deny(name: str, priority: int, source: str, port: str) -> dict[str, Any]:
    properties = {"priority": priority, "direction": "Inbound", "access": "Deny", "protocol": "*"}
    properties |= {"sourceAddressPrefix": source, "sourcePortRange": "*"}
    properties |= {"destinationAddressPrefix": "*", "destinationPortRange": port}
    return {"name": name, "properties": properties}


async def test_four_faults_at_once_each_with_its_cause(stand: Stand, planned: Blueprint, azure: Azure) -> None:
    """web1's interface is out of the pool, web2 is stopped, web3 deallocated, web4 has lost its NAT rule."""
    nics, vms = planned.of_type(NIC), azure.compute.virtual_machines

    async def done(call: Any) -> None:
        await azure.ask((await azure.ask(call)).result())

    def without(key: str) -> Callable[[dict[str, Any]], Any]:
        return lambda properties: properties["ipConfigurations"][0]["properties"].pop(key)

    async with (
        changed(azure, nics[0], without("loadBalancerBackendAddressPools")),
        changed(azure, nics[3], without("loadBalancerInboundNatRules")),
        changed(azure, planned.of_type(LB)[0], lambda properties: properties["inboundNatRules"].pop(3)),
    ):
        await asyncio.gather(
            done(vms.begin_power_off(stand.name, "web2")), done(vms.begin_deallocate(stand.name, "web3"))
        )
        try:
            await asyncio.gather(until_down(azure, planned, "web2"), until_down(azure, planned, "web3"))
            _, checks = await verified_by(azure, stand.name, wait_s=0)
        finally:
            await asyncio.gather(*(done(vms.begin_start(stand.name, vm)) for vm in ("web2", "web3")))
    told = {(check.name, check.target): check for check in checks if check.state == "failed"}
    causes = {key: check.cause for key, check in told.items() if check.cause}
    assert causes == {
        ("balancer.pool", "web1"): "not-in-pool",
        ("balancer.probe", "web1"): "not-in-pool",
        ("http.page", "web1"): "not-in-pool",
        ("http.load", f"http://{_address(told)}:{PORT}"): "not-in-pool",
        **{(name, "web2"): "vm-stopped" for name in ("balancer.probe", "http.page", "ssh.hostkey", "vm.uptime")},
        **{(name, "web3"): "vm-deallocated" for name in ("balancer.probe", "http.page", "ssh.hostkey", "vm.uptime")},
        **{(name, "web4"): "nat-rule-missing" for name in ("ssh.hostkey", "ssh.login", "ssh.hostname")},
    }
    load = next(check for (name, _), check in told.items() if name == "http.load").detail
    assert "web2 is stopped" in load
    assert "web3 is deallocated" in load
    assert "its document lists: ssh-web1, ssh-web2, ssh-web3" in told["ssh.login", "web4"].detail
    assert told["http.page", "web3"].remedy == f"Start it: az vm start -g {stand.name} -n web3"
    inside = {(check.name, check.target): check for check in checks if check.name.startswith("vm.")}
    assert inside["vm.neighbour", "web1"].detail.startswith("web4 at 10.0.1."), "the next one that runs"
    assert inside["vm.uptime", "web4"].detail.endswith("asked by Run Command")
    assert inside["vm.uptime", "web1"].detail.endswith("asked by SSH")


def _address(told: dict[tuple[str, str], CheckDone]) -> str:
    return next(target for name, target in told if name == "http.load").removeprefix("http://").partition(":")[0]


async def test_a_rule_above_ours_keeps_this_computer_out(planned: Blueprint, azure: Azure) -> None:
    rules = [deny("no-ssh", 105, "127.0.0.0/8", "20-25")]
    async with changed(azure, planned.of_type(NSG)[0], lambda properties: properties["securityRules"].extend(rules)):
        (check,) = await explained(azure, planned, failed("ssh.hostkey web1"))
    assert check.cause == "nsg-denies"
    assert "denies 127.0.0.1 at port 22 (rule no-ssh (priority 105) of web-nsg" in check.detail
    assert check.remedy.endswith("--nsg-name web-nsg -n no-ssh")
    assert "network.allow_admin" in check.remedy


async def test_a_rule_keeps_the_probe_out_and_the_vms_from_each_other(planned: Blueprint, azure: Azure) -> None:
    rules = [deny("deny-all", 4000, "*", "*")]
    async with changed(azure, planned.of_type(NSG)[0], lambda properties: properties["securityRules"].extend(rules)):
        await until_down(azure, planned, "web1")
        accounts, checks = await asked(azure, planned)
        probe, page = await explained(azure, planned, failed("balancer.probe web1", "http.page web1"), accounts.told)
    assert (probe.cause, page.cause) == ("nsg-denies-probe", "nsg-denies-probe")
    assert "probes come from 168.63.129.16; rule deny-all (priority 4000)" in probe.detail
    assert "AzureLoadBalancer" in probe.remedy
    denied = [check for check in checks if check.name == "vm.denied"]
    assert [check.state for check in denied] == ["passed"] * 4
    assert "does not answer within 3 s, as rule deny-all (priority 4000) of web-nsg wants" in denied[0].detail
    neighbour = next(check for check in checks if check.name == "vm.neighbour")
    assert (neighbour.state, neighbour.detail) == (
        "skipped",
        "rule deny-all (priority 4000) of web-nsg denies it",
    ), "80 is open to the Internet and 22 to this computer, and neither to a neighbour"


async def asked(azure: Azure, planned: Blueprint) -> tuple[guests.Accounts, list[CheckDone]]:
    """The checks from inside, by Run Command."""
    vms = machines.of(planned)
    documents = await gather.network(azure, vms, [planned.of_type(LB)[0].id])
    views = await guests.power_states(azure, vms)
    facts = Facts(vms, planned, documents, views=views)
    folder = record.load(planned.name).folder
    accounts = await guests.ask(
        azure, facts, "page", doors={}, keys=HostKeys(azure, folder), credentials=Credentials({})
    )
    return accounts, list(guests.judge(facts, accounts, "page"))


@pytest.mark.parametrize(
    ("change", "cause", "detail"),
    [
        ({"requestPath": "/wrong"}, "probe-answer", "web1 asked itself, by Run Command: port 80 answers 404"),
        ({"port": 81}, "nobody-listens", "port 81 refuses the connection; the rule leads to port 80"),
    ],
)
async def test_a_probe_that_cannot_succeed(
    planned: Blueprint, azure: Azure, change: dict[str, Any], cause: str, detail: str
) -> None:
    balancer = planned.of_type(LB)[0]
    async with changed(azure, balancer, lambda properties: properties["probes"][0]["properties"].update(change)):
        await until_down(azure, planned, "web1")
        accounts, _ = await asked(azure, planned)
        (check,) = await explained(azure, planned, failed("balancer.probe web1"), accounts.told)
    assert check.cause == cause
    assert detail in check.detail
    assert "balancer." in check.remedy


async def run_on(azure: Azure, stand: Stand, vm: str, script: str) -> str:
    body: Any = {"commandId": "RunShellScript", "script": [script]}
    running = await azure.ask(azure.compute.virtual_machines.begin_run_command(stand.name, vm, body))
    return str((await azure.ask(running.result())).as_dict()["value"][0]["message"])


SITE = "/etc/nginx/sites-enabled/default"


async def test_answers_other_than_200_take_a_vm_out_and_are_told(
    stand: Stand, planned: Blueprint, azure: Azure
) -> None:
    """The application of each VM is really changed: nothing to show, a redirect, a login that is asked for."""
    await until_up(azure, planned)
    answers = {"web1": "return 204", "web2": "return 301 /login", "web3": "return 401"}
    for vm, line in answers.items():
        site = f"server {{ listen 80 default_server; location / {{ {line}; }} }}"
        await run_on(azure, stand, vm, f"cp {SITE} /root/site; echo '{site}' > {SITE}; systemctl reload nginx")
    try:
        for vm in answers:
            await until_down(azure, planned, vm)
        _, checks = await verified_by(azure, stand.name, wait_s=0)
    finally:
        for vm in answers:
            await run_on(azure, stand, vm, f"cp /root/site {SITE}; systemctl reload nginx")
    told = {check.target: check for check in checks if check.name == "balancer.probe" and check.state == "failed"}
    assert {vm: check.cause for vm, check in told.items()} == dict.fromkeys(answers, "probe-answer")
    for vm, line in answers.items():
        assert f"port 80 answers {line.split()[1]}" in told[vm].detail
        assert "exactly 200 counts" in told[vm].detail
        assert "without a login" in told[vm].remedy


async def test_a_tcp_probe_hides_a_dead_application_and_that_is_told(
    stand: Stand, planned: Blueprint, azure: Azure
) -> None:
    def blind(properties: dict[str, Any]) -> None:
        probe = properties["probes"][0]["properties"]
        probe.update(protocol="Tcp", port=22)
        probe.pop("requestPath")

    await until_up(azure, planned)
    async with changed(azure, planned.of_type(LB)[0], blind):
        await run_on(azure, stand, "web4", "systemctl stop nginx")
        try:
            _, checks = await verified_by(azure, stand.name, wait_s=0)
        finally:
            await run_on(azure, stand, "web4", "systemctl start nginx")
    told = {(check.name, check.target): check for check in checks}
    assert told["balancer.probe", "web4"].state == "passed", "it cannot see it"
    page = told["http.page", "web4"]
    assert (page.state, page.cause) == ("failed", "probe-blind")
    assert "the probe is TCP on port 22: whoever accepts a connection counts as healthy" in page.detail
    assert "port 80 refuses the connection; nginx is inactive" in page.detail
    assert told["vm.neighbour", "web3"].state == "passed", "web4 refuses, and so has been reached"


async def until_up(azure: Azure, planned: Blueprint) -> None:
    balancer = planned.of_type(LB)[0]
    until = time.monotonic() + 40
    while not all(up for up, _ in (await health.probes(azure, balancer.id, "http", machines.of(planned))).values()):
        assert time.monotonic() < until


async def test_a_nat_rule_that_leads_elsewhere(planned: Blueprint, azure: Azure) -> None:
    balancer = planned.of_type(LB)[0]

    def other_port(properties: dict[str, Any]) -> None:
        properties["inboundNatRules"][0]["properties"]["backendPort"] = 2222

    async with changed(azure, balancer, other_port):
        (check,) = await explained(azure, planned, failed("ssh.hostkey web1"))
    assert check.cause == "nat-rule-port"
    assert "leads to port 2222 of web1, planned is 22" in check.detail


async def test_nothing_is_named_that_cannot_be_proved(planned: Blueprint, azure: Azure) -> None:
    checks = failed("ssh.hostkey web1", "vm.service web1", "vm.neighbour web1", "balancer.pool web1")
    assert await explained(azure, planned, checks) == checks


async def test_the_serial_log_is_read_and_its_link_is_told_to_nobody(
    planned: Blueprint, azure: Azure, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(0)
    log = await console.log(azure, machines.of(planned)[0])
    assert "Cloud-init v." in log
    assert "sig=" not in caplog.text
    assert "bootdiagnostics-" not in caplog.text


async def test_a_subnet_without_a_way_out(stand: Stand, sandbox: dict[str, Any]) -> None:
    """The same plan, but its subnet has no NAT gateway from the beginning: nothing could be installed.

    It is a network beside the others', too: nobody there reaches its machine, and it reaches none of theirs.
    """
    plan = Plan(
        name=f"closed-{os.urandom(3).hex()}",
        prefix="shut",
        machines=Machines(count=1, auth=Auth.SSH_KEY, ssh_key=keys.ensure().public),
        network=Network(address_space="10.9.0.0/16", subnet="10.9.1.0/24"),
        balancer=Balancer(frontend_port=PORT, probe_threshold=1),
    )
    async with clients.connect(clouds.find("sandbox")) as azure:
        whole = blueprint.build(plan, azure.subscription_id)
        record.save(plan, azure.subscription_id)
        try:
            await engine.deploy(_private(whole), azure, Secrets(), lambda event: None)
            vm = machines.of(whole)[0]
            until = time.monotonic() + 40  # apt gives up after minutes, which this sandbox makes seconds
            while "finished at" not in await console.log(azure, vm):
                assert time.monotonic() < until
            there = Stand(plan.name, plan, {})
            knock = "nc -z -w 1 {} 22; echo left $?"
            assert "left 0" in await run_on(azure, there, "shut1", knock.format("10.9.1.4")), "it listens"
            assert "left 1" in await run_on(azure, stand, "web1", knock.format("10.9.1.4")), "not for another network"
            assert "left 0" in await run_on(azure, stand, "web1", knock.format("10.0.1.5"))
            assert "left 1" in await run_on(azure, there, "shut1", knock.format("10.0.1.5"))
            accounts, checks = await asked(azure, whole)
            page, probe, service = await explained(
                azure, whole, failed("http.page shut1", "balancer.probe shut1", "vm.service shut1"), accounts.told
            )
        finally:
            await journey.destroy(record.load(plan.name), azure, lambda event: None)
    states = {check.name: check.state for check in checks}
    assert (states["vm.cloud_init"], states["vm.service"], states["vm.neighbour"]) == ("failed", "failed", "skipped")
    for check in (page, probe, service):
        assert check.cause == "no-outbound", check.detail
        assert 'Set network.outbound = "nat-gateway"' in check.remedy
        assert "subnet web of shut-vnet: defaultOutboundAccess false, no NAT gateway" in check.detail
        assert "shut1 could not download what it should install (its serial log: 'cloud-init[842]:" in check.detail
    assert "nothing listens on port 80 of shut1" in page.detail


def _private(whole: Blueprint) -> Blueprint:
    def cut(resource: Resource) -> Resource:
        if resource.type != VNET:
            return resource
        body = copy.deepcopy(dict(resource.body))
        del body["properties"]["subnets"][0]["properties"]["natGateway"]
        return replace(resource, body=body)

    return replace(whole, resources=tuple(cut(resource) for resource in whole))
