"""A plan from a form's values: nested or by dotted key, whole or in part, and told as a file's."""

from __future__ import annotations

from typing import Any

import pytest

from tests.plan.strategies import ED25519
from wizard.plan import document, rules, values, workload
from wizard.plan.files import PlanProblems
from wizard.plan.model import DataDisk, Machines, Network, Placement, Plan, Rule

KEY = {"machines.ssh_key": ED25519}
LOCAL = {**KEY, "network.allow_admin": ("127.0.0.1/32",)}


def test_what_is_left_out_has_its_default() -> None:
    plan, problems = values.check({**LOCAL, "machines.count": 3, "name": "mine"})
    assert plan == Plan(name="mine", machines=Machines(ssh_key=ED25519, count=3))
    assert problems == []
    assert values.legal({**LOCAL, "machines.count": 3, "name": "mine"}) == plan


def test_a_warning_makes_a_plan_and_an_error_makes_none() -> None:
    plan, problems = values.check({**LOCAL, "machines.count": 1})
    assert plan is not None
    assert plan.machines.count == 1
    assert [(each.field, each.severity) for each in problems] == [("machines.count", "warning")]
    plan, problems = values.check({**LOCAL, "prefix": "", "machines.count": 1, "machines.sizes": "x", "name": "a."})
    assert plan is None
    found = [(each.field, each.severity) for each in problems]
    assert ("machines.count", "warning") in found
    assert [field for field, severity in found if severity == "error"] == ["name", "prefix", "machines.sizes"]
    with pytest.raises(PlanProblems) as raised:
        values.legal({**LOCAL, "name": "a."})
    assert raised.value.what == "This plan cannot be used."
    assert [each.field for each in raised.value.problems] == ["name"]
    assert raised.value.remedy == "Correct it and try again."


def test_values_by_dotted_key_nested_and_mixed_are_one_tree() -> None:
    tree = {"name": "a", "machines": {"count": 3, "placement": "zones", "zones": ["1"]}, "network": {"rules": []}}
    dotted = {
        "name": "a",
        "machines.count": 3,
        "machines.placement": Placement.ZONES,
        "machines.zones": ("1",),
        "network.rules": (),
    }
    mixed = {
        "name": "a",
        "machines": {"count": 3, "placement": Placement.ZONES},
        "machines.zones": ["1"],
        "network": {"rules": ()},
    }
    later = {"machines.zones": ("1",), "machines": {"count": 3, "placement": "zones"}, "name": "a", "network.rules": []}
    for given in (tree, dotted, mixed, later):
        assert values.tree(given) == tree
    assert values.tree({"odd.key": 1, "a.b.c": 2, "machines.a.b": 3, ".x": 4, "machines": 5}) == {
        "odd.key": 1,
        "a.b.c": 2,
        "machines": 5,
        ".x": 4,
    }


def test_choices_lists_and_tables_become_what_json_has() -> None:
    rule = Rule(name="mine", priority=300, ports=("9000", "9001"))
    plan = Plan(
        tags={"env": "x"},
        machines=Machines(placement=Placement.ZONES, data_disks=(DataDisk(size_gb=8),)),
        network=Network(rules=(rule,)),
    )
    nested = values.nested(plan)
    assert nested["machines"]["placement"] == "zones"
    assert type(nested["machines"]["placement"]) is str
    assert nested["machines"]["data_disks"] == [{"size_gb": 8, "type": "Premium_LRS", "caching": "none"}]
    assert nested["network"]["rules"][0]["ports"] == ["9000", "9001"]
    assert nested["network"]["rules"][0]["access"] == "deny"
    assert type(nested["network"]["rules"][0]["access"]) is str
    assert nested["tags"] == {"env": "x"}
    assert values.nested(document.flatten(plan)) == nested
    assert values.nested({"machines.count": 3}) == {"machines": {"count": 3}}
    assert values.check(nested)[0] is None  # there is no key yet
    assert values.legal({**nested, **KEY}) == plan.model_copy(
        update={"machines": plan.machines.model_copy(update={"ssh_key": ED25519})}
    )


def test_a_rule_is_asked_with_what_it_reads_and_of_the_most_machines_there_can_be() -> None:
    def judge(*given: Any) -> Any:
        return given

    made = rules._rule(judge, "a", "b")
    assert (made.judge, made.reads) == (judge, ("a", "b"))
    asked: Any = rules._at_most(judge, 1)
    assert asked("x", 3, "y", Placement.SCALE_SET, True, 9) == ("x", 9, "y")
    assert asked("x", 10, Placement.SCALE_SET, True, 9) == ("x", 10)
    assert asked("x", 3, Placement.SCALE_SET, False, 9) == ("x", 3)
    assert asked("x", 3, Placement.ZONES, True, 9) == ("x", 3)


def test_our_page_alone_names_its_machine() -> None:
    assert [workload.named(text) for text in ("page", "none", "own.yaml", "")] == [True, False, False, False]
    assert [workload.is_file(text) for text in ("page", "none", "own.yaml", "PAGE")] == [False, False, True, True]
