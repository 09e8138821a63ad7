"""The rules of the layout with a storage account for each machine: each plan that breaks one, and the bodies."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.plan.strategies import ED25519
from wizard import blueprint
from wizard.plan import files, management, rules
from wizard.plan.model import Layout, Placement, Plan

SUBSCRIPTION = "00000000-0000-0000-0000-000000000001"


def laid(cloud: str = "sandbox", machines: Any = None, diagnostics: Any = None) -> Plan:
    return Plan.model_validate(
        {
            "cloud": cloud,
            "machines": {"ssh_key": ED25519, **(machines or {})},
            "storage": {"layout": "account-per-vm"},
            "diagnostics": {"storage_account": True, **(diagnostics or {})},
            "network": {"allow_admin": ["203.0.113.7"]},
        }
    )


def told(plan: Plan, severity: str = "error") -> list[str]:
    return [problem.field for problem in rules.check(plan) if problem.severity == severity]


def test_where_it_is_offered_it_is_a_warning_with_its_reasons() -> None:
    assert told(laid()) == told(laid("https://management.local.azurestack.external")) == []
    (warning,) = [problem for problem in rules.check(laid()) if problem.field == "storage.layout"]
    assert "20,000 requests a second" in warning.why
    assert "40 VHDs of 500" in warning.why
    assert files.check(files.dumps(laid()))[0] == laid()


@pytest.mark.parametrize("cloud", ["public", "usgov", "china"])
def test_where_it_has_retired_it_is_refused(cloud: str) -> None:
    assert told(laid(cloud)) == ["storage.layout"]


IMAGE = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/images/i"


@pytest.mark.parametrize(
    ("machines", "field"),
    [
        ({"placement": "zones"}, "storage.layout"),
        ({"image": IMAGE}, "storage.layout"),
        ({"encryption_at_host": True}, "storage.layout"),
        ({"os_disk": "StandardSSD_LRS"}, "machines.os_disk"),
        ({"data_disks": [{"type": "Standard_LRS"}]}, "machines.data_disks"),
        ({"data_disks": [{"size_gb": 8000}]}, "machines.data_disks"),
    ],
)
def test_what_needs_managed_disks_is_refused(machines: Any, field: str) -> None:
    assert told(laid(machines=machines)) == [field]


def test_boot_diagnostics_need_the_account() -> None:
    assert told(laid(diagnostics={"storage_account": False})) == ["diagnostics.storage_account"]
    assert told(laid(diagnostics={"storage_account": False, "boot": False})) == []


def test_more_vhds_than_a_standard_account_serves_is_a_warning() -> None:
    disks = [{"size_gb": 8, "type": "Standard_LRS"}] * 40
    crowded = laid(machines={"os_disk": "Standard_LRS", "data_disks": disks})
    assert "machines.data_disks" in told(crowded, "warning")
    assert "machines.data_disks" not in told(laid(machines={"data_disks": [{"size_gb": 8}] * 40}), "warning")


def test_each_machine_has_an_account_of_its_own_and_its_vhds_in_it() -> None:
    graph = blueprint.build(laid(machines={"count": 3, "data_disks": [{"size_gb": 64}]}), SUBSCRIPTION)
    accounts = [one for one in graph.of_type("Microsoft.Storage/storageAccounts") if one.name.startswith("vhd")]
    assert len({one.name for one in accounts}) == 3
    assert all(re.fullmatch(r"[a-z0-9]{3,24}", one.name) for one in accounts)
    assert {one.body["sku"]["name"] for one in accounts} == {"Premium_LRS"}
    for vm, account in zip(graph.of_type("Microsoft.Compute/virtualMachines"), accounts, strict=True):
        storage = vm.body["properties"]["storageProfile"]
        for disk in (storage["osDisk"], *storage["dataDisks"]):
            assert disk["vhd"]["uri"].startswith(f"https://{account.name}.blob.core.windows.net/vhds/")
            assert "managedDisk" not in disk
        assert account.id in vm.after
        assert "securityProfile" not in vm.body["properties"], "Trusted Launch needs managed disks"
        assert vm.body["properties"]["diagnosticsProfile"]["bootDiagnostics"]["storageUri"].startswith("https://diag")
    (placed,) = graph.of_type("Microsoft.Compute/availabilitySets")
    assert placed.body["sku"] == {"name": "Classic"}


def test_azure_stack_hub_has_accounts_and_endpoints_of_its_own() -> None:
    graph = blueprint.build(laid("https://management.local.azurestack.external"), SUBSCRIPTION)
    account = graph.of_type("Microsoft.Storage/storageAccounts")[0]
    assert account.body["kind"] == "Storage"
    vm = graph.of_type("Microsoft.Compute/virtualMachines")[0]
    uri = vm.body["properties"]["storageProfile"]["osDisk"]["vhd"]["uri"]
    assert uri.startswith(f"https://{account.name}.blob.local.azurestack.external/vhds/")


def test_other_plans_are_as_they_were() -> None:
    plain = Plan.model_validate({"machines": {"ssh_key": ED25519}})
    assert plain.storage.layout is Layout.MANAGED
    graph = blueprint.build(plain, SUBSCRIPTION)
    assert not graph.of_type("Microsoft.Storage/storageAccounts")
    assert graph.of_type("Microsoft.Compute/availabilitySets")[0].body["sku"] == {"name": "Aligned"}


def test_what_keeps_no_disks_says_so() -> None:
    assert list(management.disks_can_be_kept(True, Placement.AVAILABILITY_SET, Layout.MANAGED)) == []
    assert list(management.disks_can_be_kept(False, Placement.SCALE_SET, Layout.ACCOUNT_PER_VM)) == []
    for placement, layout in ((Placement.SCALE_SET, Layout.MANAGED), (Placement.ZONES, Layout.ACCOUNT_PER_VM)):
        (problem,) = management.disks_can_be_kept(True, placement, layout)
        assert (problem.field, problem.severity) == ("management.keep_disks", "error")


def test_a_group_of_somebody_else_is_not_locked() -> None:
    plan = Plan.model_validate(
        {
            "existing_group": True,
            "machines": {"ssh_key": ED25519},
            "network": {"allow_admin": ["203.0.113.7"]},
            "management": {"lock": "delete"},
        }
    )
    (problem,) = [each for each in rules.check(plan) if each.severity == "error"]
    assert (problem.field, problem.remedy) == ("management.lock", 'Use lock = "none".')
    own = plan.model_copy(update={"existing_group": False})
    assert told(own) == []
    locks = "Microsoft.Authorization/locks"
    assert blueprint.build(own, SUBSCRIPTION).of_type(locks)
    assert not blueprint.build(plan, SUBSCRIPTION).of_type(locks)
