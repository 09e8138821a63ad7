"""Microsoft.Network: one module for each resource type."""

from __future__ import annotations

from wizard.sandbox.arm.kind import Kind, Provider
from wizard.sandbox.arm.network.load_balancers import LoadBalancers
from wizard.sandbox.arm.network.nat_gateways import NatGateways
from wizard.sandbox.arm.network.network_interfaces import NetworkInterfaces
from wizard.sandbox.arm.network.network_security_groups import NetworkSecurityGroups
from wizard.sandbox.arm.network.provider import Network
from wizard.sandbox.arm.network.public_ip_addresses import PublicIpAddresses
from wizard.sandbox.arm.network.virtual_networks import VirtualNetworks

KINDS: tuple[type[Kind], ...] = (
    VirtualNetworks,
    NetworkSecurityGroups,
    PublicIpAddresses,
    NatGateways,
    LoadBalancers,
    NetworkInterfaces,
)
PROVIDERS: tuple[type[Provider], ...] = (Network,)
