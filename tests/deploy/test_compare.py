"""A planned body against a live document: what counts as a difference, and what ARM's spelling does not make one."""

from __future__ import annotations

import copy
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wizard.deploy.compare import same

ID = "/subscriptions/S/resourceGroups/g/providers/Microsoft.Network/loadBalancers/lb"


@pytest.mark.parametrize(
    ("desired", "live"),
    [
        ({"location": "westeurope"}, {"location": "West Europe"}),
        ({"id": ID}, {"id": ID.replace("resourceGroups", "resourcegroups").upper().replace("/SUB", "/sub")}),
        ({"a": 1}, {"a": 1, "provisioningState": "Succeeded"}),
        ({"tags": {"ours": "x"}}, {"tags": {"ours": "x", "theirs": "y"}}),
        ({"port": 80}, {"port": "80"}),
        ({"minimum": "2"}, {"minimum": 2}),
        ({"on": True}, {"on": "true"}),
        ({"protocol": "Tcp"}, {"protocol": "TCP"}),
        ({"osProfile": {"adminPassword": "x", "customData": "y"}}, {"osProfile": {}}),
        ({"protectedSettings": {"p": 1}, "settings": {}}, {}),
        ({"nothing": None, "empty": {}, "none": []}, {}),
        ({"rules": []}, {"rules": [{"name": "of others"}]}),
        ({"zones": ["1", "2"]}, {"zones": ["2", "1"]}),
        (
            {"keys": [{"path": "p", "keyData": "a"}, {"path": "p", "keyData": "b"}]},
            {"keys": [{"path": "p", "keyData": "b\n"}, {"path": "p", "keyData": "a"}]},
        ),
        ({"rules": [{"name": "A", "x": 1}]}, {"rules": [{"name": "z"}, {"name": "a", "x": 1, "y": 2}]}),
        ({"pools": [{"id": ID}]}, {"pools": [{"id": "/subscriptions/S/x"}, {"id": ID.upper()}]}),
    ],
)
def test_same(desired, live):
    assert same(desired, live) == []


@pytest.mark.parametrize(
    ("desired", "live", "where"),
    [
        ({"location": "westeurope"}, {"location": "northeurope"}, "location"),
        ({"a": {"b": 1}}, {"a": {"b": 2}}, "a.b"),
        ({"a": {"b": 1}}, {"a": None}, "a"),
        ({"a": 1}, {}, "a"),
        ({"A": 1}, {"a": 1}, "A"),
        ({"tags": {"ours": "x"}}, {"tags": {"ours": "X"}}, "tags.ours"),
        ({"on": True}, {"on": False}, "on"),
        ({"on": False}, {"on": None}, "on"),
        ({"n": 0}, {"n": None}, "n"),
        ({"label": ""}, {"label": "x"}, "label"),
        ({"path": "/Health"}, {"path": "/health"}, "path"),
        ({"prefixes": ["a", "b"]}, {"prefixes": ["a"]}, "prefixes"),
        ({"prefixes": ["a"]}, {"prefixes": ["a", "b"]}, "prefixes"),
        ({"prefixes": []}, {"prefixes": ["a"]}, "prefixes"),
        ({"prefixes": ["a", "a"]}, {"prefixes": ["a", "b"]}, "prefixes"),
        ({"rules": [{"name": "r", "x": 1}]}, {"rules": [{"name": "r", "x": 2}]}, "rules.r.x"),
        ({"rules": [{"name": "r"}]}, {"rules": []}, "rules.r"),
        ({"rules": [{"name": "r"}]}, {}, "rules"),
        ({"id": ID}, {"id": ID + "2"}, "id"),
    ],
)
def test_different(desired, live, where):
    assert [difference.where for difference in same(desired, live)] == [where]


def test_a_difference_tells_both_values_and_all_are_told():
    found = same({"a": 1, "b": {"c": "x"}, "d": 4}, {"a": 2, "b": {"c": "y"}, "d": 4})
    assert [(d.where, d.desired, d.live) for d in found] == [("a", 1, 2), ("b.c", "x", "y")]


def test_an_item_that_could_take_two_partners_leaves_the_other_its_own():
    assert same({"keys": [{}, {"a": 1}]}, {"keys": [{"a": 1}, {"b": 2}]}) == []


scalars = st.none() | st.booleans() | st.integers(-9, 9) | st.sampled_from(["", "x", "80", "West Europe", ID])
keys = st.sampled_from(["a", "b", "location", "protocol", "tags", "adminPassword"])


def named(children: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    item = st.builds(lambda name, inner: {"name": name, "properties": inner}, st.sampled_from("pqrst"), children)
    return st.lists(item, max_size=4, unique_by=lambda item: item["name"])


documents = st.recursive(
    scalars,
    lambda children: st.dictionaries(keys, children, max_size=4) | st.lists(children, max_size=4) | named(children),
    max_leaves=20,
)


def shaken(value: Any, draw: random.Random) -> Any:
    """The same document as ARM might tell it: more keys, another order in lists, no write-only values."""
    if isinstance(value, dict):
        told = {key: shaken(inner, draw) for key, inner in value.items() if key != "adminPassword"}
        return {**told, "readOnly": draw.random()}
    if isinstance(value, list):
        items = [shaken(item, draw) for item in value]
        draw.shuffle(items)
        return items
    return value


@given(documents)
def test_every_document_is_the_same_as_itself(document):
    assert same(document, copy.deepcopy(document)) == []


@given(documents, st.randoms(use_true_random=False))
def test_defaults_order_and_hidden_values_make_no_difference(document, draw):
    assert same(document, shaken(document, draw)) == []


@given(st.dictionaries(st.sampled_from("abcdef"), documents, max_size=5), st.integers(1, 9))
def test_a_changed_value_is_found_where_it_is(document, number):
    live = {**copy.deepcopy(document), "changed": number}
    found = same({**document, "changed": number + 1}, live)
    assert [(d.path, d.desired, d.live) for d in found] == [(("changed",), number + 1, number)]


@given(documents, documents)
def test_it_never_raises_and_never_changes_what_it_compares(desired, live):
    before = copy.deepcopy((desired, live))
    same(desired, live)
    assert (desired, live) == before
