"""Bodies of network resources, as small as Azure takes them."""

from __future__ import annotations

from typing import Any

LOCATION = "westeurope"
NETWORK = "/providers/Microsoft.Network"


def nsg(*rules: dict[str, Any]) -> dict[str, Any]:
    return {"location": LOCATION, "properties": {"securityRules": list(rules)}}


def rule(name: str = "http", priority: int = 100, **changed: Any) -> dict[str, Any]:
    properties = {
        "priority": priority,
        "direction": "Inbound",
        "access": "Allow",
        "protocol": "Tcp",
        "sourceAddressPrefix": "Internet",
        "sourcePortRange": "*",
        "destinationAddressPrefix": "10.0.1.0/24",
        "destinationPortRange": "80",
    }
    return {"name": name, "properties": {**properties, **changed}}


def public_ip(**properties: Any) -> dict[str, Any]:
    return {
        "location": LOCATION,
        "sku": {"name": "Standard", "tier": "Regional"},
        "properties": {"publicIPAllocationMethod": "Static", **properties},
    }


def nat_gateway(*addresses: str) -> dict[str, Any]:
    return {
        "location": LOCATION,
        "sku": {"name": "Standard"},
        "properties": {"publicIpAddresses": [{"id": one} for one in addresses]},
    }


def subnet(name: str = "web", prefix: str = "10.0.1.0/24", **properties: Any) -> dict[str, Any]:
    return {"name": name, "properties": {"addressPrefix": prefix, **properties}}


def vnet(*subnets: dict[str, Any], space: tuple[str, ...] = ("10.0.0.0/16",)) -> dict[str, Any]:
    return {
        "location": LOCATION,
        "properties": {"addressSpace": {"addressPrefixes": list(space)}, "subnets": list(subnets or [subnet()])},
    }


def balancer(
    id: str, public_ip: str, *, nat_ports: tuple[int, ...] = (50001, 50002), port: int = 8080
) -> dict[str, Any]:
    """A frontend, a pool, a probe, a rule and NAT rules `ssh-1`, `ssh-2`, ..."""
    frontend = {"id": f"{id}/frontendIPConfigurations/fe"}
    return {
        "location": LOCATION,
        "sku": {"name": "Standard", "tier": "Regional"},
        "properties": {
            "frontendIPConfigurations": [{"name": "fe", "properties": {"publicIPAddress": {"id": public_ip}}}],
            "backendAddressPools": [{"name": "be"}],
            "probes": [
                {
                    "name": "http",
                    "properties": {"protocol": "Http", "port": 80, "requestPath": "/", "intervalInSeconds": 5},
                }
            ],
            "loadBalancingRules": [
                {
                    "name": "http",
                    "properties": {
                        "frontendIPConfiguration": frontend,
                        "backendAddressPool": {"id": f"{id}/backendAddressPools/be"},
                        "probe": {"id": f"{id}/probes/http"},
                        "protocol": "Tcp",
                        "frontendPort": port,
                        "backendPort": 80,
                        "disableOutboundSnat": True,
                    },
                }
            ],
            "inboundNatRules": [
                {
                    "name": f"ssh-{index}",
                    "properties": {
                        "frontendIPConfiguration": frontend,
                        "protocol": "Tcp",
                        "frontendPort": nat_port,
                        "backendPort": 22,
                    },
                }
                for index, nat_port in enumerate(nat_ports, 1)
            ],
            "outboundRules": [],
        },
    }


def nic(
    subnet: str, *, pools: tuple[str, ...] = (), nat_rules: tuple[str, ...] = (), **properties: Any
) -> dict[str, Any]:
    facts: dict[str, Any] = {"subnet": {"id": subnet}, "privateIPAllocationMethod": "Dynamic", **properties}
    if pools:
        facts["loadBalancerBackendAddressPools"] = [{"id": one} for one in pools]
    if nat_rules:
        facts["loadBalancerInboundNatRules"] = [{"id": one} for one in nat_rules]
    return {"location": LOCATION, "properties": {"ipConfigurations": [{"name": "ipconfig1", "properties": facts}]}}
