"""vnet.isolated: from a real VM in another virtual network of the sandbox, and where the answer cannot be had there."""

from __future__ import annotations

from collections.abc import Iterator
from secrets import token_hex
from typing import Any

import pytest

from tests.verify.stand import PORT, Stand, deployed, standing
from wizard import blueprint, ids, keys
from wizard.azure.clients import Azure
from wizard.deploy import record
from wizard.errors import AzureError, InputError
from wizard.plan.model import Auth, Balancer, Machines, Network, Plan
from wizard.verify import control, hostkeys, isolation, machines, verify
from wizard.verify.events import CheckDone
from wizard.verify.explain.facts import Facts


@pytest.fixture(scope="module")
def stand(sandbox: dict[str, Any]) -> Iterator[Stand]:
    with standing(Auth.SSH_KEY, 2, page=True) as made:
        yield made


def elsewhere(space: str, subnet: str, port: int) -> Iterator[str]:
    """The id of a VM in a network of its own."""
    plan = Plan(
        name=f"elsewhere-{token_hex(3)}",
        prefix="far",
        machines=Machines(auth=Auth.SSH_KEY, ssh_key=keys.ensure().public, count=1),
        network=Network(address_space=space, subnet=subnet),
        balancer=Balancer(frontend_port=port),
    )
    with deployed(plan):
        yield machines.of(blueprint.build(plan, record.load(plan.name).subscription))[0].id


@pytest.fixture(scope="module")
def foreign(stand: Stand) -> Iterator[str]:
    yield from elsewhere("10.9.0.0/16", "10.9.1.0/24", PORT + 10)


@pytest.fixture(scope="module")
def overlapping(stand: Stand) -> Iterator[str]:
    yield from elsewhere("10.0.0.0/16", "10.0.1.0/24", PORT + 11)


async def asked(stand: Stand, azure: Azure, vm: str | None) -> list[CheckDone]:
    graph = blueprint.build(stand.plan, azure.subscription_id)
    facts = Facts(machines.of(graph), graph, await control.read(azure, graph))
    return await isolation.checks(azure, facts, vm)


async def test_from_another_network_nobody_is_reached(stand: Stand, azure: Azure, foreign: str) -> None:
    told: list[Any] = []
    await verify(stand.record, azure, wait_s=30, from_vm=foreign, emit=told.append)
    found = [event for event in told if isinstance(event, CheckDone) and event.name == "vnet.isolated"]
    assert [(one.target, one.state) for one in found] == [("web1", "passed"), ("web2", "passed")]
    assert all(":80 does not answer within 3 s, asked by far1 in far-vnet" in one.detail for one in found)


async def test_without_such_a_vm_nothing_can_be_told(
    stand: Stand, azure: Azure, overlapping: str, foreign: str
) -> None:
    own = machines.of(blueprint.build(stand.plan, azure.subscription_id))[1].id
    reasons = {
        None: ("web-vnet", "no VM in another virtual network was named"),
        own: ("web-vnet", "web2 is in web-vnet itself, where VMs reach each other"),
        f"{foreign}x": ("web-vnet", "there is no VM far1x"),
        overlapping: ("web1", "far-vnet has this VM's address range, too"),
    }
    for vm, (target, why) in reasons.items():
        first, *_ = await asked(stand, azure, vm)
        assert (first.name, first.target, first.state) == ("vnet.isolated", target, "skipped")
        assert why in first.detail


async def test_a_vm_that_does_not_run_is_no_witness(stand: Stand, azure: Azure, overlapping: str) -> None:
    parsed = ids.parse(overlapping)
    poller: Any = await azure.compute.virtual_machines.begin_power_off(parsed.group, parsed.name)
    await poller.result()
    [only] = await asked(stand, azure, overlapping)
    assert (only.state, only.detail) == ("skipped", "far1 is stopped")


@pytest.mark.parametrize(
    "vm", ["far1", "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/disks/one", "OTHER"]
)
async def test_what_is_no_vm_of_the_subscription_is_refused_before_anything(
    stand: Stand, azure: Azure, vm: str
) -> None:
    other = ids.resource_id("3d3f0f7e-0000-4c43-9a0a-1b1f5a0c9d11", "g", "Microsoft.Compute/virtualMachines", "far1")
    told: list[Any] = []
    with pytest.raises(InputError, match="another subscription" if vm == "OTHER" else "not the id of a VM"):
        await verify(stand.record, azure, from_vm=other if vm == "OTHER" else vm, emit=told.append)
    assert told == []


@pytest.mark.parametrize("peered", [False, True])
async def test_who_is_reached_has_failed(
    stand: Stand, azure: Azure, foreign: str, monkeypatch: pytest.MonkeyPatch, *, peered: bool
) -> None:
    """The sandbox has neither peerings nor routes between networks: their answers are played here."""

    async def answers(*_: Any) -> str:
        return "[stdout]\n== ask 0\n200 0\n== ask 1\n000 28\n== end\n[stderr]\n"

    get = azure.get

    async def with_peering(id: str) -> dict[str, Any] | None:
        document = await get(id)
        if document is not None and id.endswith("far-vnet"):
            remote = {"id": ids.resource_id(azure.subscription_id, stand.name, "Microsoft.Network/virtualNetworks",
                                            "web-vnet")}  # fmt: skip
            properties = {"peeringState": "Connected", "remoteVirtualNetwork": remote}
            document["properties"]["virtualNetworkPeerings"] = [{"name": "to-web", "properties": properties}]
        return document

    monkeypatch.setattr(hostkeys, "run_script", answers)
    if peered:
        monkeypatch.setattr(azure, "get", with_peering)
    reached, not_reached = await asked(stand, azure, foreign)
    assert (reached.target, reached.state, reached.cause) == ("web1", "failed", "reached-elsewhere")
    assert "answers 200, asked by far1 in far-vnet" in reached.detail
    assert ("(peered: to-web)" in reached.detail) is peered
    assert ("remove the peering" in reached.remedy) is peered
    assert (not_reached.target, not_reached.state) == ("web2", "passed")


async def test_a_vm_that_cannot_be_asked_proves_nothing(
    stand: Stand, azure: Azure, foreign: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuses(*_: Any) -> str:
        raise AzureError("The agent is silent.", status=409)

    monkeypatch.setattr(hostkeys, "run_script", refuses)
    found = await asked(stand, azure, foreign)
    assert {one.state for one in found} == {"skipped"}
    assert "far1 could not be asked: The agent is silent." in found[0].detail
