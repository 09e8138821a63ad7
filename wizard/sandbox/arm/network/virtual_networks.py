"""Virtual networks, their subnets, and the private addresses in them."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Network
from typing import ClassVar

from wizard import ids
from wizard.sandbox.arm.errors import ArmError
from wizard.sandbox.arm.kind import Call, Child, Durations, Reply, action
from wizard.sandbox.arm.network import references
from wizard.sandbox.arm.network.references import References
from wizard.sandbox.arm.network.resource import NetworkKind, invalid_name, reference
from wizard.sandbox.store import Document, Json, Store

RESERVED_FIRST, RESERVED_LAST = 4, 1
"""Azure keeps .0 to .3 and the last address of a subnet for itself."""
_BANNED = tuple(
    IPv4Network(text)
    for text in ("224.0.0.0/4", "255.255.255.255/32", "127.0.0.0/8", "169.254.0.0/16", "168.63.129.16/32")
)
PRIVATE_SINCE = "2025-07-01"
"""From this api-version on a subnet has no default way out unless it asks for one."""


class VirtualNetworks(NetworkKind):
    type = "Microsoft.Network/virtualNetworks"
    durations = Durations(create=5, update=4, delete=8)
    name_limit = 64
    children = (Child("subnets", "subnets"),)
    computed: ClassVar = {
        "": ("virtualNetworkPeerings",),
        "subnets": (
            "ipConfigurations",
            "privateEndpoints",
            "resourceNavigationLinks",
            "serviceAssociationLinks",
            "purpose",
        ),
    }

    def validate(self, call: Call, body: Json, existing: Document | None) -> None:
        super().validate(call, body, existing)
        if len(call.name) < 2:
            raise invalid_name(call.name, self.name_limit)
        facts = body["properties"]
        spaces = [_network(text, call.id) for text in (facts.get("addressSpace") or {}).get("addressPrefixes") or ()]
        if not spaces:
            raise ArmError(
                400,
                "MissingAddressSpace",  # code from memory
                f"Virtual network {call.id} has no address space.",
            )
        for index, space in enumerate(spaces):
            if any(space.overlaps(other) for other in spaces[:index]):
                raise ArmError(400, "NetcfgAddressSpacesOverlap", f"Address prefixes of {call.id} overlap.")
        self._check_subnets(call, facts, spaces)
        for subnet in facts.get("subnets") or ():
            by = f"{call.id}/subnets/{subnet['name']}"
            holder = subnet["properties"]
            reference(call, holder, "networkSecurityGroup", "networkSecurityGroups", by, region=body["location"])
            reference(call, holder, "natGateway", "natGateways", by, region=body["location"])
        if existing is not None:
            self._check_kept(existing, facts)

    def _check_subnets(self, call: Call, facts: Json, spaces: list[IPv4Network]) -> None:
        known: list[tuple[str, IPv4Network]] = []
        for subnet in facts.get("subnets") or ():
            name, prefixes = subnet["name"], prefixes_of(subnet.setdefault("properties", {}))
            if not prefixes:
                raise ArmError(
                    400,
                    "NoAddressPrefixOrPoolProvided",
                    f"AddressPrefix or IpamPoolPrefixAllocation is required for subnet {name} of {call.id}.",
                )
            for text in prefixes:
                network = _network(text, f"{call.id}/subnets/{name}")
                if network.prefixlen > 29 or not any(network.subnet_of(space) for space in spaces):
                    raise ArmError(
                        400, "NetcfgInvalidSubnet", f"Subnet '{name}' is not valid in virtual network '{call.name}'."
                    )
                if any(network.overlaps(other) for _, other in known):
                    raise ArmError(
                        400,
                        "NetcfgSubnetRangesOverlap",
                        f"Subnet '{name}' is not valid because its IP address range overlaps with that of an existing "
                        f"subnet in virtual network '{call.name}'.",
                    )
                known.append((name, network))

    def _check_kept(self, existing: Document, facts: Json) -> None:
        """A subnet with something in it stays, and keeps its range."""
        new = {subnet["name"].lower(): subnet["properties"] for subnet in facts.get("subnets") or ()}
        uses = references.of(self.world.store)
        for subnet in existing.body["properties"]["subnets"]:
            users = uses.to(subnet["id"], via="subnet")
            if not users:
                continue
            if subnet["name"].lower() not in new:
                raise _in_use(subnet["name"], users[0].by)
            if gone := set(prefixes_of(subnet["properties"])) - set(prefixes_of(new[subnet["name"].lower()])):
                raise ArmError(
                    400,
                    "InUsePrefixCannotBeDeleted",
                    f"IpPrefix {', '.join(gone)} on Subnet {subnet['name']} has active allocations and cannot be "
                    "deleted.",
                )

    def represent(self, call: Call, body: Json, existing: Document | None) -> Json:
        represented = super().represent(call, body, existing)
        facts = represented["properties"]
        facts.setdefault("enableDdosProtection", False)
        facts["virtualNetworkPeerings"] = []
        private = call.query.get("api-version", "") >= PRIVATE_SINCE
        old = {item["name"].lower() for item in existing.body["properties"]["subnets"]} if existing else set()
        for subnet in facts["subnets"]:
            own = subnet["properties"]
            own.setdefault("delegations", [])
            own.setdefault("privateEndpointNetworkPolicies", "Disabled")
            own.setdefault("privateLinkServiceNetworkPolicies", "Enabled")
            if private and subnet["name"].lower() not in old:
                own.setdefault("defaultOutboundAccess", False)
        return represented

    def link(self, document: Document, properties: Json, uses: References) -> None:
        for subnet in properties["subnets"]:
            if users := uses.to(subnet["id"], via="subnet"):
                subnet["properties"]["ipConfigurations"] = [{"id": use.by} for use in users]

    def check_delete(self, call: Call, document: Document) -> None:
        uses = references.of(self.world.store)
        for subnet in document.body["properties"]["subnets"]:
            if users := uses.to(subnet["id"], via="subnet"):
                raise _in_use(subnet["name"], users[0].by)

    @action("CheckIPAddressAvailability", "GET")
    async def check_address(self, call: Call, document: Document) -> Reply:
        """Whether a private address is free; some that are where it is not."""
        try:
            wanted = IPv4Address(call.query.get("ipaddress", ""))
        except ValueError:
            raise ArmError(400, "InvalidIPAddress", "The query parameter ipAddress is not an IPv4 address.") from None
        for subnet in document.body["properties"]["subnets"]:
            network = IPv4Network(prefixes_of(subnet["properties"])[0])
            if wanted not in network:
                continue
            free = free_addresses(self.world.store, subnet)
            some = [str(one) for one, _ in zip(free, range(5), strict=False)]
            reserved = not _is_usable(wanted, network)
            taken = reserved or str(wanted) in allocated(self.world.store, subnet["id"])
            body: Json = {"available": not taken, "isPlatformReserved": reserved}
            return Reply(200, {**body, "availableIPAddresses": some} if taken else body)
        raise ArmError(
            400,
            "PrivateIPAddressNotInAnySubnet",
            f"Private static IP address {wanted} does not belong to any subnet of virtual network {document.id}.",
        )

    @action("usages", "GET")
    async def usages(self, call: Call, document: Document) -> Reply:
        rows = []
        for subnet in document.body["properties"]["subnets"]:
            network = IPv4Network(prefixes_of(subnet["properties"])[0])
            rows.append(
                {
                    "currentValue": float(len(allocated(self.world.store, subnet["id"]))),
                    "id": subnet["id"],
                    "limit": float(network.num_addresses - RESERVED_FIRST - RESERVED_LAST),
                    "name": {"value": "SubnetSpace", "localizedValue": "Subnet size and usage"},
                    "unit": "Count",
                }
            )
        return Reply(200, rows)


def prefixes_of(properties: Json) -> list[str]:
    """A subnet's ranges, in the one form or in the other."""
    one = properties.get("addressPrefix")
    return [one] if one else list(properties.get("addressPrefixes") or ())


def allocated(store: Store, subnet: str) -> dict[str, str]:
    """Private addresses in use in a subnet, and by which IP configuration."""
    found: dict[str, str] = {}
    for use in references.of(store).to(subnet, via="subnet"):
        where = "ipConfigurations" if use.kind == "networkinterfaces" else "frontendIPConfigurations"
        for item in use.owner.body["properties"].get(where) or ():
            if ids.key(item["id"]) == ids.key(use.by) and item["properties"].get("privateIPAddress"):
                found[item["properties"]["privateIPAddress"]] = item["id"]
    return found


def free_addresses(store: Store, subnet: Json) -> Iterator[str]:
    """The subnet's free addresses, lowest first."""
    used = allocated(store, subnet["id"])
    for text in prefixes_of(subnet["properties"]):
        network = IPv4Network(text)
        for offset in range(RESERVED_FIRST, network.num_addresses - RESERVED_LAST):
            address = str(network[offset])
            if address not in used:
                yield address


def check_static(store: Store, subnet: Json, address: str, by: str) -> None:
    """A static private address lies in its subnet, is nobody's and not Azure's."""
    prefixes = prefixes_of(subnet["properties"])
    try:
        wanted = IPv4Address(address)
    except ValueError:
        raise ArmError(
            400, "InvalidIPAddressInPrivateIPAddress", f"The address {address} of {by} is not valid."
        ) from None
    inside = [network for network in map(IPv4Network, prefixes) if wanted in network]
    if not inside:
        raise ArmError(
            400,
            "PrivateIPAddressNotInSubnet",
            f"Private static IP address {address} does not belong to the range of subnet prefix {', '.join(prefixes)}.",
        )
    if not _is_usable(wanted, inside[0]):
        raise ArmError(
            400,
            "PrivateIPAddressInReservedRange",
            f"Private static IP address {address} falls within reserved IP range of subnet prefix {inside[0]}.",
        )
    owner = allocated(store, subnet["id"]).get(str(wanted))
    if owner is not None and ids.key(owner) != ids.key(by):
        raise ArmError(
            400,
            "PrivateIPAddressIsAllocated",
            f"IP configuration {by} is using the private IP address {address} which is already allocated to resource "
            f"{owner}.",
        )


def _is_usable(address: IPv4Address, network: IPv4Network) -> bool:
    return RESERVED_FIRST <= int(address) - int(network[0]) < network.num_addresses - RESERVED_LAST


def _network(text: object, by: str) -> IPv4Network:
    try:
        address, _, _length = str(text).partition("/")
        network = ipaddress.ip_network(str(text), strict=False)
        if "/" not in str(text) or not isinstance(network, IPv4Network) or network.prefixlen < 2:
            raise ValueError(text)
    except ValueError:
        raise ArmError(
            400, "InvalidAddressPrefixFormat", f"Address prefix {text} of resource {by} is not formatted correctly."
        ) from None
    if str(network.network_address) != address:
        raise ArmError(
            400,
            "InvalidCIDRNotation",
            f"The address prefix {text} in resource {by} has an invalid CIDR notation. For the given prefix length, "
            f"the address prefix should be {network}.",
        )
    if any(network.overlaps(banned) for banned in _BANNED):
        raise ArmError(
            400,
            "AddressPrefixNotAllowed",  # code from memory
            f"The address prefix {text} in resource {by} overlaps a range that cannot be used.",
        )
    return network


def _in_use(name: str, user: str) -> ArmError:
    return ArmError(
        400,
        "InUseSubnetCannotBeDeleted",
        f"Subnet {name} is in use by {user} and cannot be deleted. In order to delete the subnet, delete all the "
        "resources within the subnet. See aka.ms/deletesubnet.",
    )
