"""What a run's events add up to: states, times, the longest way and the estimate; without any screen."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from screens.faults import key_of, step_of
from screens.ledger import Ledger, clock, is_chain
from tests.screens.plays import BALANCER, ENDED, NSG, VNET, nic, plan_of, planned, resource, stamped, vm

RECORDED = Path(__file__).parents[2] / "bench" / "deploy-200.jsonl.gz"


def ledger(*events, began_s_ago=0.0):
    found = Ledger()
    found.feed(stamped([*plan_of(2), *events], datetime.now(UTC) - timedelta(seconds=began_s_ago)))
    return found


def test_what_is_planned_waits_and_says_for_what():
    found = ledger(resource(NSG, "started", 0.0))
    rows = {row.name: row for row in found.rows.values()}
    assert rows["web-nsg"].state == "started"
    assert found.waits_for(rows["web-vnet"]) == "security group"
    assert found.waits_for(rows["web1"]) == "NIC"
    assert found.waits_for(rows["web-lb-pip"]) == ""
    assert (found.count(), len(found.rows)) == (0, 8)


def test_ids_are_one_whatever_their_case():
    found = ledger(resource(NSG.upper(), "done", 4.0, seconds=4.0))
    assert len(found.rows) == 8
    assert found.count() == 1


def test_what_is_as_planned_counts_as_there():
    found = Ledger()
    found.feed(stamped([planned(NSG, state="same"), planned(VNET, NSG)]))
    assert found.count() == 1
    assert found.longest_way()[-1].name == "web-vnet"


def test_the_longest_way_is_a_chain_to_what_ends_last():
    found = ledger(
        resource(NSG, "started", 0.0),
        resource(BALANCER, "started", 0.0),
        resource(NSG, "done", 1.0),
        resource(VNET, "started", 1.0),
        resource(BALANCER, "done", 9.0),
        resource(VNET, "done", 2.0),
        resource(nic(1), "started", 9.0),
        resource(nic(1), "done", 10.0),
        resource(vm(1), "started", 10.0),
        began_s_ago=11,
    )
    way = found.longest_way()
    assert is_chain(way)
    assert [row.name for row in way][-1] in ("web1", "web2")
    assert "web-lb" in [row.name for row in way], "the balancer ended after the network: the NICs waited for it"
    assert "web-vnet" not in [row.name for row in way]


def test_the_estimate_comes_with_the_first_thing_done_and_learns_the_pace():
    assert ledger(resource(NSG, "started", 0.0)).about() is None
    # A cloud twenty times as quick as usual: the network's 4 s took 0.2 s, so a VM's 45 s are expected as about 2.
    quick = ledger(resource(NSG, "started", 0.0), resource(NSG, "done", 0.2), began_s_ago=0.2)
    assert 2.0 < quick.about() < 6.0
    # Once a VM is done in this run, its own time counts for the others and not the guess.
    seen = ledger(
        resource(NSG, "started", 0.0),
        resource(NSG, "done", 0.2),
        resource(vm(1), "started", 0.3),
        resource(vm(1), "done", 20.3),
        resource(vm(2), "started", 20.3),
        began_s_ago=20.4,
    )
    assert seen.about() == pytest.approx(40.3, abs=1.5)


def test_the_estimate_is_there_at_once_when_earlier_runs_tell_what_to_expect():
    found = Ledger()
    known = [{**event, "expected_s": 7.0 if event["id"] == vm(1) else 2.0} for event in plan_of(1)]
    found.feed(stamped([*known, resource(NSG, "started", 0.0)], datetime.now(UTC)))
    way = found.longest_way()
    assert found.about() == pytest.approx(7.0 + 2.0 * (len(way) - 1), abs=0.5)


def test_a_recorded_deployment_of_200_vms_adds_up():
    lines = gzip.decompress(RECORDED.read_bytes()).decode().splitlines()
    found = Ledger()
    found.feed(json.loads(line) for line in lines)
    assert (found.count(), len(found.rows)) == (408, 408)
    assert sum(row.kind == "VM" for row in found.rows.values()) == 200
    assert found.deployed is not None
    assert found.now() >= found.deployed["seconds"]
    way = found.longest_way()
    assert is_chain(way)
    assert way[-1].kind == "VM"


def test_time_goes_on_while_it_runs_and_stands_still_at_the_end():
    running = ledger(resource(NSG, "started", 0.0), began_s_ago=30)
    assert 29 < running.now() < 32
    running.feed([{**ENDED, "n": 99, "at_utc": (datetime.now(UTC)).isoformat()}])
    stood = running.now()
    assert stood == running.now()
    assert 29 < stood < 32


def test_a_failure_is_kept_with_its_reason_and_the_rest_goes_on():
    found = ledger(resource(vm(1), "failed", 3.0, why="SkuNotAvailable: no D2s here", remedy="Choose another size."))
    assert [row.name for row in found.failed()] == ["web1"]
    assert found.failed()[0].remedy == "Choose another size."
    assert any("no D2s here" in line.text for line in found.log)


def test_a_destruction_adds_up_too():
    found = Ledger()
    found.feed(
        stamped(
            [
                {"event": "deleting", "id": vm(1), "at": 0.0},
                {"event": "deleting", "id": nic(1), "at": 2.0},
                {"event": "deleted", "id": vm(1), "at": 2.0},
            ]
        )
    )
    assert [(row.name, row.kind, row.state) for row in found.rows.values()] == [
        ("web1", "VM", "deleted"),
        ("web1-nic", "NIC", "deleting"),
    ]


def test_the_picture_gets_states_by_role():
    found = ledger(resource(NSG, "done", 1.0), resource(vm(2), "started", 2.0))
    assert found.states() == {
        "nsg": "done",
        "vnet": "waiting",
        "public_ip": "waiting",
        "balancer": "waiting",
        "web1": "waiting",
        "web2": "started",
    }


@pytest.mark.parametrize(("seconds", "told"), [(0, "00:00"), (31.9, "00:31"), (600, "10:00"), (3727, "1:02:07")])
def test_clock(seconds, told):
    assert clock(seconds) == told


@pytest.mark.parametrize(
    ("id", "why", "step"),
    [
        (vm(1), "SkuNotAvailable: The requested size is not available", "machines"),
        (vm(1), "QuotaExceeded: cores", "machines"),
        (BALANCER, "the frontend port 80 cannot be bound", "balancer"),
        (VNET, "InvalidCIDRNotation: the subnet is not in the space", "network"),
        (nic(1), "whatever", "network"),
    ],
)
def test_an_error_leads_to_the_step_that_caused_it(id, why, step):
    found = ledger(resource(id, "failed", 1.0, why=why))
    blamed = step_of(key_of([], found.failed()))
    assert blamed is not None
    assert blamed.id == step


def test_a_lost_line_is_no_answers_fault():
    found = ledger(resource(NSG, "failed", 1.0, why="127.96.247.1:8443 cannot be reached. Connection refused."))
    assert key_of([], found.failed()) == ""


def test_a_problem_names_its_field_itself():
    assert key_of([{"field": "location", "severity": "error"}], []) == "location"
    assert key_of([{"field": "location", "severity": "warning"}], []) == ""
    assert step_of("") is None
