"""Every body, id and edge of the plans that go all ways through the blueprint: what Azure is sent, value by value."""

from __future__ import annotations

import pytest

from tests.blueprint import sdk_models, variants
from wizard import blueprint
from wizard.blueprint.resource import AtFirst
from wizard.plan import rules


@pytest.mark.parametrize("name", variants.VARIANTS)
def test_the_graph_is_as_it_was_written_down(name: str) -> None:
    graph = blueprint.build(variants.plan(name), variants.SUBSCRIPTION)
    assert variants.shown(graph, variants.ALONE.get(name, ())) == variants.kept(name)
    assert (graph.name, graph.subscription) == (variants.plan(name).name, variants.SUBSCRIPTION)
    assert graph.location == variants.plan(name).location


@pytest.mark.parametrize("name", variants.VARIANTS)
def test_no_variant_holds_a_property_the_sdk_does_not_know(name: str) -> None:
    for resource in blueprint.build(variants.plan(name), variants.SUBSCRIPTION):
        if resource.type in (*sdk_models.MODELS, *sdk_models.SHAPES):  # autoscale's has no SDK here
            assert sdk_models.unknown(resource.type, resource.body) == []


@pytest.mark.parametrize("name", variants.VARIANTS)
def test_each_variant_is_a_plan_that_deploys(name: str) -> None:
    faulty = {problem.field for problem in rules.check(variants.plan(name)) if problem.severity == "error"}
    assert faulty <= {"machines.ssh_key", "management.lock"}  # where a key, or a group of ours, makes no difference


def test_every_file_is_a_variants() -> None:
    assert {path.stem for path in variants.FOLDER.iterdir()} == set(variants.VARIANTS)


def test_a_count_is_planned_at_first_alone_where_autoscale_decides() -> None:
    for name, decides in (("scale-set", True), ("scale-set-windows", False)):
        (found,) = blueprint.build(variants.plan(name), variants.SUBSCRIPTION).of_type(
            "Microsoft.Compute/virtualMachineScaleSets"
        )
        assert isinstance(found.body["sku"]["capacity"], AtFirst) is decides
