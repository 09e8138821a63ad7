"""Secrets: where they enter a body, where they do not show, and the file of generated ones."""

from __future__ import annotations

import copy
import json
import stat

import pytest
from pydantic import SecretStr

from wizard.blueprint.resource import Resource
from wizard.deploy import secrets
from wizard.deploy.secrets import Secrets
from wizard.errors import InputError

MARK = "Canary-6tZq!never-told"
PATH = ("properties", "osProfile", "adminPassword")
VM = Resource("/vm", "t", "vm1", {"properties": {"osProfile": {"adminUsername": "u"}}}, (), ((PATH, "password"),))


def test_a_secret_enters_a_copy_of_the_body():
    before = copy.deepcopy(VM)
    body = Secrets.passwords({"vm1": SecretStr(MARK)}).body_with(VM)
    assert body["properties"]["osProfile"] == {"adminUsername": "u", "adminPassword": MARK}
    assert before == VM


def test_a_path_that_is_not_there_is_made():
    bare = Resource("/vm", "t", "vm1", {}, (), ((PATH, "password"),))
    body = Secrets.passwords({"vm1": SecretStr(MARK)}).body_with(bare)
    assert body == {"properties": {"osProfile": {"adminPassword": MARK}}}


def test_nothing_shows_a_secret():
    held = Secrets.passwords({"vm1": SecretStr(MARK)})
    assert MARK not in f"{held} {held!r} {vars(held)}"


def test_a_missing_secret_is_named_with_the_vm_that_needs_it():
    with pytest.raises(InputError, match="vm1") as raised:
        Secrets().require([VM])
    assert "--password-stdin" in raised.value.remedy
    Secrets().require([])


def test_the_secret_file_is_for_its_owner_alone(tmp_path):
    path = tmp_path / "out.json"
    secrets.write_secret_file(path, {"vm1": "u"}, {"vm1": SecretStr(MARK)})
    assert json.loads(path.read_text()) == {"vm1": {"user": "u", "password": MARK}}
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_secret_file_is_never_overwritten(tmp_path):
    path = tmp_path / "out.json"
    path.write_text("before")
    with pytest.raises(InputError, match="exists already"):
        secrets.write_secret_file(path, {"vm1": "u"}, {"vm1": SecretStr(MARK)})
    assert path.read_text() == "before"


def test_a_secret_file_is_not_written_through_a_link(tmp_path):
    path = tmp_path / "link"
    path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(InputError):
        secrets.write_secret_file(path, {"vm1": "u"}, {"vm1": SecretStr(MARK)})
    assert not (tmp_path / "elsewhere").exists()


def test_a_secret_file_that_cannot_be_made_is_told_at_once(tmp_path):
    with pytest.raises(InputError, match="no folder"):
        secrets.refuse_existing(tmp_path / "missing" / "out.json")


def test_a_secret_file_is_read_as_it_was_written(tmp_path):
    path = tmp_path / "out.json"
    passwords = {"vm1": SecretStr(MARK), "vm2": SecretStr("another-Horse-2")}
    secrets.write_secret_file(path, dict.fromkeys(passwords, "u"), passwords)
    assert secrets.read_secret_file(path) == passwords


@pytest.mark.parametrize("content", ["", "[]", f'{{"vm1": "{MARK}"}}', f'{{"vm1": {{"user": "{MARK}"}}}}', f"{MARK}"])
def test_what_is_no_secret_file_is_told_without_what_it_holds(tmp_path, content):
    path = tmp_path / "out.json"
    path.write_text(content)
    with pytest.raises(InputError) as raised:
        secrets.read_secret_file(path)
    assert MARK not in f"{raised.value} {raised.value.why} {raised.value.__cause__} {raised.value.__context__}"
