"""Which NSG rule would kill the health probe: the first that matches 168.63.129.16 on the probe's port decides."""

from __future__ import annotations

from typing import Any

import pytest

from wizard.preflight.probe import blocking_rule

SUBNET = "10.0.1.0/24"


def rule(
    name: str, priority: int, access: str = "Deny", source: str = "*", port: str = "*", **more: Any
) -> dict[str, Any]:
    properties = {
        "priority": priority,
        "direction": "Inbound",
        "access": access,
        "protocol": "*",
        "sourceAddressPrefix": source,
        "destinationAddressPrefix": "*",
        "destinationPortRange": port,
        **more,
    }
    return {"name": name, "properties": properties}


ALLOW_HTTP = rule("http", 100, "Allow", "Internet", "80")
ALLOW_PROBE = rule("probe", 200, "Allow", "AzureLoadBalancer")


@pytest.mark.parametrize(
    ("rules", "blocker"),
    [
        ([], None),
        ([ALLOW_HTTP], None),
        ([ALLOW_HTTP, rule("deny-all", 4000)], "deny-all"),
        ([rule("deny-all", 4000), ALLOW_PROBE], None),
        ([rule("deny-all", 150), ALLOW_PROBE], "deny-all"),
        ([rule("deny-all", 4000, direction="Outbound")], None),
        ([rule("udp", 4000, protocol="Udp")], None),
        ([rule("tcp", 4000, protocol="Tcp")], "tcp"),
        ([rule("ssh", 4000, port="22")], None),
        ([rule("range", 4000, port="79-81")], "range"),
        ([rule("several", 4000, port="", destinationPortRanges=["22", "80"])], "several"),
        ([rule("internet", 4000, source="Internet")], None),
        ([rule("everywhere", 4000, source="0.0.0.0/0")], "everywhere"),
        ([rule("exactly", 4000, source="168.63.129.16/32")], "exactly"),
        ([rule("list", 4000, source="", sourceAddressPrefixes=["10.0.0.0/8", "168.0.0.0/8"])], "list"),
        ([rule("elsewhere", 4000, destinationAddressPrefix="10.0.2.0/24")], None),
        ([rule("here", 4000, destinationAddressPrefix="10.0.0.0/16")], "here"),
        ([rule("any-allowed", 120, "Allow"), rule("deny-all", 4000)], None),
    ],
)
def test_the_first_match_decides(rules, blocker):
    found = blocking_rule(rules, 80, SUBNET)
    assert (found["name"] if found else None) == blocker
