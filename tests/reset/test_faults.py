"""Resets while Azure has its troubles: what passes is survived, and what only seems to have worked is no success."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import tomli_w
from pydantic import SecretStr

from tests.verify.stand import Stand, standing
from wizard.azure.clients import Azure
from wizard.deploy import record as records
from wizard.deploy import waiting
from wizard.plan.model import Auth
from wizard.reset import ResetDone, reset, target
from wizard.sandbox import faults_channel

EXTENSION = "Microsoft.Compute/virtualMachines/extensions"


@pytest.fixture(scope="module")
def stand(sandbox: dict[str, Any]) -> Iterator[Stand]:
    with standing(Auth.PASSWORD, 1, page=False) as made:
        yield made


@pytest.fixture
def trouble(stand: Stand) -> Iterator[Any]:
    """Sets faults for this deployment alone."""

    def set_faults(*kinds: str, **keys: Any) -> None:
        faults = [{"kind": kind, "group": stand.name, "type": EXTENSION, **keys} for kind in kinds]
        faults_channel.put(tomli_w.dumps({"fault": faults}))

    yield set_faults
    faults_channel.put("")


async def do(stand: Stand, azure: Azure, new: str, old: str) -> ResetDone:
    passwords = {"web1": SecretStr(new)}
    [done] = await reset(
        stand.record, azure, ["web1"], mode="password", new=passwords, old=SecretStr(old), emit=lambda event: None
    )
    return done


async def test_one_that_azure_dropped_for_another_is_run_all_the_same(stand: Stand, azure: Azure, trouble: Any) -> None:
    before = stand.passwords["web1"].get_secret_value()
    trouble("superseded")
    done = await do(stand, azure, "dropped-Horse-1", before)
    assert done.state == "proved", done
    assert [one["strokes"] for one in faults_channel.standing()] == [1]
    trouble()
    assert (await do(stand, azure, before, "dropped-Horse-1")).state == "proved"


async def test_one_that_does_not_end_leaves_the_credential_uncertain(
    stand: Stand, azure: Azure, trouble: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting, "LEAST_STALLED_S", 0.1)
    monkeypatch.setattr(waiting, "LIMIT_FLOORS", 2 * waiting.STALLED_FLOORS)
    before = stand.passwords["web1"].get_secret_value()
    trouble("stalled")
    done = await do(stand, azure, "stalled-Horse-1", before)
    assert (done.state, done.new_login) == ("failed", False)
    assert "has not ended" in done.detail
    assert records.load(stand.name).uncertain == ("web1",)
    trouble()  # Azure goes on with what it was asked
    monkeypatch.undo()
    assert (await do(stand, azure, "later-Horse-1", "stalled-Horse-1")).state == "proved"
    assert records.load(stand.name).uncertain == ()
    assert (await do(stand, azure, before, "later-Horse-1")).state == "proved"


async def test_a_success_that_changed_nothing_is_a_failure_with_its_reason(
    stand: Stand, azure: Azure, trouble: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(target, "SETTLE_S", 1.0)
    first = stand.passwords["web1"].get_secret_value()
    trouble("vmaccess-unchanged")
    done = await do(stand, azure, "second-Horse-1", first)
    assert (done.state, done.new_login) == ("failed", False)
    assert "Azure reported success" in done.detail
    assert done.remedy
    trouble()
    again = await do(stand, azure, "second-Horse-1", first)
    assert again.state == "proved"


async def test_trouble_on_the_way_is_survived(stand: Stand, azure: Azure, trouble: Any) -> None:
    trouble(
        "in-progress", "retryable", "lost-answer", "server-error", "expired-token", "reset-in-body", retry_after_s=20
    )
    done = await do(stand, azure, "third-Horse-1", "second-Horse-1")
    assert done.state == "proved", done
    struck = {one["kind"] for one in faults_channel.standing() if one["strokes"]}
    assert {"in-progress", "retryable", "lost-answer", "server-error"} <= struck
    trouble("lost-operation")
    done = await do(stand, azure, "fourth-Horse-1", "third-Horse-1")
    assert done.state == "proved", done


async def test_a_refusal_that_stays_is_told_and_nothing_was_changed(stand: Stand, azure: Azure, trouble: Any) -> None:
    trouble("policy", method="PUT")
    done = await do(stand, azure, "fifth-Horse-1", "fourth-Horse-1")
    assert (done.state, done.new_login) == ("failed", False)
    assert "policy" in done.detail.lower()
    assert "policy" in done.remedy.lower()


async def test_a_silent_agent_is_told_before_anything_is_sent(stand: Stand, azure: Azure, trouble: Any) -> None:
    faults_channel.put(tomli_w.dumps({"fault": [{"kind": "silent-agent", "group": stand.name, "name": "web*"}]}))
    done = await do(stand, azure, "sixth-Horse-1", "fourth-Horse-1")
    assert (done.state, done.new_login) == ("failed", False)
    assert "agent" in done.detail
    assert done.remedy
    trouble()
    assert (await do(stand, azure, "sixth-Horse-1", "fourth-Horse-1")).state == "proved"
