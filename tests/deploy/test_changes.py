"""What may be written over a live resource, and what such a write keeps."""

from __future__ import annotations

import copy

from hypothesis import given
from hypothesis import strategies as st

from tests.deploy.memory import resource
from wizard.blueprint.resource import AtFirst, Resource
from wizard.deploy.changes import cannot_change, update_body
from wizard.deploy.compare import Difference, same

BALANCER = "Microsoft.Network/loadBalancers"
MACHINE = "Microsoft.Compute/virtualMachines"


def refused(type: str, *paths: str) -> list[str]:
    differences = [Difference(tuple(path.split("/")), 1, 2) for path in paths]
    return [difference.where for difference in cannot_change(resource("x", type=type), differences)]


def test_rules_probes_and_tags_change_in_place():
    assert refused(BALANCER, "tags/x", "properties/probes/http/properties/port", "properties/inboundNatRules") == []
    assert refused("microsoft.network/NETWORKSECURITYGROUPS", "properties/securityRules/a/properties/priority") == []


def test_what_would_replace_or_restart_does_not():
    assert refused(BALANCER, "sku/name", "location", "properties/frontendIPConfigurations/fe/zones") == [
        "sku.name",
        "location",
        "properties.frontendIPConfigurations.fe.zones",
    ]
    for path in ("properties/hardwareProfile/vmSize", "properties/availabilitySet/id", "zones", "properties"):
        assert refused(MACHINE, path)
    assert refused("Microsoft.Network/virtualNetworks", "properties/subnets/web/properties/addressPrefix")
    assert not refused("Microsoft.Network/virtualNetworks", "properties/subnets/web/properties/natGateway/id")


def test_a_type_nobody_thought_of_changes_its_tags_alone():
    assert refused("Microsoft.New/things", "tags", "properties/x") == ["properties.x"]


def test_an_update_keeps_what_others_added():
    planned = resource("lb", type=BALANCER, properties={"probes": [{"name": "http", "properties": {"port": 80}}]})
    live = {
        "id": planned.id,
        "etag": "1",
        "location": "West Europe",
        "tags": {"cost": "42"},
        "properties": {
            "probes": [{"name": "HTTP", "properties": {"port": 81, "old": True}}, {"name": "theirs"}],
            "inboundNatRules": [{"name": "theirs"}],
            "provisioningState": "Succeeded",
        },
    }
    before = copy.deepcopy(live)
    body = update_body(planned, live)
    assert body["properties"]["probes"] == [{"name": "http", "properties": {"port": 80}}, {"name": "theirs"}]
    assert body["properties"]["inboundNatRules"] == [{"name": "theirs"}]
    assert body["tags"] == {**planned.body["tags"], "cost": "42"}
    assert body["location"] == "West Europe"
    assert not {"id", "etag"} & set(body)
    assert live == before


def test_an_update_sends_no_value_that_arm_takes_only_once():
    profile = {"osProfile": {"customData": "x", "adminPassword": "y", "adminUsername": "u"}}
    body = update_body(resource("vm", type=MACHINE, properties=profile), {"location": "westeurope"})
    assert body["properties"]["osProfile"] == {"adminUsername": "u"}


names = st.lists(st.sampled_from("pqrs"), unique=True, max_size=4)
items = names.flatmap(
    lambda chosen: st.tuples(
        *(st.builds(lambda n, p: {"name": n, "properties": {"p": p}}, st.just(c), st.integers(0, 3)) for c in chosen)
    )
)
bodies = st.fixed_dictionaries(
    {"tags": st.dictionaries(st.sampled_from("ab"), st.sampled_from("xy"))}, optional={"sku": st.sampled_from("SB")}
).flatmap(
    lambda rest: st.builds(
        lambda rules, n: {**rest, "properties": {"rules": list(rules), "n": n}}, items, st.integers(0, 3)
    )
)


@given(bodies, bodies)
def test_what_an_update_writes_is_what_was_planned(planned, live):
    made = resource("x", type=BALANCER, **planned)
    assert same(made.body, update_body(made, live)) == []


def test_what_somebody_added_to_a_list_without_names_is_replaced_with_it():
    planned = resource("x", type=BALANCER, zones=["1"], properties={"ids": [{"id": "a"}], "names": [{"name": "n"}]})
    live = {
        **planned.body,
        "zones": ["1", "2"],
        "properties": {"ids": [{"id": "a"}, {"id": "b"}], "names": [{"other": "m"}], "kept": [1]},
    }
    body = update_body(planned, live)
    assert body["zones"] == ["1"]
    assert body["properties"] == {"ids": [{"id": "a"}], "names": [{"name": "n"}], "kept": [1]}


def test_only_tags_properties_and_sku_are_merged_with_what_is_there():
    planned = resource("x", sku={"name": "S"}, properties={"a": {"b": 1}, "tags": {"t": 1}}, plan={"p": 1})
    live = {
        "sku": {"name": "B", "tier": "T"},
        "plan": {"p": 2, "q": 2},
        "identity": {"type": "x"},
        "properties": {"a": {"b": 2, "c": 2}, "tags": {"u": 2}},
    }
    body = update_body(planned, live)
    assert body["sku"] == {"name": "S", "tier": "T"}
    assert body["plan"] == {"p": 1}
    assert body["identity"] == {"type": "x"}
    assert body["properties"] == {"a": {"b": 1}, "tags": {"t": 1, "u": 2}}
    assert body["location"] == "westeurope"
    text = update_body(resource("x", sku="S", properties={"sku": {"n": 1}}), {"sku": {"name": "B"}, "properties": {}})
    assert (text["sku"], text["properties"]) == ("S", {"sku": {"n": 1}})


def test_what_is_planned_at_first_alone_is_left_as_it_is():
    planned = resource("x", sku={"capacity": AtFirst(2), "name": "S"}, properties={"n": AtFirst(1)})
    live = {"sku": {"capacity": 7, "name": "B"}, "properties": {"n": None}}
    body = update_body(planned, live)
    assert body["sku"] == {"capacity": 7, "name": "S"}
    assert body["properties"] == {"n": 1}


def test_what_arm_told_of_the_resource_itself_is_not_sent_back():
    told = dict.fromkeys(("id", "name", "type", "etag", "resources", "systemData"), "x")
    assert set(update_body(resource("x"), {**told, "kind": "k"})) == {"location", "tags", "properties", "kind"}


def test_a_location_is_sent_back_as_arm_spells_it_but_another_one_is_not():
    planned = resource("x")
    assert update_body(planned, {"location": "West Europe"})["location"] == "West Europe"
    assert update_body(planned, {"location": "northeurope"})["location"] == "westeurope"
    assert update_body(planned, {})["location"] == "westeurope"
    nowhere = Resource(planned.id, planned.type, planned.name, {"properties": {}})
    assert update_body(nowhere, {"location": "global"})["location"] == "global"
    assert "location" not in update_body(nowhere, {})


def test_what_is_sent_shares_nothing_with_what_was_planned_or_read():
    planned = resource("x", properties={"rules": [{"name": "a", "properties": {"p": 1}}], "list": [{"deep": [1]}]})
    live = {"properties": {"rules": [{"name": "b", "properties": {"p": 2}}], "other": {"deep": [2]}}}
    before = copy.deepcopy((dict(planned.body), live))
    body = update_body(planned, live)
    body["tags"]["more"] = "x"
    for rule in body["properties"]["rules"]:
        rule["properties"]["p"] = 9
    body["properties"]["list"][0]["deep"].append(9)
    body["properties"]["other"]["deep"].append(9)
    assert (dict(planned.body), live) == before


def test_values_that_are_taken_only_once_are_left_out_of_lists_and_tuples_too():
    secret = {"adminPassword": "y", "kept": 1}
    body = update_body(resource("x", properties={"list": [secret], "tuple": (secret, "text")}), {"properties": {}})
    assert body["properties"] == {"list": [{"kept": 1}], "tuple": [{"kept": 1}, "text"]}


def test_an_identity_of_somebody_elses_stays_beside_ours():
    vm = resource("vm", type=MACHINE, identity={"type": "SystemAssigned"})
    theirs = {"type": "UserAssigned", "userAssignedIdentities": {"/subscriptions/s/x": {"clientId": "1"}}}
    (difference,) = same(vm.body, {**vm.body, "identity": theirs})
    assert (difference.where, refused(MACHINE, "identity/type")) == ("identity.type", [])
    written = update_body(vm, {**vm.body, "identity": theirs})["identity"]
    assert written == {**theirs, "type": "SystemAssigned, UserAssigned"}
    assert same(vm.body, {**vm.body, "identity": {**written, "principalId": "2"}}) == []
    assert same(vm.body, {**vm.body, "identity": {"type": "None"}}) != []
    assert same(vm.body, {**vm.body, "identity": None}) != []
