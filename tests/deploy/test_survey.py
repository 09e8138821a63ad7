"""What a survey finds under each planned id, and how it tells that to a person and to a program."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.deploy.memory import NAME, Memory, blueprint, group, resource
from wizard.blueprint.resource import OWNER_TAG, Resource
from wizard.deploy import survey
from wizard.deploy.compare import Difference
from wizard.deploy.survey import Found, Survey
from wizard.errors import WizardError

MACHINE = "Microsoft.Compute/virtualMachines"


def live(planned: Resource, state: str = "Succeeded", **properties: Any) -> dict[str, Any]:
    body = {"id": planned.id, "name": planned.name, "type": planned.type, **planned.body}
    return {**body, "properties": {**planned.body.get("properties", {}), "provisioningState": state, **properties}}


def differences(count: int, *, there: object = 1, planned: object = 2) -> tuple[Difference, ...]:
    return tuple(Difference(("properties", f"p{number}"), planned, there) for number in range(count))


def test_each_state_is_told_apart_and_keeps_what_it_was_judged_by() -> None:
    vm = resource("vm1", type=MACHINE, properties={"size": "a"})
    there = Difference(("properties", "size"), "a", "b")
    cases: tuple[tuple[dict[str, Any], survey.State, tuple[Difference, ...]], ...] = (
        (live(vm), "same", ()),
        (live(vm, "Updating", size="b"), "busy", (there,)),
        (live(vm, "Deleting", size="b"), "leaving", ()),
        (live(vm, size="b"), "fixed", (there,)),
        (live(vm, "Failed", size="b"), "fixed", (there,)),
        (live(vm, "Failed"), "broken", ()),
        ({**live(vm), "tags": {}}, "foreign", ()),
    )
    for document, state, found in cases:
        assert survey.find(vm, document, NAME) == Found(vm, state, document, found)
    assert survey.find(vm, None, NAME) == Found(vm, "absent")
    named = {**live(vm), "tags": {OWNER_TAG: NAME}}
    tagged = resource("vm1", type=MACHINE, properties={"size": "a"}, tags={OWNER_TAG: NAME, "cost": "1"})
    more = (Difference(("tags", "cost"), "1", None),)
    assert survey.find(tagged, named, NAME) == Found(tagged, "differs", named, more)
    failed = {**live(vm, "Failed"), "tags": {OWNER_TAG: NAME}}
    assert survey.find(tagged, failed, NAME) == Found(tagged, "broken", failed, more)


def test_a_program_is_told_all_that_a_deployment_would_meet() -> None:
    root = group()
    nsg = resource("nsg", root, type=MACHINE)
    assert Found(nsg, "differs", {}, differences(7)).as_event() == {
        "event": "planned",
        "id": nsg.id,
        "type": MACHINE,
        "name": "nsg",
        "after": [root.id],
        "state": "differs",
        "differences": [{"where": f"properties.p{n}", "planned": "2", "live": "1"} for n in range(6)],
    }


@pytest.mark.parametrize(
    ("value", "shown"),
    [(None, "not set"), ("", ""), (0, "0"), ("x" * 60, "x" * 60), ("x" * 61, "x" * 57 + "...")],
)
def test_a_person_is_told_what_is_there_and_what_is_planned(value: object, shown: str) -> None:
    found = Found(group(), "differs", {}, differences(7, there=value, planned="new"))
    assert found.told() == [f"properties.p{number}: {shown} -> new" for number in range(6)]


def test_what_is_not_ours_is_named_with_its_owner() -> None:
    root, nsg = group(), resource("nsg")
    findings = (
        Found(root, "foreign", {"tags": {OWNER_TAG: "another"}}),
        Found(nsg, "foreign", {}),
        Found(Resource("/x/page", f"{MACHINE}/extensions", "page", {}), "foreign", {}),
        Found(resource("fixed"), "fixed", {}, differences(1)),
    )
    with pytest.raises(WizardError) as raised:
        Survey(NAME, findings).refuse()
    assert raised.value.what == (
        "Resources of the planned names exist and do not belong to this deployment: "
        f"{NAME} (resourceGroups, of the deployment another), nsg (networkSecurityGroups), page (extensions)."
    )
    assert raised.value.why == f"They lack the tag {OWNER_TAG} = {NAME}. Nothing was written."
    assert raised.value.remedy.startswith("Choose another name or prefix")


def test_what_cannot_be_changed_is_named_with_three_differences_of_each() -> None:
    findings = (Found(resource("a"), "fixed", {}, differences(4)), Found(resource("b"), "fixed", {}, differences(1)))
    with pytest.raises(WizardError) as raised:
        Survey(NAME, findings).refuse()
    parts = [f"a: properties.p{number} is 1, planned 2" for number in range(3)]
    assert raised.value.what == (
        f"The plan asks for changes that cannot be made in place: {'; '.join(parts)}; b: properties.p0 is 1, planned 2."
    )
    assert raised.value.why
    assert raised.value.remedy


async def test_findings_come_in_the_blueprints_order_wherever_the_group_stands() -> None:
    root = group()
    a, b = resource("a", root), resource("b", root)
    memory = Memory(live(root), live(b))
    taken = await survey.take(blueprint(a, root, b), memory)
    assert [(found.resource, found.state) for found in taken.findings] == [(a, "absent"), (root, "same"), (b, "same")]
    assert taken.deployment == NAME
    assert taken.to_create == (a,)
    assert not taken.complete
    assert sorted(memory.names(memory.reads)) == ["a", "b", NAME]


async def test_without_its_group_nothing_more_is_asked_for() -> None:
    root = group()
    graph = blueprint(root, resource("a", root))
    memory = Memory()
    assert await survey.take(graph, memory) == Survey(NAME, tuple(Found(each, "absent") for each in graph))
    assert memory.names(memory.reads) == [NAME]


async def test_in_a_group_of_somebody_elses_each_resource_is_asked_for() -> None:
    a, b = resource("a"), resource("b")
    memory = Memory(live(a))
    taken = await survey.take(blueprint(a, b), memory)
    assert [found.state for found in taken.findings] == ["same", "absent"]
    assert memory.names(memory.reads) == ["a", "b"]


async def test_an_error_of_one_read_is_raised_when_no_other_reads_on() -> None:
    class Slow(Memory):
        async def get(self, id: str) -> dict[str, Any] | None:
            try:
                return await super().get(id)
            finally:
                for _ in range(9):  # a connection that is given back
                    await asyncio.sleep(0)

    root = group()
    resources = [resource(f"r{number}", root) for number in range(40)]
    memory = Slow(live(root))

    def fail(name: str, times: int) -> None:
        if name == "r3":
            raise WizardError("No.")

    memory.on_read = fail
    with pytest.raises(WizardError, match=r"No\."):
        await survey.take(blueprint(root, *resources), memory)
    assert asyncio.all_tasks() == {asyncio.current_task()}
