"""The draft: what is committed, what Esc goes back to, and where secrets stay."""

from __future__ import annotations

import pytest

from screens import memory
from screens.answers import PASSWORD, PASSWORD_AGAIN, Answers, defaults, dotted, flatten


@pytest.fixture
def answers() -> Answers:
    made = Answers()
    made.complement(defaults())
    return made


def test_a_complete_draft_is_a_legal_plan_but_for_the_key(answers):
    assert [problem.field for problem in answers.problems()] == ["machines.ssh_key"]
    assert flatten(answers.plan())["machines.count"] == 2


def test_a_draft_is_taken_back_to_what_was_committed(answers):
    answers.set("name", "one", commit=True)
    answers.set("name", "two")
    assert answers.committed("name") == "one"
    assert answers.revert("name") == "one"
    assert answers.get("name") == "one"


def test_values_survive_the_way_through_a_plan(answers):
    answers.set("network.allow_http", ("10.0.0.0/8", "Internet"))
    answers.set("tags", {"owner": "me", "a.b": "c"})
    again = Answers()
    again.complement(defaults())
    again.replace(dotted(answers.plan_values()))
    assert again.plan_values() == answers.plan_values()


def test_rules_name_the_keys_they_judge(answers):
    answers.set("machines.admin_user", "admin")
    answers.set("machines.count", "")
    fields = {problem.field for problem in answers.problems()}
    assert {"machines.admin_user", "machines.count"} <= fields


def test_a_password_is_asked_for_twice_and_never_shown(answers):
    answers.set("machines.auth", "password")
    assert [problem.field for problem in answers.problems()] == [PASSWORD]
    answers.set_secret(PASSWORD, "Correct-horse-9")
    assert [problem.field for problem in answers.problems()] == [PASSWORD_AGAIN]
    answers.set_secret(PASSWORD_AGAIN, "Correct-horse-9")
    assert answers.problems() == []
    assert "Correct-horse-9" not in repr(vars(answers))
    assert "Correct-horse-9" not in repr(answers.plan_values())


def test_whoever_watches_hears_of_changes_only(answers):
    heard: list[str] = []
    stop = answers.watch(heard.append)
    answers.set("name", "a")
    answers.set("name", "a")
    stop()
    answers.set("name", "b")
    assert heard == ["name"]


def test_what_is_remembered_comes_back_and_a_damaged_file_is_none(own_home):
    memory.remember(answers={"name": "a"}, theme="multivm-light")
    memory.remember(answers={"name": "b"})
    assert memory.recall() == {"answers": {"name": "b"}, "theme": "multivm-light"}
    (own_home / memory.FILE).write_text("{")
    assert memory.recall() == {}
