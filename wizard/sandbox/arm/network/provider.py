"""What Microsoft.Network answers outside of resources: usages and whether a DNS label is free."""

from __future__ import annotations

from wizard.sandbox.arm import lifecycle
from wizard.sandbox.arm.kind import Call, Provider, Reply, route
from wizard.sandbox.arm.network.public_ip_addresses import label_owner
from wizard.sandbox.store import Json

LIMITS = (
    ("VirtualNetworks", "Virtual Networks", "virtualNetworks", 1000),
    ("NetworkSecurityGroups", "Network Security Groups", "networkSecurityGroups", 5000),
    ("PublicIPAddresses", "Public IP Addresses", "publicIPAddresses", 1000),
    ("StandardSkuPublicIpAddresses", "Standard SKU Public IP Addresses", "publicIPAddresses", 1000),
    ("NetworkInterfaces", "Network Interfaces", "networkInterfaces", 65536),
    ("LoadBalancers", "Load Balancers", "loadBalancers", 1000),  # from memory
    ("StandardSkuLoadBalancers", "Standard SKU Load Balancers", "loadBalancers", 1000),  # from memory
    ("NatGateways", "NAT Gateways", "natGateways", 400),  # from memory
)
"""A subscription's limits in one region: what Azure calls it, the resource type that counts, and how many."""


class Network(Provider):
    namespace = "Microsoft.Network"

    @route("GET", "locations/{location}/usages")
    async def usages(self, call: Call, location: str) -> Reply:
        call.type = "Microsoft.Network/locations/usages"
        region = lifecycle.region(call, call.type, location)
        return Reply(200, [self._usage(region, *row) for row in LIMITS])

    def _usage(self, region: str, name: str, shown: str, kind: str, limit: int) -> Json:
        documents = self.world.store.of_type(f"Microsoft.Network/{kind}")
        used = sum(document.body.get("location") == region for document in documents)
        base = f"/subscriptions/{self.world.subscription}/providers/Microsoft.Network/locations/{region}/usages"
        return {
            "id": f"{base}/{name}",
            "name": {"value": name, "localizedValue": shown},
            "currentValue": used,
            "limit": limit,
            "unit": "Count",
        }

    @route("GET", "locations/{location}/CheckDnsNameAvailability")
    async def check_dns(self, call: Call, location: str) -> Reply:
        call.type = "Microsoft.Network/locations/CheckDnsNameAvailability"
        region = lifecycle.region(call, call.type, location)
        label = call.query.get("domainnamelabel", "")
        return Reply(200, {"available": label_owner(self.world.store, label, region) is None})
