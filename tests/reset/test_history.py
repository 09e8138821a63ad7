"""What is remembered of a VM's logins, and forgotten when the VM is another one."""

from __future__ import annotations

from pathlib import Path

import pytest

from wizard.deploy.record import Credential, Record
from wizard.errors import InputError
from wizard.plan.model import Auth, Machines, Plan
from wizard.reset import history


def record(folder: Path, auth: str) -> Record:
    plan = Plan(machines=Machines(auth=Auth(auth)))
    return Record(plan, "s", folder, credentials={"vm1": Credential("azureuser", auth)})


def test_a_vm_made_with_a_key_has_no_password_until_one_is_set(tmp_path: Path) -> None:
    known = record(tmp_path, "ssh-key")
    assert not history.logins(known, "vm1", "first").had_password("azureuser")
    history.note(known, "vm1", "first", "azureuser", "ssh-key")
    assert not history.logins(known, "vm1", "first").had_password("azureuser")
    history.note(known, "vm1", "first", "azureuser", "password")
    assert history.logins(known, "vm1", "first").had_password("azureuser")
    assert not history.logins(known, "vm1", "made anew").had_password("azureuser")
    assert (tmp_path / history.FILE).stat().st_mode & 0o777 == 0o600


def test_a_vm_made_with_a_password_has_one_for_its_first_user_only(tmp_path: Path) -> None:
    logins = history.logins(record(tmp_path, "password"), "vm1", "first")
    assert logins.had_password("azureuser")
    assert not logins.had_password("second")
    assert logins.other_users("azureuser") == ()
    assert logins.other_users("second") == ("azureuser",)


def test_every_user_who_was_given_a_login_is_known(tmp_path: Path) -> None:
    known = record(tmp_path, "ssh-key")
    history.note(known, "vm1", "first", "second", "password")
    history.note(known, "vm1", "first", "third", "ssh-key")
    assert history.logins(known, "vm1", "first").other_users("second") == ("azureuser", "third")


def test_a_broken_file_is_not_taken_for_an_empty_one(tmp_path: Path) -> None:
    (tmp_path / history.FILE).write_text("[{")
    with pytest.raises(InputError, match="cannot be read"):
        history.logins(record(tmp_path, "ssh-key"), "vm1", "first")


def test_a_user_who_was_removed_has_no_password_any_more_but_perhaps_its_keys(tmp_path: Path) -> None:
    known = record(tmp_path, "password")
    history.note(known, "vm1", "first", "second", "ssh-key")
    history.note(known, "vm1", "first", "azureuser", "remove-user")
    logins = history.logins(known, "vm1", "first")
    assert logins.removed("azureuser")
    assert not logins.had_password("azureuser")
    assert logins.other_users("second") == ()
    history.note(known, "vm1", "first", "second", "remove-user")
    history.note(known, "vm1", "first", "second", "password")
    logins = history.logins(known, "vm1", "first")
    assert logins.had_password("second")
    assert logins.other_users("azureuser") == ("second",)
    assert [entry.mode for entry in logins.keys_added("second")] == ["ssh-key"], "the home folder stays"


def test_a_key_in_place_of_all_others_is_the_only_one(tmp_path: Path) -> None:
    known = record(tmp_path, "ssh-key")
    assert history.logins(known, "vm1", "first").has_first_key("azureuser")
    for replaced in (False, True):
        history.note(known, "vm1", "first", "azureuser", "ssh-key", replaced=replaced)
    logins = history.logins(known, "vm1", "first")
    assert not logins.has_first_key("azureuser")
    assert [entry.replaced for entry in logins.keys_added("azureuser")] == [True]
