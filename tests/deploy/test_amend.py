"""One difference applied to a live document, whoever else writes it."""

from __future__ import annotations

import copy
from collections import deque
from typing import Any

import pytest

from tests.deploy.memory import Memory, beside_time, conflict, resource
from wizard.deploy import waiting
from wizard.deploy.amend import amend, applied
from wizard.errors import AzureError, WizardError


def balancer(*rules: str, ports: int = 1024, **more: Any) -> dict[str, Any]:
    named = [{"name": name, "properties": {"frontendPort": 50000 + n}} for n, name in enumerate(rules, start=1)]
    return {
        "location": "westeurope",
        "properties": {"inboundNatRules": named, "probes": [{"name": "p", "properties": {"port": 80}}], "ports": ports},
        **more,
    }


def rules_of(document: Any) -> list[str]:
    return [rule["name"] for rule in document["properties"]["inboundNatRules"]]


def test_what_is_new_is_added_and_what_is_there_stays_as_it_is():
    live = balancer("ssh-1", "theirs", etag="1")
    live["properties"]["probes"][0]["properties"]["port"] = 8080  # somebody changed it
    live["properties"]["inboundNatRules"][0]["properties"]["frontendPort"] = 40001
    before = copy.deepcopy(live)
    found = applied(live, balancer("ssh-1"), balancer("ssh-1", "ssh-2"))
    assert rules_of(found) == ["ssh-1", "theirs", "ssh-2"]
    assert found["properties"]["probes"] == live["properties"]["probes"]
    assert found["properties"]["inboundNatRules"][:2] == live["properties"]["inboundNatRules"]
    assert live == before


def test_what_has_gone_is_taken_out_and_nothing_else():
    live = balancer("SSH-1", "ssh-2", "theirs")
    assert rules_of(applied(live, balancer("ssh-1", "ssh-2"), balancer("ssh-1"))) == ["SSH-1", "theirs"]
    assert rules_of(applied(live, balancer("ssh-1", "ssh-2"), balancer())) == ["theirs"]


def test_a_value_is_written_only_where_the_two_plans_differ():
    assert applied(balancer(ports=1024), balancer(ports=1024), balancer(ports=512))["properties"]["ports"] == 512
    assert applied(balancer(ports=64), balancer(ports=1024), balancer(ports=1024))["properties"]["ports"] == 64
    assert "ports" not in applied({"ports": 1}, {"ports": 1}, {})


def test_applied_twice_is_applied_once():
    before, after = balancer("ssh-1"), balancer("ssh-1", "ssh-2", ports=8)
    once = applied(balancer("ssh-1"), before, after)
    assert applied(once, before, after) == once


NSG = resource("nsg")


def live_document(etag: str) -> dict[str, Any]:
    return {"id": NSG.id, "name": NSG.name, "type": NSG.type, "etag": etag, "properties": {"n": 1}}


def untold(_code: str, _wait: float) -> None:
    pass


def silent(_seconds: float) -> None:
    pass


def one_more(live: Any) -> Any:
    return {**live, "properties": {"n": live["properties"]["n"] + 1}}


async def test_somebody_who_was_faster_is_not_overwritten():
    memory = Memory(live_document("1"))
    memory.refusals["nsg"] = deque([conflict("PreconditionFailed", 412)])

    def meanwhile(name: str, times: int) -> None:
        if times == 2:
            memory.documents[NSG.id.lower()] = {**live_document("2"), "properties": {"n": 10}}

    memory.on_read = meanwhile
    told: list[str] = []
    assert await beside_time(memory, amend(memory, NSG, one_more, lambda code, wait: told.append(code), silent))
    assert memory.if_match == ["1", "2"]
    assert [body["properties"]["n"] for body in memory.bodies] == [2, 11]
    assert told == ["PreconditionFailed"]
    assert all("etag" not in body and "id" not in body for body in memory.bodies)


async def test_nothing_is_written_when_it_is_so_already_or_not_there():
    memory = Memory(live_document("1"))
    assert not await amend(memory, NSG, lambda live: live, untold, silent)
    assert not await amend(Memory(), NSG, one_more, untold, silent)
    assert memory.writes == []


async def test_a_refusal_that_stays_is_raised():
    memory = Memory(live_document("1"))
    memory.refusals["nsg"] = deque([conflict("AuthorizationFailed", 403)])
    with pytest.raises(AzureError, match="AuthorizationFailed"):
        await beside_time(memory, amend(memory, NSG, one_more, untold, silent))


async def test_a_write_that_was_dropped_for_another_is_written_again():
    memory = Memory(live_document("1"))
    memory.failures["nsg"] = deque([conflict("CanceledAndSupersededDueToAnotherOperation", None)])
    told: list[str] = []

    def to_two(live: Any) -> Any:
        return {**live, "properties": {**live["properties"], "n": 2}}

    assert await beside_time(memory, amend(memory, NSG, to_two, lambda code, wait: told.append(code), silent))
    assert told == ["CanceledAndSupersededDueToAnotherOperation"]
    assert memory.names(memory.writes) == ["nsg", "nsg"]
    assert [body["properties"]["n"] for body in memory.bodies] == [2, 2]


async def test_a_write_that_does_not_end_is_told_and_given_up_on(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(waiting, "LEAST_STALLED_S", 0.01)
    seconds: list[float] = []
    with pytest.raises(WizardError, match="has not ended"):
        await amend(Memory(live_document("1")), NSG, one_more, untold, seconds.append)  # nobody lets time pass
    assert len(seconds) == 1
