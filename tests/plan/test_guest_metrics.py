"""The key diagnostics.guest_metrics: where figures may go, when agents are cut off, and the way to a file and back."""

from __future__ import annotations

import tomllib

import pytest

from wizard.plan import files, rules
from wizard.plan.management import GUEST_METRICS
from wizard.plan.model import Diagnostics, Machines, Network, Outbound, Plan

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDwz3nRdRcJXIM6MiQKRAh3GkmqbS2zMI1RTh5BIB9vE somebody@somewhere"


def plan(outbound: Outbound = Outbound.NAT_GATEWAY, **diagnostics: object) -> Plan:
    return Plan(
        machines=Machines(ssh_key=KEY),
        network=Network(outbound=outbound),
        diagnostics=Diagnostics.model_validate(diagnostics),
    )


@pytest.mark.parametrize(
    ("given", "severities"),
    [
        (plan(guest_metrics=True), {GUEST_METRICS: "error"}),
        (plan(guest_metrics=True, storage_account=True), {GUEST_METRICS: "error"}),  # which takes no counters
        (plan(guest_metrics=True, workspace="new"), {}),
        (plan(workspace="new"), {"diagnostics.workspace": "warning"}),
        (
            plan(Outbound.NONE, guest_metrics=True, workspace="new"),
            {GUEST_METRICS: "warning", "network.outbound": "warning"},
        ),
    ],
)
def test_what_is_told(given: Plan, severities: dict[str, str]) -> None:
    assert {problem.field: problem.severity for problem in rules.check(given)} == severities


def test_a_file_holds_it_with_a_comment_and_gives_it_back() -> None:
    wanted = plan(guest_metrics=True, workspace="new")
    text = files.dumps(wanted)
    assert tomllib.loads(text)["diagnostics"]["guest_metrics"] is True
    assert "Azure Monitor agent" in text
    assert files.check(text) == (wanted, [])
    described = files.json_schema()["$defs"]["Diagnostics"]["properties"]["guest_metrics"]
    assert (described["type"], described["default"]) == ("boolean", False)
