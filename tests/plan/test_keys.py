"""The key pair that is made when nobody names one."""

from __future__ import annotations

import stat
import subprocess
import sys
from pathlib import Path

import pytest

from wizard import keys
from wizard.errors import InputError
from wizard.plan import rules


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MULTIVM_HOME", str(tmp_path))


def test_a_pair_is_made_once_and_used_again(tmp_path: Path) -> None:
    pair = keys.ensure()
    assert pair.private == tmp_path / "keys" / "id_ed25519"
    assert stat.S_IMODE(pair.private.stat().st_mode) == 0o600
    assert pair.private.read_text().startswith("-----BEGIN OPENSSH PRIVATE KEY-----")
    assert rules.ssh_key(pair.public) is None
    assert (tmp_path / "keys" / "id_ed25519.pub").read_text() == f"{pair.public}\n"
    assert keys.ensure() == pair
    assert sorted(path.name for path in (tmp_path / "keys").iterdir()) == ["id_ed25519", "id_ed25519.pub"]


def test_commands_side_by_side_agree_on_one_pair() -> None:
    code = "from wizard import keys; print(keys.ensure().public)"
    running = [subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) for _ in range(4)]
    answers = {process.communicate(timeout=60)[0] for process in running}
    assert len(answers) == 1
    assert answers == {f"{keys.ensure().public}\n"}


def test_the_private_half_is_found_by_the_public_text() -> None:
    assert keys.private_for("ssh-ed25519 AAAA") is None
    pair = keys.ensure()
    assert keys.private_for(pair.public) == pair.private
    assert keys.private_for(" ".join(pair.public.split()[:2]) + " another comment") == pair.private
    assert keys.private_for("ssh-ed25519 AAAA") is None


def test_a_file_that_is_no_key_is_told_without_its_text(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "id_ed25519"
    path.parent.mkdir()
    path.write_text("my dear secret")
    with pytest.raises(InputError) as caught:
        keys.ensure()
    assert "secret" not in str(caught.value)
    assert path.read_text() == "my dear secret"
