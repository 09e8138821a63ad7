"""How long deployments take beside how long they have to, by the sandbox's own account."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bench import makespan
from bench.deploy import FewAtOnce
from bench.makespan import Makespan
from wizard import blueprint as blueprints
from wizard.azure import preload
from wizard.blueprint.resource import Blueprint, Resource
from wizard.deploy import engine, teardown
from wizard.deploy.secrets import Secrets

MACHINES = 8
PARALLEL = 3.0
"""What the ratio stays below on a busy computer at a hundred times the speed; at Azure's own it is below 1.1."""


@pytest.fixture(scope="module", autouse=True)
def sdk_is_loaded() -> None:
    """Its import takes a second, which is longer than the whole path at this speed."""
    preload.preload()


async def measured(plan: Any, azure: Any, sandbox: dict[str, Any], at_once: int = 0) -> Makespan:
    wanted = plan.model_copy(update={"machines": plan.machines.model_copy(update={"count": MACHINES})})
    graph = blueprints.build(wanted, azure.subscription_id)
    log = Path(sandbox["requests_log"])
    before = len(makespan.read(log))
    await engine.deploy(graph, FewAtOnce(azure, at_once) if at_once else azure, Secrets(), lambda event: None)
    seen = makespan.of(makespan.read(log)[before:], graph, sandbox["speed"])
    await teardown.destroy(azure, plan.name, lambda event: None)
    return seen


async def test_a_deployment_takes_about_as_long_as_its_longest_path(plan, azure, sandbox):
    seen = await measured(plan, azure, sandbox)
    if seen.ratio >= PARALLEL:  # others keep this computer busy: no ratio is too high twice by chance alone
        seen = await measured(plan, azure, sandbox)
    assert seen.writes == 8 + 2 * MACHINES
    assert 0.95 < seen.ratio < PARALLEL, seen
    assert seen.throttled == 0
    assert seen.requests["poll"] < 3 * seen.writes, "fewer questions than the half of a blind rhythm's"
    if seen.closest_s is not None:
        assert seen.closest_s >= 0.9 * azure.cloud.poll_floor_s


async def test_one_after_the_other_would_be_noticed(plan, azure, sandbox):
    seen = await measured(plan, azure, sandbox, at_once=1)
    assert seen.ratio > 1.5 * PARALLEL


async def test_what_was_learned_is_kept_and_holds_for_azures_pace(plan, azure, sandbox, multivm_home):
    from wizard.azure.durations import Durations

    await measured(plan, azure, sandbox)
    azure.durations.save()
    kind = "microsoft.compute/virtualmachines standard_d2s_v5"
    assert 30 < Durations.load(azure.cloud).expected_s(kind) * azure.cloud.pace < 90
    text = (multivm_home / "durations.json").read_text()
    assert plan.name not in text
    assert azure.subscription_id not in text


def resource(name: str, *after: str) -> Resource:
    return Resource(f"/subscriptions/s/resourceGroups/g/providers/N/t/{name}", "N/t", name, {}, after)


@pytest.mark.parametrize(
    ("rate", "bound"),
    [(1.0, 7.0), (0.1, 6 * 10 + 1)],  # the path; or the seventh of seven writes, when there is one token at first
)
def test_the_bound_is_the_longest_path_or_what_the_bucket_dictates(rate: float, bound: float):
    first = resource("first")
    late = [resource(f"late{number}", first.id) for number in range(5)]
    last = resource("last", late[0].id)
    graph = Blueprint("g", "s", "l", (first, *late, last))
    took = {each.id.lower(): 5.0 for each in graph} | {first.id.lower(): 1.0, last.id.lower(): 1.0}
    path, found = makespan._bounds(graph, took, (5.0 if rate == 1.0 else 1.0, rate))
    assert path == 7.0
    assert found == pytest.approx(bound)
