"""Security groups: which rule decides, and that a filter made from them agrees with them."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from wizard.sandbox.fabric import addresses, nsg

VNET = addresses.prefix("10.0.0.0/16")


def group(*rules: dict[str, Any], id: str = "nsg") -> nsg.SecurityGroup:
    return nsg.read_group(id, {"securityRules": list(rules)}, VNET)


def rule(priority: int, access: str, source: str | list[str], port: str = "80", **more: Any) -> dict[str, Any]:
    sources = {"sourceAddressPrefix": source} if isinstance(source, str) else {"sourceAddressPrefixes": source}
    return {
        "name": f"r{priority}",
        "properties": {
            "priority": priority, "access": access, "direction": "Inbound", "protocol": "Tcp", **sources,
            "sourcePortRange": "*", "destinationAddressPrefix": "*", "destinationPortRange": port, **more,
        },
    }  # fmt: skip


def ask(
    source: str, *groups: nsg.SecurityGroup, port: int = 80, to: str = "10.0.1.4", protocol: str = "tcp"
) -> nsg.Verdict:
    packet = nsg.Packet(addresses.number(source), 50000, addresses.number(to), port, protocol)
    return nsg.judge(groups, packet, VNET)


def test_lower_priority_number_wins_and_names_itself() -> None:
    both = group(rule(200, "Allow", "*"), rule(100, "Deny", "127.0.0.9/32"))
    assert ask("127.0.0.9", both).rule == "r100"
    assert not ask("127.0.0.9", both).allowed
    assert ask("127.0.0.8", both) == nsg.Verdict(True, "nsg", "r200", "rule r200 (priority 200) allows it")


def test_internet_means_loopback_too_but_neither_the_network_nor_the_probes() -> None:
    only = group(rule(100, "Deny", "Internet"), rule(110, "Allow", "*"))
    assert not ask("127.0.0.1", only).allowed
    assert not ask("8.8.8.8", only).allowed
    assert ask("10.0.9.9", only).allowed
    assert ask(nsg.PROBE_SOURCE, only).allowed


def test_default_rules_let_the_network_and_the_probes_in_and_nobody_else() -> None:
    assert ask("10.0.1.5", group()).rule == "AllowVnetInBound"
    assert ask(nsg.PROBE_SOURCE, group()).rule == "AllowAzureLoadBalancerInBound"
    assert ask("127.0.0.1", group()).rule == "DenyAllInBound"


def test_a_deny_all_above_the_default_rules_kills_the_probe() -> None:
    assert not ask(nsg.PROBE_SOURCE, group(rule(4096, "Deny", "*", "*"))).allowed
    kept = group(rule(4095, "Allow", "AzureLoadBalancer", "*"), rule(4096, "Deny", "*", "*"))
    assert ask(nsg.PROBE_SOURCE, kept).allowed


def test_both_subnet_and_interface_must_agree() -> None:
    opens, closes = group(rule(100, "Allow", "*"), id="subnet"), group(id="nic")
    verdict = ask("127.0.0.1", opens, closes)
    assert (verdict.allowed, verdict.group, verdict.rule) == (False, "nic", "DenyAllInBound")
    assert ask("127.0.0.1", opens, opens).allowed


def test_without_any_group_a_standard_balancer_is_closed() -> None:
    assert not ask("127.0.0.1").allowed
    assert ask("10.0.3.3").allowed
    assert ask(nsg.PROBE_SOURCE).allowed


def test_port_protocol_and_destination_are_looked_at() -> None:
    one = group(rule(100, "Allow", "*", "8000-8010", destinationAddressPrefix="10.0.1.0/24"))
    assert ask("127.0.0.1", one, port=8010).allowed
    assert not ask("127.0.0.1", one, port=8011).allowed
    assert not ask("127.0.0.1", one, port=8005, to="10.0.2.4").allowed
    assert not ask("127.0.0.1", one, port=8005, protocol="udp").allowed


OCTET = st.integers(0, 3)
SOURCE = st.one_of(
    st.sampled_from(["*", "Internet", "VirtualNetwork", "AzureLoadBalancer", "0.0.0.0/0", "2001:db8::/32", "Sql"]),
    st.builds(lambda a, b, bits: f"127.0.{a}.{b}/{bits}", OCTET, OCTET, st.integers(22, 32)),
)
RULES = st.lists(
    st.tuples(st.sampled_from(["Allow", "Deny"]), st.lists(SOURCE, min_size=1, max_size=3), st.booleans()), max_size=6
)
CLIENT = st.one_of(
    st.builds(lambda a, b: f"127.0.{a}.{b}", OCTET, OCTET), st.sampled_from(["10.0.1.9", nsg.PROBE_SOURCE, "8.8.8.8"])
)


@given(RULES, RULES, CLIENT)
def test_the_allowed_sources_are_exactly_those_that_the_judge_lets_in(
    first: list[Any], second: list[Any], client: str
) -> None:
    groups = [
        group(*(rule(100 + n, access, sources, "80" if here else "81") for n, (access, sources, here) in enumerate(of)))
        for of in (first, second)
    ]
    allowed = nsg.allowed_sources(groups, addresses.number("10.0.1.4"), 80, VNET)
    assert addresses.contains(allowed, addresses.number(client)) == ask(client, *groups).allowed
