"""What is remembered of deployments, and how it survives names, crashes and damage."""

from __future__ import annotations

import json
import stat

import pytest

from wizard.deploy import record
from wizard.errors import InputError
from wizard.plan.model import Auth, Machines, Plan

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKFh1r3kyzm1R0rTzkfm7vEWzW2lkqPZzxJIz5Yk3OJq somebody"


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("MULTIVM_HOME", str(tmp_path))
    return tmp_path


def plan(name: str = "web-rg", **machines) -> Plan:
    return Plan(name=name, machines=Machines(ssh_key=KEY, **machines))


def test_what_is_saved_is_loaded(home):
    saved = record.save(plan(), "sub")
    loaded = record.load("web-rg")
    assert loaded == saved
    assert (loaded.plan, loaded.subscription, loaded.name) == (plan(), "sub", "web-rg")
    assert loaded.folder == home / "deployments" / "web-rg"
    assert loaded.credentials["ra-multi-vm1"] == record.Credential("azureuser", "ssh-key", None)


def test_without_a_name_it_is_the_last_one():
    record.save(plan("one"), "sub")
    record.save(plan("two"), "sub")
    assert record.load(None).name == "two"
    record.remember_last("one")
    assert record.load().name == "one"
    assert record.names() == ["one", "two"]


def test_nothing_known_is_said_clearly():
    with pytest.raises(InputError, match="no deployment yet") as raised:
        record.load(None)
    assert raised.value.remedy
    record.save(plan("one"), "sub")
    with pytest.raises(InputError, match="tow") as raised:
        record.load("tow")
    assert "one" in raised.value.why


@pytest.mark.parametrize("name", ["a(b)_c.d-e", "Ümlaut-rg", "x" * 90, ".hidden", "-dash"])
def test_odd_names_are_fine(name):
    record.save(plan(name), "sub")
    assert record.load(name).name == name
    record.forget(name)
    assert record.names() == []


@pytest.mark.parametrize("name", ["..", ".", "a/b", "../x", "a\\b", "nul\0"])
def test_no_name_leads_out_of_the_folder(name, home):
    with pytest.raises(InputError):
        record.load(name)
    with pytest.raises(InputError):
        record.forget(name)


def test_names_have_no_case():
    record.save(plan("Web-RG"), "sub")
    assert record.load("web-rg").name == "Web-RG"
    record.save(plan("web-rg"), "sub")
    assert len(record.names()) == 1
    record.forget("WEB-RG")
    assert record.names() == []


def test_forgetting_forgets_which_was_last(home):
    record.save(plan("one"), "sub")
    record.save(plan("two"), "sub")
    record.forget("two")
    with pytest.raises(InputError):
        record.load(None)
    assert record.load("one").name == "one"
    record.forget("two")


def test_credentials_are_kept_until_their_vm_is_made_anew():
    record.save(plan(), "sub", new_vms=("ra-multi-vm1", "ra-multi-vm2"))
    record.note_credential(record.load(), "ra-multi-vm1", user="other")
    changed = plan(auth=Auth.PASSWORD, admin_user="boss")
    kept = record.save(changed, "sub").credentials
    assert kept["ra-multi-vm1"].user == "other"
    assert kept["ra-multi-vm1"].changed_at
    assert kept["ra-multi-vm2"] == record.Credential("azureuser", "ssh-key", None)
    assert record.load().credentials == kept
    anew = record.save(changed, "sub", new_vms=("ra-multi-vm1",)).credentials
    assert anew["ra-multi-vm1"] == record.Credential("boss", "password", None)
    assert anew["ra-multi-vm2"] == record.Credential("azureuser", "ssh-key", None)


def test_the_time_of_creation_stays():
    created = record.save(plan(), "sub").created
    assert created.endswith("+00:00")
    assert record.save(plan(), "sub").created == created


def test_a_damaged_record_is_told_and_made_anew(home):
    folder = record.save(plan(), "sub").folder
    (folder / "deployment.json").write_text("{")
    with pytest.raises(InputError, match=r"deployment\.json") as raised:
        record.load()
    assert "Deploy the plan again" in raised.value.remedy
    record.save(plan(), "sub")
    assert record.load().subscription == "sub"


def test_a_damaged_record_does_not_hide_the_others():
    (record.save(plan("broken"), "sub").folder / "deployment.json").write_text("{")
    record.save(plan("whole"), "sub")
    assert record.load("whole").name == "whole"
    with pytest.raises(InputError, match="neither"):
        record.load("neither")


def test_only_the_owner_can_read_it(home):
    folder = record.save(plan(), "sub").folder
    assert stat.S_IMODE((folder / "deployment.json").stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert set(json.loads((folder / "deployment.json").read_text())) == {
        "subscription",
        "cloud",
        "created",
        "credentials",
    }


def test_a_reset_that_was_cut_off_leaves_its_machines_uncertain(home, plan):
    kept = record.save(plan, "11111111-2222-3333-4444-555555555555")
    first = plan.vm_names[0]
    record.note_uncertain(kept, [first], since=True)
    assert record.load(plan.name).uncertain == (first,)  # as the next process finds it
    record.note_uncertain(record.load(plan.name), [first], since=False)
    assert record.load(plan.name).uncertain == ()
