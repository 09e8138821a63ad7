"""The pictures made of text: what stands in them, and that they keep to the room they are given."""

from __future__ import annotations

import pytest

from screens.widgets.bars import bar, bars
from screens.widgets.doors import doors
from screens.widgets.picture import picture
from screens.widgets.spark import spark
from screens.widgets.timeline import answers_and_failures, timeline

PLAN = {
    "prefix": "ra-multi-vm",
    "machines.count": 3,
    "machines.fault_domains": 2,
    "balancer.frontend_port": 80,
    "balancer.probe_protocol": "http",
    "balancer.probe_path": "/",
    "network.address_space": "10.0.0.0/16",
    "network.subnet": "10.0.1.0/24",
    "network.allow_http": ("Internet",),
}


def drawn(count=3, **options):
    return picture({**PLAN, "machines.count": count}.get, **options).plain


@pytest.mark.parametrize("width", [20, 34, 44, 60, 100])
@pytest.mark.parametrize("count", [0, 1, 2, 5, 8, 9, 200])
@pytest.mark.parametrize("height", [None, 5, 9, 14])
def test_the_picture_keeps_to_its_room(width, count, height):
    states = {f"ra-multi-vm{number}": "started" for number in range(1, count + 1)}
    lines = drawn(count, width=width, height=height, states=states).splitlines()
    assert max(map(len, lines)) <= max(width, 30)
    assert height is None or len(lines) <= height


def test_the_essentials_are_what_stays_when_it_is_short():
    text = drawn(width=44, height=7, states={"balancer": "done"})
    assert "load balancer ✓ done" in text
    assert "ra-multi-vm1" in text


def test_each_state_has_a_sign_beside_any_colour():
    states = {"ra-multi-vm1": "done", "ra-multi-vm2": "failed", "ra-multi-vm3": "waiting"}
    text = drawn(width=60, states=states)
    assert "✓ done" in text
    assert "✗ failed" in text
    assert "○ to come" in text


def test_many_vms_are_counted():
    states = {f"ra-multi-vm{number}": "done" if number <= 120 else "started" for number in range(1, 201)}
    text = drawn(200, width=44, states=states)
    assert "200 VMs" in text
    assert "120 ✓ done" in text
    assert "80 … creating" in text


def test_shares_stand_under_their_vms():
    text = drawn(width=60, states={}, notes={"ra-multi-vm2": "33.4 %"})
    line = next(line for line in text.splitlines() if "33.4 %" in line)
    names = next(line for line in text.splitlines() if "ra-multi-vm2" in line)
    assert abs(line.index("33.4 %") - names.index("ra-multi-vm2")) < 6


def test_the_address_is_shown_once_it_is_known():
    assert "127.18.4.1:80" in drawn(width=44, address="127.18.4.1")
    assert "public address:80" in drawn(width=44)


def test_spark_shows_the_last_values_and_never_hides_the_smallest():
    assert spark([0, 4, 8], 10) == " ▄█"
    assert spark([1] * 50, 5) == "█████"
    assert spark([10_000, 1], 5) == "█▁"
    assert spark([], 5) == ""


def test_bars():
    assert bar(1.0, 4) == "████"
    assert bar(0.5, 1) == "▌"
    text = bars({"web1": 1, "web2": 3, "web3": 0}, 50, 5).plain
    assert "75.0 %" in text
    assert text.splitlines()[2].endswith("0.0 % ✗"), "a VM that never answered is marked, not only coloured"
    many = bars({f"web{number}": number for number in range(1, 100)}, 50, 4).plain.splitlines()
    assert len(many) == 4
    assert many[0].startswith("web1 ")
    assert "more between them" in many[-1]


def test_a_drills_marks_stand_where_they_happened():
    steps = [(float(second), 100.0, 50.0 if 10 <= second <= 20 else 0.0) for second in range(31)]
    lines = timeline(
        answers_and_failures(steps), [(0.0, "the load runs"), (15.0, "out of rotation")], 70, 8
    ).plain.splitlines()
    assert lines[0].startswith("answers")
    failures = lines[1][10:]
    assert failures[30].strip(), "in the middle there were failures"
    assert not failures[5].strip()
    assert abs(lines[2][10:].index("b") - 30) <= 1
    assert "15.0 s  out of rotation" in lines[-1]


def test_doors_are_what_one_types():
    found = doors("http://127.1.2.3:8081", {"web1": "127.1.2.3:50001"}, {}, {"web1": "me"})
    assert found == [("", "curl http://127.1.2.3:8081/"), ("web1", "ssh -p 50001 me@127.1.2.3")]


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({}, ("Set ", "SSH ", "50001-50003 → 22")),
        ({"machines.placement": "zones", "machines.zones": ("1", "3")}, ("Zones ", "1, 3, in turn")),
        ({"machines.placement": "scale-set", "scale_set.autoscale": True}, ("Scale set", "2 to 10 VMs")),
        ({"machines.os": "windows", "balancer.nat": "range"}, ("RDP ", "50001-50100 → 3389")),
        ({"network.rules": ({},), "machines.data_disks": ({}, {})}, ("Own rules", "2 more for each VM")),
    ],
)
def test_what_was_chosen_is_in_the_picture_of_a_plan(more, told):
    standard = {"balancer.nat_first_port": 50001, "balancer.nat_range": 100, "machines.update_domains": 5}
    scale = {"scale_set.minimum": 2, "scale_set.maximum": 10}
    text = picture({**PLAN, **standard, **scale, **more}.get, width=56).plain
    assert all(part in text for part in told)
    assert max(map(len, text.splitlines())) <= 56


def test_a_scale_sets_vms_have_names_once_azure_gave_them():
    plan = {**PLAN, "machines.placement": "scale-set"}
    assert "3 VMs" in picture(plan.get, width=44).plain
    assert "ra-multi-vm1" not in picture(plan.get, width=44).plain
    text = picture(plan.get, width=60, states={"set": "started"}).plain
    assert "3 VMs" in text
    assert "… creating" in text
    there = {"set": "done", "ra-multi-vm-vmss_638151ec": "done", "ra-multi-vm-vmss_bad4843d": "failed"}
    text = picture(plan.get, width=60, states=there).plain
    assert "638151ec" in text
    assert "✗ failed" in text
    many = {f"ra_{number:08}": "done" for number in range(40)}
    assert "40 VMs" in picture(plan.get, width=44, states=many).plain
