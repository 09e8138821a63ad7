"""Security groups, evaluated as Azure documents it: by hand, and against the sandbox's own evaluation at random."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wizard import ids
from wizard.verify.explain import nsg
from wizard.verify.explain.nsg import End, Flow, Space

NETWORK = nsg.space({"properties": {"addressSpace": {"addressPrefixes": ["10.0.0.0/16"]}}})
VM = End(IPv4Address("10.0.1.4"))
PROBE = End(nsg.PLATFORM)


def rule(name: str, priority: int, access: str, source: str | list[str] = "*", ports: str | list[str] = "*", **more):
    properties: dict[str, Any] = {
        "priority": priority,
        "direction": "Inbound",
        "access": access,
        "protocol": "Tcp",
        "sourcePortRange": "*",
        "destinationAddressPrefix": "*",
    }
    properties["sourceAddressPrefix" if isinstance(source, str) else "sourceAddressPrefixes"] = source
    properties["destinationPortRange" if isinstance(ports, str) else "destinationPortRanges"] = ports
    return {"name": name, "properties": properties | more}


def group(*rules: Any, name: str = "web-nsg") -> dict[str, Any]:
    return {"name": name, "properties": {"securityRules": list(rules)}}


def flow(source: str | End, port: int, **more: Any) -> Flow:
    return Flow(source if isinstance(source, End) else End(IPv4Address(source)), VM, port, **more)


def test_the_first_rule_that_matches_decides_and_those_before_it_are_listed() -> None:
    rules = group(
        rule("ssh-office", 100, "Allow", "203.0.113.0/24", "22"),
        rule("web", 110, "Allow", "Internet", ["80", "443"]),
        rule("no-ssh", 120, "Deny", ports="20-25"),
        rule("late", 130, "Allow"),
    )
    verdict = nsg.judge([rules], flow("198.51.100.7", 22), NETWORK)
    assert (verdict.access, verdict.rule, verdict.priority, verdict.group) == ("deny", "no-ssh", 120, "web-nsg")
    assert [str(one) for one in verdict.passed_over] == [
        "ssh-office (100): its source is 203.0.113.0/24",
        "web (110): it is for port 80, 443",
    ]
    assert nsg.judge([rules], flow("203.0.113.9", 22), NETWORK).rule == "ssh-office"
    assert nsg.judge([rules], flow("127.0.0.1", 443), NETWORK).rule == "web", "loopback is no virtual network"


def test_the_default_rules_let_the_network_and_the_probe_in_and_nobody_else() -> None:
    nothing = group()
    assert nsg.judge([nothing], flow("10.0.9.9", 80), NETWORK).rule == "AllowVnetInBound"
    assert nsg.judge([nothing], flow(PROBE, 80), NETWORK).rule == "AllowAzureLoadBalancerInBound"
    verdict = nsg.judge([nothing], flow("8.8.8.8", 80), NETWORK)
    assert (verdict.access, verdict.rule, verdict.priority) == ("deny", "DenyAllInBound", 65500)
    out = Flow(VM, End(None), 443, direction="Outbound")
    assert nsg.judge([nothing], out, NETWORK).rule == "AllowInternetOutBound"


def test_a_deny_all_above_65001_keeps_the_probe_out_although_the_internet_is_let_in() -> None:
    rules = group(rule("web", 100, "Allow", "Internet", "80"), rule("deny-all", 4096, "Deny"))
    verdict = nsg.judge([rules], flow(PROBE, 80), NETWORK)
    assert (verdict.access, verdict.rule) == ("deny", "deny-all")
    opened = group(rule("probe", 90, "Allow", "AzureLoadBalancer"), *rules["properties"]["securityRules"])
    assert nsg.judge([opened], flow(PROBE, 80), NETWORK).rule == "probe"


def test_both_groups_must_let_it_in() -> None:
    subnet, nic = group(rule("web", 100, "Allow", ports="80")), group(name="nic-nsg")
    verdict = nsg.judge([subnet, nic], flow("8.8.8.8", 80), NETWORK)
    assert (verdict.access, verdict.group) == ("deny", "nic-nsg")
    assert nsg.judge([subnet, subnet], flow("8.8.8.8", 80), NETWORK).access == "allow"


def test_without_any_group_a_standard_balancer_is_closed_and_the_network_open() -> None:
    assert nsg.judge([], flow("8.8.8.8", 80), NETWORK).access == "deny"
    assert nsg.judge([], flow(End(None), 80), NETWORK).access == "deny"
    assert nsg.judge([], flow("10.0.1.5", 80), NETWORK).access == "allow"
    assert nsg.judge([], flow(PROBE, 80), NETWORK).access == "allow"


def test_a_tag_that_only_azure_knows_is_never_guessed() -> None:
    deny = group(rule("storage", 100, "Deny", "Storage"), rule("web", 110, "Allow", "*"))
    verdict = nsg.judge([deny], flow("8.8.8.8", 80), NETWORK)
    assert (verdict.access, verdict.rule) == ("unknown", "storage")
    assert "whether its source Storage holds 8.8.8.8 cannot be told" in verdict.why
    assert "web (priority 110) allows it" in verdict.why
    # A private address is in no such tag, and where all ways end alike nothing is in doubt.
    assert nsg.judge([deny], flow("10.0.1.5", 80), NETWORK).access == "allow"
    agreed = group(rule("storage", 100, "Allow", "Storage"), rule("web", 110, "Allow", "*"))
    assert nsg.judge([agreed], flow("8.8.8.8", 80), NETWORK).access == "allow"


def test_a_source_behind_nat_is_not_known() -> None:
    rules = group(rule("ssh", 100, "Allow", "203.0.113.7/32", "22"), rule("web", 110, "Allow", "Internet", "80"))
    hidden = End(None)
    # 203.0.113.0/24 is for documentation and no address of the Internet; 8.8.8.8 is one.
    assert nsg.judge([rules], flow(hidden, 22), NETWORK).access == "deny"
    rules = group(rule("ssh", 100, "Allow", "8.8.8.8/32", "22"), rule("web", 110, "Allow", "Internet", "80"))
    assert nsg.judge([rules], flow(hidden, 22), NETWORK).access == "unknown"
    assert nsg.judge([rules], flow(hidden, 80), NETWORK).access == "allow"


def test_peers_belong_to_the_virtual_network_and_other_private_addresses_may() -> None:
    peering = {"properties": {"remoteAddressSpace": {"addressPrefixes": ["10.7.0.0/16"]}}}
    network = nsg.space(
        {"properties": {"addressSpace": {"addressPrefixes": ["10.0.0.0/16"]}, "virtualNetworkPeerings": [peering]}}
    )
    assert network == Space((IPv4Network("10.0.0.0/16"), IPv4Network("10.7.0.0/16")))
    assert nsg.judge([group()], flow("10.7.0.1", 80), network).access == "allow"
    assert nsg.judge([group()], flow("192.168.1.1", 80), network).access == "unknown", "a gateway may lead there"


def test_application_security_groups() -> None:
    web = {"id": "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/applicationSecurityGroups/web"}
    one = rule("web", 100, "Allow", ports="80", destinationApplicationSecurityGroups=[web])
    inside = End(VM.address, frozenset({ids.key(web["id"])}))
    client = End(IPv4Address("8.8.8.8"))
    assert nsg.judge([group(one)], Flow(client, inside, 80), NETWORK).rule == "web"
    assert nsg.judge([group(one)], Flow(client, VM, 80), NETWORK).rule == "DenyAllInBound"
    assert nsg.judge([group(one)], Flow(client, End(VM.address, None), 80), NETWORK).access == "unknown"


@pytest.mark.parametrize(("protocol", "matches"), [("Tcp", True), ("tcp", True), ("*", True), ("Udp", False)])
def test_protocols(protocol: str, matches: bool) -> None:
    rules = group(rule("web", 100, "Allow", ports="80", protocol=protocol))
    assert (nsg.judge([rules], flow("8.8.8.8", 80), NETWORK).access == "allow") is matches


def test_a_rule_for_some_source_ports_may_match() -> None:
    rules = group(rule("odd", 100, "Allow", ports="80", sourcePortRange="1024-2048"))
    assert nsg.judge([rules], flow("8.8.8.8", 80), NETWORK).access == "unknown"


PREFIXES = (
    "*",
    "Internet",
    "VirtualNetwork",
    "AzureLoadBalancer",
    "127.0.0.0/8",
    "8.0.0.0/8",
    "10.0.1.0/24",
    "8.8.8.8",
)
PORTS = ("*", "80", "22", "20-90", "8080")


@given(
    rules=st.lists(
        st.tuples(
            st.sampled_from(("Allow", "Deny")),
            st.lists(st.sampled_from(PREFIXES), min_size=1, max_size=2),
            st.lists(st.sampled_from(PORTS), min_size=1, max_size=2),
            st.sampled_from(("Tcp", "*", "Udp")),
        ),
        max_size=5,
    ),
    source=st.sampled_from(("127.0.0.1", "8.8.8.8", "9.9.9.9", "10.0.1.5", "10.0.9.9")),
    port=st.sampled_from((22, 80, 81, 443)),
)
def test_it_agrees_with_the_sandbox_wherever_it_decides(rules: Any, source: str, port: int) -> None:
    from wizard.sandbox.fabric import addresses
    from wizard.sandbox.fabric import nsg as theirs

    document = group(
        *(
            rule(f"r{number}", 100 + number, access, sources, ports, protocol=protocol)
            for number, (access, sources, ports, protocol) in enumerate(rules)
        )
    )
    vnet = addresses.prefix("10.0.0.0/16")
    read = theirs.read_group("web-nsg", document["properties"], vnet)
    expected = theirs.judge(
        [read], theirs.Packet(addresses.number(source), 40000, addresses.number("10.0.1.4"), port), vnet
    )
    verdict = nsg.judge([document], flow(source, port), NETWORK)
    assert verdict.access == ("allow" if expected.allowed else "deny")
    assert verdict.rule == expected.rule
