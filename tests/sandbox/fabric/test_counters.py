"""A machine's counters: what a rule asks for by name, and what the machine has done."""

from __future__ import annotations

import pytest

from wizard.blueprint import guests
from wizard.sandbox.fabric import counters
from wizard.sandbox.fabric.counters import Reading
from wizard.sandbox.fabric.meter import Meter

READING = Reading(25.0, 60.0, received=7200, sent=60_000, received_before=1200, sent_before=0)
MEMINFO = "MemTotal:        8000000 kB\nMemFree:         1 kB\nMemAvailable:    6000000 kB\n"


def test_every_counter_of_our_rules_is_one_that_a_machine_has() -> None:
    for specifiers, samples in (
        (guests.LINUX, counters.linux(READING, MEMINFO)),
        (guests.WINDOWS, counters.windows(READING)),
    ):
        for each in specifiers:
            assert list(counters.chosen(samples, [each])), each


@pytest.mark.parametrize(
    ("specifier", "values"),
    [
        ("Processor(*)\\% Processor Time", [25.0]),
        ("processor(_Total)\\% processor time", [25.0]),
        ("Processor(0)\\% Processor Time", []),
        ("Memory(*)\\% Used Memory", [25.0]),
        ("Network(*)\\Total Bytes Received", [7200.0]),
        ("Processor", []),
        ("\\Nobody(*)\\Has This", []),
    ],
)
def test_a_linux_machine_sends_what_is_asked_for(specifier: str, values: list[float]) -> None:
    samples = counters.linux(READING, MEMINFO)
    assert [one.value for one in counters.chosen(samples, [specifier])] == values


def test_a_windows_machine_tells_rates() -> None:
    samples = counters.windows(READING)
    asked = ["\\Network Interface(*)\\Bytes Received/sec", "\\Network Interface(*)\\Bytes Sent/sec"]
    assert [one.value for one in counters.chosen(samples, asked)] == [100.0, 1000.0]


def test_a_machines_bytes_are_those_of_all_its_rules() -> None:
    meter, vm = Meter(), "/vm"
    for rule, sent, received in (("/lb/loadBalancingRules/a", 10, 100), ("/lb/loadBalancingRules/b", 1, 5)):
        traffic = meter.traffic(rule, vm, {})
        traffic.sent, traffic.received = sent, received
    assert meter.carried(vm) == (11, 105)
    assert meter.carried("/other") == (0, 0)
