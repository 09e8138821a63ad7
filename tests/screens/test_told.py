"""What steps say in words: the probe's meaning, the NAT ports, what is open to whom, the tree, what changed."""

from __future__ import annotations

import pytest

from screens.changes import CHANGES
from screens.chosen import differing
from screens.exposure import anyone, exposures, summary, who
from screens.ledger import KINDS
from screens.probing import meaning
from screens.widgets.ports import port_lines, ports
from screens.widgets.tree import branches, headline, tree_lines
from tests.blueprint import variants
from wizard.blueprint import build
from wizard.plan import document
from wizard.plan.draft import draft


def values(**changed):
    made = document.flatten(draft(ssh_key="ssh-ed25519 AAAA")) | changed
    return made.get


def resources(count=2):
    blueprint = build(draft(count=count, ssh_key="ssh-ed25519 AAAA"), "sub")
    return [{"id": each.id, "type": each.type, "name": each.name, "after": list(each.after)} for each in blueprint]


def test_a_dead_machine_is_out_after_interval_times_threshold():
    assert meaning("http", "/", 5, 2, 80).seconds == 10
    assert "out after about 10 s: 2 probes failed" in meaning("http", "/", 5, 2, 80).out
    assert "after about 2 min 30 s" in meaning("tcp", "/", 50, 3, 80).out
    assert "1 probe failed" in meaning("tcp", "/", 5, 1, 80).out


def test_each_probe_says_what_it_does_not_see():
    assert "exactly 200 from /healthz" in meaning("http", "/healthz", 5, 2, 8080).sees
    assert "/healthz" in meaning("http", "/healthz", 5, 2, 8080).blind
    assert "8080" in meaning("tcp", "/", 5, 2, 8080).sees
    assert "500" in meaning("tcp", "/", 5, 2, 80).blind


def test_every_machine_has_the_next_port():
    rows = ports("ra", 3, 50001, 80)
    assert [(row.machine, row.port, row.leads_to) for row in rows] == [
        ("ra1", 50001, 22),
        ("ra2", 50002, 22),
        ("ra3", 50003, 22),
    ]
    assert not any(row.clash for row in rows)
    assert ports("ra", 1, 50001, 80, windows=True)[0].leads_to == 3389


def test_clashes_stand_at_the_machine_they_hit():
    assert [bool(row.clash) for row in ports("ra", 3, 79, 80)] == [False, True, False]
    assert [bool(row.clash) for row in ports("ra", 3, 65533, 80)] == [False, False, True]
    assert "✗" in port_lines(ports("ra", 3, 79, 80))[1].plain


def test_ports_of_what_is_no_number_are_none():
    assert ports("ra", "", 50001, 80) == []
    assert ports("ra", 3, "", 80) == []
    assert ports("ra", 10**9, 50001, 80) == []


@pytest.mark.parametrize(
    ("entries", "told"),
    [
        ((), "nobody"),
        (("203.0.113.7/32",), "203.0.113.7"),
        (("203.0.113.7", "Internet"), "anyone"),
        (("0.0.0.0/0",), "anyone"),
        (("10.1.1.1", "10.1.1.2", "10.1.1.3", "10.1.1.4", "10.1.1.5"), "10.1.1.1, 10.1.1.2, 10.1.1.3 and 2 more"),
    ],
)
def test_who(entries, told):
    assert who(entries) == told
    assert anyone(entries) == (told == "anyone")


def test_the_standard_plan_opens_the_page_and_nothing_else():
    lines = exposures(values())
    assert [line.subject for line in lines if line.level == "open"] == ["Page"]
    assert not [line for line in lines if line.level == "risk"]
    assert "ports 50001 to 50002" in next(line for line in lines if line.subject == "SSH").told
    assert summary(lines) == "only the page is open to all"


def test_ssh_for_anyone_is_a_risk():
    lines = exposures(values(**{"network.allow_admin": ("*",)}))
    assert [line.subject for line in lines if line.level == "risk"] == ["SSH"]
    assert summary(lines).startswith("! 1")


@pytest.mark.parametrize("outbound", ["nat-gateway", "outbound-rule", "none"])
def test_every_way_out_is_told(outbound):
    lines = exposures(values(**{"network.outbound": outbound}))
    told = next(line.told for line in lines if line.subject == "Way out")
    assert told != outbound


def test_windows_a_range_and_rules_of_ones_own_are_told():
    own = {
        "name": "let-in", "priority": 200, "access": "allow", "direction": "inbound", "protocol": "tcp",
        "source": ["Internet"], "destination": ["*"], "ports": ["443"],
    }  # fmt: skip
    lines = exposures(
        values(
            **{
                "machines.os": "windows",
                "balancer.nat": "range",
                "network.rules": (own, {**own, "name": "no-scan", "access": "deny"}),
                "machines.encryption_at_host": True,
            }
        )
    )
    told = {line.subject: line for line in lines}
    assert "ports 50001 to 50100, dealt out by Azure" in told["RDP"].told
    assert (told["Own rule"].told, told["Own rule"].level) == ("anyone → port 443 of the machines (let-in)", "open")
    assert "no-scan" in told["Own rules"].told
    assert "on the host" in told["Disks"].told


@pytest.mark.parametrize(
    ("asked", "own", "told"),
    [
        ("auto", False, "secure boot and a virtual TPM"),
        ("standard", False, "no secure boot, no virtual TPM"),
        ("standard", True, "no secure boot, no virtual TPM"),
        ("trusted-launch", True, "secure boot and a virtual TPM"),
    ],
)
def test_the_security_type_says_how_machines_boot(asked, own, told):
    gallery = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/galleries/mine/images/a"
    changed = {"machines.security_type": asked, **({"machines.image": gallery} if own else {})}
    assert next(line for line in exposures(values(**changed)) if line.subject == "Boot").told == told


def test_an_image_of_ones_own_has_no_secure_boot():
    own = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/images/web"
    boot = next(line for line in exposures(values(**{"machines.image": own})) if line.subject == "Boot")
    assert "no secure boot" in boot.told


def test_a_password_is_told():
    told = next(
        line.told for line in exposures(values(**{"machines.auth": "password"})) if line.subject == "Credentials"
    )
    assert "password" in told
    assert "reset" in told


def test_every_resource_stands_in_the_tree_once():
    listed = resources(3)
    names = [branch.name for branch in branches(listed).walk() if branch.words]
    assert sorted(names) == sorted(each["name"] for each in listed)


def test_a_nic_stands_with_its_vm_and_an_address_with_its_owner():
    told = [line.plain for line in tree_lines(branches(resources()))]
    assert any("ra-multi-vm1 " in line and "VM with ra-multi-vm1-nic" in line for line in told)
    assert any("ra-multi-vm-lb " in line and "ra-multi-vm-lb-pip" in line for line in told)
    assert any("ra-multi-vm-nat " in line and "ra-multi-vm-nat-pip" in line for line in told)


def test_every_variant_stands_in_the_tree_once_and_nothing_is_other():
    windows = draft(os="windows", count=3)
    machines = windows.machines.model_copy(update={"placement": "zones"})
    diagnostics = windows.diagnostics.model_copy(update={"storage_account": True})
    plan = windows.model_copy(update={"existing_group": True, "machines": machines, "diagnostics": diagnostics})
    found = [{"id": r.id, "type": r.type, "name": r.name, "after": list(r.after)} for r in build(plan, "sub")]
    root = branches(found)
    names = [branch.name for branch in root.walk() if branch.words]
    assert sorted(names) == sorted([*(str(each["name"]) for each in found), "ra-multi-vm-rg"])
    assert "left as it is" in root.words
    assert "Other" not in [part.name for part in root.children]
    told = [line.plain for line in tree_lines(root)]
    assert any("ra-multi-vm1 " in line and "ra-multi-vm1-nic, ra-multi-vm1-page" in line for line in told)
    assert any("storage account" in line for line in told)


@pytest.mark.parametrize("variant", variants.VARIANTS)
def test_each_resource_of_every_plan_has_words_and_a_place(variant):
    found = [
        {"id": r.id, "type": r.type, "name": r.name, "after": list(r.after)}
        for r in build(variants.plan(variant), "sub")
    ]
    root = branches(found)
    assert [branch.name for branch in root.walk() if "Microsoft." in branch.words] == []
    assert "Other" not in [part.name for part in root.children]
    assert {str(each["type"]).rpartition("/")[2].lower() for each in found} <= KINDS.keys()


def test_what_the_tree_does_not_know_is_not_lost():
    listed = [*resources(), {"id": "/x", "type": "Microsoft.Else/things", "name": "diag", "after": []}]
    assert any("diag" in line.plain for line in tree_lines(branches(listed)))


def test_the_headline_counts():
    listed = resources()
    ids = [each["id"].lower() for each in listed]
    assert headline(listed) == "12 resources"
    assert headline(listed, dict.fromkeys(ids, "absent")) == "12 resources, all new"
    assert headline(listed, dict.fromkeys(ids, "same")) == "12 resources, all there already"
    mixed = dict.fromkeys(ids, "same") | {ids[0]: "absent", ids[1]: "differs"}
    assert headline(listed, mixed) == "12 resources: 1 new, 1 to change, 10 as they are"


def test_every_change_says_then_now_and_why():
    for change in CHANGES:
        assert change.then, change.subject
        assert change.now, change.subject
        assert change.why, change.subject
    assert len({change.subject for change in CHANGES}) == len(CHANGES)


def test_what_differs_from_the_defaults_is_told_key_by_key():
    assert differing(values()) == []
    own = differing(values(**{"machines.zones": ("1", "3"), "diagnostics.boot": False, "tags": {"owner": "me"}}))
    assert own == [
        ("tags", "owner=me", "none"),
        ("machines.zones", "1; 3", "1; 2; 3"),
        ("diagnostics.boot", "no", "yes"),
    ]


def test_every_thing_that_was_retired_is_among_the_changes():
    told = " ".join(f"{change.subject} {change.then} {change.now} {change.why}" for change in CHANGES)
    for word in ("2025-09-30", "2026-03-31", "2027-09-30", "2026-10-13", "blobs", "3.", "password", "2012 R2"):
        assert word in told
