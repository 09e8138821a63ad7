"""The verdict's table, row by row."""

from __future__ import annotations

from typing import Any

import pytest

from wizard.reset.proof import Findings, judge
from wizard.verify.ssh import LoginResult

OK = LoginResult("ok", "the password was accepted")
NO = LoginResult("refused", "the password was refused")
DEAD = LoginResult("unclear", "the connection was lost")
GONE = LoginResult("unreachable", "no connection")


@pytest.mark.parametrize(
    ("found", "state", "new_login", "old_refused"),
    [
        # a VM made with a password
        ({"new": OK, "old_before": OK, "old_after": NO, "had_password": True}, "proved", True, True),
        ({"new": OK, "had_password": True}, "unproved", True, False),
        ({"new": OK, "old_before": NO, "old_after": NO, "had_password": True}, "unproved", True, False),
        ({"new": OK, "old_before": GONE, "old_after": NO, "had_password": True}, "unproved", True, False),
        ({"new": OK, "old_before": OK, "old_after": DEAD, "had_password": True}, "unproved", True, False),
        ({"new": OK, "old_before": OK, "old_after": GONE, "had_password": True}, "unproved", True, False),
        ({"new": OK, "old_before": OK, "old_after": OK, "had_password": True}, "failed", True, False),
        ({"new": NO, "old_before": OK, "old_after": OK, "had_password": True}, "failed", False, False),
        ({"new": NO, "old_before": OK, "old_after": NO, "had_password": True}, "failed", False, True),
        ({"new": GONE, "had_password": True}, "failed", False, False),
        # a VM that never had one
        ({"new": OK}, "proved", True, None),
        ({"new": OK, "old_before": NO, "old_after": NO}, "proved", True, None),
        ({"new": OK, "old_before": OK, "old_after": NO}, "proved", True, True),
        ({"new": DEAD}, "failed", False, None),
        # a new user beside the former one
        ({"new": OK, "former": ("azureuser",)}, "unproved", True, False),
        ({"new": OK, "old_before": OK, "old_after": NO, "former": ("azureuser",)}, "unproved", True, False),
        # a key is added, and takes nothing away
        ({"mode": "ssh-key", "new": OK, "had_password": True}, "proved", True, None),
        ({"mode": "ssh-key", "new": NO}, "failed", False, None),
        ({"mode": "ssh-key", "new": None}, "unproved", False, None),
        ({"mode": "ssh-key", "new": OK, "former": ("azureuser",)}, "unproved", True, False),
    ],
)
def test_verdicts(found: dict[str, Any], state: str, new_login: bool, old_refused: bool | None) -> None:
    verdict = judge(Findings(**{"mode": "password", "user": "azureuser", **found}))
    assert (verdict.state, verdict.new_login, verdict.old_login_refused) == (state, new_login, old_refused)
    assert verdict.detail


def test_proved_never_comes_without_a_working_new_login_nor_with_an_open_old_one() -> None:
    answers = (None, OK, NO, DEAD, GONE)
    for new in answers:
        for before in answers:
            for after in answers:
                for had in (True, False):
                    for former in ((), ("x",)):
                        verdict = judge(Findings("password", "u", new, before, after, had_password=had, former=former))
                        if verdict.state == "proved":
                            assert new is OK
                            assert not former
                            assert after is None or not after.ok
                            assert not had or (before is OK and after is NO)
