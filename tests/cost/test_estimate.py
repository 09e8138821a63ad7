"""What a plan costs at a list of fixed prices; each sum is worked out by hand beside it."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from tests.cost.lists import LIST, plan
from wizard import blueprint
from wizard.blueprint.resource import Blueprint, Resource
from wizard.cost import reading, words
from wizard.cost.estimate import Estimate, reckon

NOW = datetime(2026, 11, 30, tzinfo=UTC)
NETWORK = Decimal("7.30") + Decimal("18.25") + Decimal("32.85")
"""730 h of two addresses at 0.005, of up to 5 rules at 0.025, and of a NAT gateway at 0.045."""


def estimate(rows=LIST, billed=True, **sections) -> Estimate:
    graph = blueprint.build(plan(**sections), "sub")
    return reckon(reading.needs(graph, "westeurope"), rows, region="westeurope", billed=billed, now=NOW)


def fixed(found: Estimate) -> dict[str, tuple[int, int]]:
    return {line.what: (line.count.least, line.count.most) for line in found.lines if not line.by_use}


def test_two_linux_machines_as_we_recommend_them():
    found = estimate()
    # 2 x 0.1 x 730 + 2 x 5 (P4: the image's 30 GiB) + the network
    assert found.monthly.least == found.monthly.most == Decimal(146) + Decimal(10) + NETWORK
    assert found.monthly.least == Decimal("214.40")
    assert found.hourly.least == Decimal("214.40") / 730
    assert not found.unpriced
    assert fixed(found) == {
        "Standard_D2s_v5, Linux": (2, 2),
        "OS disk P4, Premium_LRS": (2, 2),
        "Public IP address": (2, 2),
        "Load balancer, up to 5 rules": (1, 1),
        "NAT gateway": (1, 1),
    }
    assert next(iter(fixed(found))).startswith("Standard_D2s_v5"), "machines are told first"
    assert words.headline(found) == "about $214 a month"


def test_windows_has_its_own_price_and_a_larger_disk():
    found = estimate(machines={"os": "windows", "image": "windows-2022", "auth": "password", "ssh_key": ""})
    # 2 x 0.2 x 730 + 2 x 20 (P10: 127 GiB)
    assert found.monthly.least == Decimal(292) + Decimal(40) + NETWORK
    assert "Standard_D2s_v5, Windows" in fixed(found)


def test_data_disks_are_billed_by_the_next_tier_up():
    disks = [
        {"size_gb": 100, "type": "Premium_LRS"},
        {"size_gb": 128, "type": "Premium_ZRS"},
        {"size_gb": 129, "type": "Premium_LRS"},
        {"size_gb": 65, "type": "StandardSSD_LRS"},
    ]
    found = estimate(machines={"data_disks": disks})
    # two of each: P10 20, P10 ZRS 30, P15 40, E10 9.6
    assert found.monthly.least == Decimal("214.40") + 2 * (20 + 30 + 40 + Decimal("9.6"))
    operations = next(line for line in found.lines if line.what == "Reads and writes of E10 LRS")
    assert (operations.by_use, operations.price, operations.monthly) == (True, Decimal("0.002"), None)
    assert not any("P10" in line.what for line in found.lines if line.by_use), "those of Premium SSD cost nothing"


def test_zones_cost_what_a_set_costs():
    assert estimate(machines={"placement": "zones", "zones": ["1", "2"]}).monthly == estimate().monthly


def scale_set(**fields):
    return {"machines": {"placement": "scale-set", "count": 3}, "balancer": {"nat": "range"}, "scale_set": fields}


def test_a_scale_set_with_autoscale_costs_from_its_least_to_its_most():
    found = estimate(**scale_set(autoscale=True, minimum=2, maximum=10))
    each = Decimal(73) + 5  # an hour at 0.1 for 730 h, and a P4
    assert found.monthly.least == 2 * each + NETWORK
    assert found.monthly.most == 10 * each + NETWORK
    assert fixed(found)["Standard_D2s_v5, Linux"] == (2, 10)
    assert words.headline(found) == "about $214-838 a month"
    assert estimate(**scale_set()).monthly.most == 3 * each + NETWORK, "without it, what it has"


def test_rules_beyond_the_fifth_cost_more_and_nat_rules_nothing():
    graph = blueprint.build(plan(machines={"count": 20}), "sub")
    few = reading.needs(graph, "westeurope")
    assert not any("further rule" in need.what for need in few), "20 NAT rules are no load balancing rules"
    balancer = next(each for each in graph if each.type.endswith("loadBalancers"))
    rules: dict[str, list[dict[str, str]]] = {"loadBalancingRules": [{}] * 6, "outboundRules": [{}] * 2}
    more = Resource(balancer.id, balancer.type, balancer.name, {"properties": rules})
    found = reckon(
        reading.needs(Blueprint("g", "sub", "westeurope", (more,)), "westeurope"),
        LIST,
        region="westeurope",
        billed=True,
        now=NOW,
    )
    assert found.monthly.least == Decimal("18.25") + 3 * Decimal("7.30")


def test_what_costs_the_same_everywhere_is_asked_where_the_cloud_lists_it():
    needs = reading.needs(blueprint.build(plan(), "sub"), "usgovvirginia", "US Gov")
    regions = {need.meter.service: need.meter.region for need in needs if need.meter}
    assert {service for service, region in regions.items() if region == "US Gov"} == {"Load Balancer", "NAT Gateway"}
    assert set(regions.values()) == {"US Gov", "usgovvirginia"}


def test_what_depends_on_use_has_its_price_and_no_sum():
    found = estimate(diagnostics={"storage_account": True, "health_events": True, "workspace": "new"})
    used = {line.what: words.by_use(line) for line in found.lines if line.by_use}
    assert used == {
        "Through the load balancer": "$0.005 per GB",
        "Out to the Internet": "$0.08 per GB after 100 a month",
        "Through the NAT gateway": "$0.045 per GB",
        "Kept in storage accounts": "$0.02 per GB and month",
        "Taken in by the workspace": "$2.50 per GB after 5 a month",
    }
    assert found.monthly == estimate().monthly
    assert all(line.monthly is None and line.as_event()["quantity"] is None for line in found.lines if line.by_use)


def test_without_a_way_out_nothing_of_it_is_billed():
    assert estimate(network={"outbound": "none"}).monthly.least == Decimal("214.40") - Decimal("32.85") - Decimal(
        "3.65"
    )


def test_what_has_no_price_is_named_and_not_counted_as_nothing():
    rows = [row for row in LIST if "Public IP" not in row["meterName"]]
    found = estimate(rows)
    assert found.monthly.least == Decimal("214.40") - Decimal("7.30")
    assert [line.what for line in found.unpriced] == ["Public IP address"]
    assert words.headline(found) == "at least $207 a month"
    assert "Public IP address" in words.notes(found)[0]
    told = found.as_event()
    assert (told["complete"], told["without_price"]) == (False, ["Public IP address"])


@pytest.mark.parametrize(
    ("machines", "what"),
    [
        ({"image": "rhel-9"}, "Licence of RedHat RHEL"),
        (
            {"image": "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/images/mine"},
            "OS disk, Premium_LRS",
        ),
        ({"size": "Standard_X9"}, "Standard_X9, Linux"),
    ],
)
def test_licences_unknown_sizes_and_unknown_disks_are_named(machines, what):
    found = estimate(machines=machines)
    assert what in [line.what for line in found.unpriced]
    assert all(line.why for line in found.unpriced)


def test_a_disk_size_of_ones_own_counts_also_where_the_image_is_unknown():
    image = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/images/mine"
    found = estimate(machines={"image": image, "os_disk_gb": 100})
    assert fixed(found)["OS disk P10, Premium_LRS"] == (2, 2)


def test_a_type_that_nobody_knows_is_named():
    known = blueprint.build(plan(), "sub")
    odd = Resource("/odd", "Microsoft.Network/firewalls", "wall", {})
    needs = reading.needs(Blueprint("g", "sub", "westeurope", (*known.resources, odd)), "westeurope")
    assert [(need.what, bool(need.why)) for need in needs if need.meter is None] == [("firewalls wall", True)]


def test_every_type_of_every_plan_is_read_or_free():
    everything = estimate(
        diagnostics={"storage_account": True, "health_events": True, "workspace": "new"},
        management={"lock": "delete"},
    )
    assert everything.unpriced == []


def test_without_any_price_it_is_not_known_and_the_reason_is_told():
    graph = blueprint.build(plan(), "sub")
    told = {"why": "prices.azure.com did not answer within 5 s."}
    needs = reading.needs(graph, "westeurope")
    silent = {need.meter.question for need in needs if need.meter}
    found = reckon(needs, [], region="westeurope", billed=True, unanswered=silent, told=told, now=NOW)
    assert not found.known
    assert {line.why for line in found.lines} == {"The list of prices did not tell."}
    assert words.notes(found) == [told["why"]]
    assert words.headline(found) == "not known"
    assert words.sentence(found).endswith("prices.azure.com did not answer within 5 s.")
    assert (found.as_event()["monthly"], found.as_event()["complete"]) == (None, False)


def test_where_nothing_is_billed_that_is_said_with_what_azure_would_ask():
    found = estimate(billed=False)
    assert words.sentence(found).startswith(
        "Costs nothing here; on Azure it would be about $214 a month ($0.29 an hour)"
    )
    assert words.sentence(estimate()).startswith("Costs about $214 a month")


def test_old_prices_are_told_as_such():
    graph = blueprint.build(plan(), "sub")
    told = {"asked": datetime(2026, 9, 1, tzinfo=UTC), "stale": True, "why": "It answered 503."}
    found = reckon(reading.needs(graph, "westeurope"), LIST, region="westeurope", billed=True, told=told, now=NOW)
    notes = words.notes(found)
    assert "The prices are old: told on 2026-09-01. It answered 503." in notes
    assert notes[-1].endswith("asked on 2026-09-01, its newest price is of 2026-08-01.")
