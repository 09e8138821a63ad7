"""The verdict's table, row by row."""

from __future__ import annotations

from typing import Any

import pytest

from wizard.reset.proof import Findings, Removal, judge, judge_removal
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


@pytest.mark.parametrize(
    ("found", "state", "old_refused"),
    [
        ({"new": OK, "keys_beside": 0}, "proved", True),
        ({"new": OK, "key_before": OK, "key_after": NO, "keys_beside": 0}, "proved", True),
        ({"new": OK, "key_before": OK, "key_after": NO}, "unproved", False),
        ({"new": OK, "key_before": OK, "key_after": GONE, "keys_beside": 0}, "unproved", False),
        ({"new": OK, "key_before": OK, "key_after": OK, "keys_beside": 0}, "failed", False),
        ({"new": OK, "keys_beside": 2}, "failed", False),
        ({"new": OK, "keys_beside": 0, "former": ("second",)}, "unproved", False),
        ({"new": NO}, "failed", False),
        ({"new": None, "key_before": OK, "key_after": NO}, "unproved", False),
        ({"new": None, "key_before": OK, "key_after": OK}, "failed", False),
    ],
)
def test_verdicts_on_a_key_in_place_of_all_others(found: dict[str, Any], state: str, old_refused: bool | None) -> None:
    verdict = judge(Findings(**{"mode": "ssh-key", "user": "azureuser", "replaced": True, **found}))
    assert (verdict.state, verdict.old_login_refused) == (state, old_refused)


@pytest.mark.parametrize(
    ("found", "state", "admin_in", "old_refused"),
    [
        ({"gone": True, "stays": "a", "admin": OK}, "proved", True, True),
        ({"gone": None, "refused": 1, "stays": "a", "admin": OK}, "proved", True, True),
        ({"gone": None, "refused": 1, "unclear": ("x",), "stays": "a", "admin": OK}, "unproved", True, False),
        ({"gone": None, "stays": "a", "admin": OK}, "unproved", True, False),
        ({"gone": None, "refused": 1}, "unproved", False, True),
        ({"gone": None}, "unproved", False, False),
        ({"gone": False, "refused": 1, "stays": "a", "admin": OK}, "failed", True, False),
        ({"gone": True, "let_in": ("the password",), "stays": "a", "admin": OK}, "failed", True, False),
        ({"gone": None, "refused": 1, "stays": "a", "admin": NO}, "failed", False, None),
    ],
)
def test_verdicts_on_a_user_who_was_removed(
    found: dict[str, Any], state: str, admin_in: bool, old_refused: bool | None
) -> None:
    verdict = judge_removal(Removal("second", **found))
    assert (verdict.state, verdict.new_login, verdict.old_login_refused) == (state, admin_in, old_refused)
    assert verdict.detail
