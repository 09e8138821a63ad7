"""Generated passwords pass every rule, differ, and are safe in a shell and to the eye."""

from __future__ import annotations

import shlex

import pytest

from wizard.plan import rules
from wizard.plan.model import OsType
from wizard.reset.passwords import generate


@pytest.mark.parametrize("os", list(OsType))
def test_a_thousand_of_them(os: OsType) -> None:
    made = [generate(os).get_secret_value() for _ in range(1000)]
    assert len(set(made)) == 1000
    for password in made:
        assert rules.password(password, os) is None
        assert len(password) >= 24
        assert shlex.quote(password) == password
        assert not set(password) & set("0Oo1lIi5S2Z")
        assert not password.startswith("-")


def test_it_does_not_show_itself() -> None:
    password = generate()
    assert password.get_secret_value() not in f"{password} {password!r}"
