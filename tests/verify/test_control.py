"""The control plane's checks on documents as ARM tells them."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from wizard import blueprint, ids
from wizard.plan.model import Machines, Plan
from wizard.verify import control, machines

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKFh1r3kyzm1R0rTzkfm7vEWzW2lkqPZzxJIz5Yk3OJq somebody"
PLANNED = blueprint.build(Plan(prefix="web", machines=Machines(ssh_key=KEY)), "00000000-0000-0000-0000-000000000000")
VMS = machines.of(PLANNED)


def live() -> dict[str, dict[str, Any] | None]:
    """Every planned body, as if ARM held it, with ids in another case and the balancer's view of its members."""
    documents: dict[str, dict[str, Any] | None] = {}
    for number, resource in enumerate(PLANNED):
        document = copy.deepcopy(dict(resource.body))
        document |= {"id": resource.id.replace("resourceGroups", "RESOURCEGROUPS"), "name": resource.name}
        document.setdefault("properties", {})["provisioningState"] = "Succeeded"
        if resource.type.endswith("publicIPAddresses"):
            document["properties"]["ipAddress"] = f"203.0.113.{number}"
        documents[ids.key(resource.id)] = document
    balancer = lb(documents)
    members = [{"id": f"{vm.nics[0]}/ipConfigurations/ipconfig1".upper()} for vm in VMS]
    balancer["properties"]["backendAddressPools"][0]["properties"] = {"backendIPConfigurations": members}
    return documents


def lb(documents: Mapping[str, dict[str, Any] | None]) -> dict[str, Any]:
    document = documents[ids.key(PLANNED.of_type(machines.LOAD_BALANCERS)[0].id)]
    assert document is not None
    return document


def test_what_is_there_as_planned_passes() -> None:
    documents = live()
    for checks in (
        control.present(PLANNED, documents),
        control.as_planned(PLANNED, documents),
        control.pool(PLANNED, documents, VMS),
    ):
        assert {check.state for check in checks} == {"passed"}


def test_what_is_missing_or_failed_is_named() -> None:
    documents = live()
    nat = PLANNED.of_type("Microsoft.Network/natGateways")[0]
    documents[ids.key(nat.id)] = None
    vm = documents[ids.key(VMS[0].id)]
    assert vm is not None
    vm["properties"]["provisioningState"] = "Failed"
    failed = {check.target: check.detail for check in control.present(PLANNED, documents) if check.state == "failed"}
    assert failed == {nat.name: "natGateways: there is none", "web1": "virtualMachines: Failed"}
    assert nat.name not in {check.target for check in control.as_planned(PLANNED, documents)}


def test_a_vm_outside_the_pool_is_named() -> None:
    documents = live()
    del lb(documents)["properties"]["backendAddressPools"][0]["properties"]["backendIPConfigurations"][1]
    assert {check.target: check.state for check in control.pool(PLANNED, documents, VMS)} == {
        "web1": "passed",
        "web2": "failed",
    }


def test_web1_does_not_hold_what_belongs_to_web10() -> None:
    nic = VMS[0].nics[0]
    holders = machines.Holders(VMS)
    assert holders.of(f"{nic.upper()}/ipConfigurations/a") is VMS[0]
    assert holders.of(f"{nic}0/ipConfigurations/a") is None
    assert holders.of("") is None


def test_open_ports_are_read_off_the_live_balancer() -> None:
    balanced, bare = sorted(control.public_addresses(PLANNED, live()), key=lambda frontend: -len(frontend.ports))
    assert balanced.ports == {80, 50001, 50002}
    assert balanced.nat_ports == {50001, 50002}
    assert bare.ports == frozenset()
    assert control.balancing_rule(PLANNED, dict.fromkeys(live())) is None


def test_without_anything_there_are_no_addresses() -> None:
    assert control.public_addresses(PLANNED, dict.fromkeys(live())) == []
