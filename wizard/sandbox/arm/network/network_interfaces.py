"""Network interfaces: where a machine meets its subnet, its pools and its NAT rules."""

from __future__ import annotations

import hashlib
from typing import ClassVar

from wizard import ids
from wizard.sandbox.arm.errors import ArmError
from wizard.sandbox.arm.kind import Call, Child, Durations, Reply, action, completes
from wizard.sandbox.arm.network import admin_states, balancing_rules, port_ranges, public_ip_addresses, references
from wizard.sandbox.arm.network.references import References
from wizard.sandbox.arm.network.resource import NetworkKind, child_of, choice, find, reference, target
from wizard.sandbox.arm.network.virtual_networks import check_static, free_addresses
from wizard.sandbox.store import Document, Json

POOLS, NAT_RULES = "loadBalancerBackendAddressPools", "loadBalancerInboundNatRules"


class NetworkInterfaces(NetworkKind):
    type = "Microsoft.Network/networkInterfaces"
    durations = Durations(create=2, update=2, delete=4)
    children = (Child("ipConfigurations", "ipConfigurations", writable=False),)
    computed: ClassVar = {
        "": ("virtualMachine", "macAddress", "primary", "tapConfigurations", "hostedWorkloads", "privateEndpoint")
    }

    def validate(self, call: Call, body: Json, existing: Document | None) -> None:
        super().validate(call, body, existing)
        facts, region = body["properties"], body["location"]
        configurations = facts.get("ipConfigurations") or []
        if not configurations:
            raise ArmError(
                400, "NetworkInterfaceMustHaveAtLeastOneIpConfiguration", f"Network interface {call.id} has none."
            )
        reference(call, facts, "networkSecurityGroup", "networkSecurityGroups", call.id, region=region)
        _set_primary(configurations, call.id)
        taken: set[str] = set()
        for item in configurations:
            by = f"{call.id}/ipConfigurations/{item['name']}"
            holder = item.setdefault("properties", {})
            self._check_subnet(call, holder, by, region, existing)
            reference(call, holder, "publicIPAddress", "publicIPAddresses", by, region=region)
            if holder.get("publicIPAddress") is not None:
                public_ip_addresses.check_free(call, holder["publicIPAddress"], by)
            self._check_balancer(call, holder, by, region, taken)

    def _check_subnet(self, call: Call, holder: Json, by: str, region: str, existing: Document | None) -> None:
        """The subnet is there, and the address is: kept, asked for, or the first free one."""
        network = reference(call, holder, "subnet", "virtualNetworks/subnets", by, region=region)
        if network is None:
            raise ArmError(400, "SubnetMissing", f"IP configuration {by} has no subnet.")  # code from memory
        subnet = child_of(network, "subnets", ids.parse(holder["subnet"]["id"]).name)
        assert subnet is not None
        version = choice(holder, "privateIPAddressVersion", ("IPv4", "IPv6"), by, default="IPv4")
        if version == "IPv6":
            raise ArmError(400, "IPv6NotSupported", "This cloud has no IPv6 private addresses.")
        method = choice(holder, "privateIPAllocationMethod", ("Dynamic", "Static"), by, default="Dynamic")
        old = child_of(existing, "ipConfigurations", by.rsplit("/", 1)[1]) if existing is not None else None
        kept = old["properties"] if old and old["properties"]["subnet"] == holder["subnet"] else {}
        if method == "Static":
            wanted = holder.get("privateIPAddress") or kept.get("privateIPAddress")
            if not wanted:
                raise ArmError(
                    400, "IpAddressRequiredForStaticAllocation", f"Static IP configuration {by} has no address."
                )
            check_static(self.world.store, subnet, wanted, by)
            holder["privateIPAddress"] = wanted
            return
        address = kept.get("privateIPAddress") or next(free_addresses(self.world.store, subnet), None)
        if address is None:
            raise ArmError(
                400,
                "SubnetIsFull",
                f"Subnet {subnet['name']} with address prefix {subnet['properties'].get('addressPrefix')} does not "
                "have enough capacity for 1 IP addresses.",
            )
        holder["privateIPAddress"] = address

    def _check_balancer(self, call: Call, holder: Json, by: str, region: str, taken: set[str]) -> None:
        """Pools and NAT rules are there; a NAT rule leads to one IP configuration."""
        uses = references.of(self.world.store)
        for key, kind in ((POOLS, "backendAddressPools"), (NAT_RULES, "inboundNatRules")):
            if not holder.get(key):
                holder.pop(key, None)
                continue
            holder[key] = [target(call, one, f"loadBalancers/{kind}", by, key, region)[0] for one in holder[key]]
        for pool in holder.get(POOLS, ()):
            self._check_one_network(holder, pool, uses, by)
            self._check_allocation(pool, uses, by)
        for rule in holder.get(NAT_RULES, ()):
            self._check_single(rule, by)
            others = [use.by for use in uses.to(rule["id"], "networkinterfaces") if ids.key(use.by) != ids.key(by)]
            if others or ids.key(rule["id"]) in taken:
                raise ArmError(
                    400,
                    "InboundNatRuleAlreadyInUse",  # code from memory
                    f"Inbound NAT rule {rule['id']} is referenced by {by} and already by {(others or [call.id])[0]}.",
                )
            taken.add(ids.key(rule["id"]))

    def _check_single(self, rule: Json, by: str) -> None:
        """A rule with a range is for its pool, and for no interface."""
        balancer = self.world.store.get(rule["id"].rsplit("/", 2)[0])
        found = child_of(balancer, "inboundNatRules", rule["id"].rsplit("/", 1)[1]) if balancer is not None else None
        if found is not None and port_ranges.is_range(found["properties"]):
            raise ArmError(
                400,
                "InboundNatRuleWithPortRangeCannotBeReferenced",  # code from memory
                f"{by} references inbound NAT rule {rule['id']}, which has a range of ports for a backend pool.",
            )

    def accepted(self, call: Call, body: Json, document: Document, created: bool) -> None:
        self._settle_pools()

    async def deleted(self, document: Document) -> None:
        """It leaves its pools: their ranges have its ports again."""
        for item in document.body["properties"]["ipConfigurations"]:
            item["properties"].pop(POOLS, None)
        self.world.store.put(document)
        self._settle_pools()

    def _settle_pools(self) -> None:
        store = self.world.store
        for balancer in store.of_type("Microsoft.Network/loadBalancers"):
            port_ranges.settle(store, balancer, references.of(store))
            admin_states.settle(store, balancer, references.of(store))

    def _check_allocation(self, pool: Json, uses: References, by: str) -> None:
        """The pool's outbound rules and NAT ranges have ports for one more."""
        balancer = self.world.store.get(pool["id"].rsplit("/", 2)[0])
        if balancer is None or any(ids.key(use.by) == ids.key(by) for use in uses.to(pool["id"], "networkinterfaces")):
            return
        port_ranges.check_room(balancer, pool["id"], len(uses.to(pool["id"], "networkinterfaces")) + 1)
        balancing_rules.check_allocation(
            balancer.body["properties"],
            lambda one: len(uses.to(one, "networkinterfaces")) + (ids.key(one) == ids.key(pool["id"])),
        )

    def _check_one_network(self, holder: Json, pool: Json, uses: References, by: str) -> None:
        mine = ids.key(holder["subnet"]["id"]).rsplit("/", 2)[0]
        others = (use for use in uses.to(pool["id"], "networkinterfaces") if ids.key(use.by) != ids.key(by))
        if (use := next(others, None)) is None:
            return
        item = child_of(use.owner, "ipConfigurations", use.by.rsplit("/", 1)[1])  # the others are where this one is
        if item and ids.key(item["properties"]["subnet"]["id"]).rsplit("/", 2)[0] != mine:
            raise ArmError(
                400,
                "NetworkInterfacesInBackendPoolMustBelongToSameVirtualNetwork",  # code from memory
                f"{by} and {use.by} are in one backend pool and not in one virtual network.",
            )

    def represent(self, call: Call, body: Json, existing: Document | None) -> Json:
        represented = super().represent(call, body, existing)
        facts = represented["properties"]
        facts.setdefault("enableAcceleratedNetworking", False)
        facts.setdefault("enableIPForwarding", False)
        facts.setdefault("disableTcpStateTracking", False)
        facts.setdefault("dnsSettings", {}).setdefault("dnsServers", [])
        facts["dnsSettings"]["appliedDnsServers"] = facts["dnsSettings"]["dnsServers"]
        facts.update({"hostedWorkloads": [], "tapConfigurations": [], "nicType": "Standard"})
        for key in ("virtualMachine", "primary"):
            if existing is not None and key in existing.body["properties"]:
                facts[key] = existing.body["properties"][key]
        return represented

    def link(self, document: Document, properties: Json, uses: References) -> None:
        if properties.get("virtualMachine"):  # an address is given when a machine first takes the interface
            digest = hashlib.sha256(f"{document.id.lower()} {document.created}".encode()).hexdigest().upper()
            properties["macAddress"] = f"00-0D-3A-{digest[:2]}-{digest[2:4]}-{digest[4:6]}"
            properties.setdefault("primary", True)
            properties["vnetEncryptionSupported"] = False

    def check_delete(self, call: Call, document: Document) -> None:
        if machine := document.body["properties"].get("virtualMachine"):
            raise ArmError(
                400,
                "NicInUse",
                f"Network Interface {document.id} is used by existing resource {machine['id']}. In order to delete the "
                "network interface, it must be dissociated from the resource. To learn more, see aka.ms/deletenic.",
            )

    @action("effectiveNetworkSecurityGroups")
    async def effective(self, call: Call, document: Document) -> Reply:
        """Long-running in Azure: the groups of the interface and of its subnet, with all their rules."""
        if not document.body["properties"].get("virtualMachine"):
            raise ArmError(
                400,
                "NetworkInterfaceNotAttachedToRunningVm",
                f"Network interface {document.id} must be attached to a running VM.",
            )
        return Reply.later("effectiveNetworkSecurityGroups", 3.0, polling="location")

    @completes("effectiveNetworkSecurityGroups")
    async def effective_now(self, document: Document, arguments: Json) -> Json:
        facts = document.body["properties"]
        subnet_id = facts["ipConfigurations"][0]["properties"]["subnet"]["id"]
        found = find(Call(self.world, "GET", "", "", "", "", ()), ids.parse(subnet_id))
        subnet = child_of(found[1], "subnets", ids.parse(subnet_id).name) if found else None
        groups = [
            ({"subnet": {"id": subnet_id}}, (subnet or {"properties": {}})["properties"].get("networkSecurityGroup")),
            ({"networkInterface": {"id": document.id}}, facts.get("networkSecurityGroup")),
        ]
        return {
            "value": [
                {"networkSecurityGroup": group, "association": association, "effectiveSecurityRules": rules}
                for association, group in groups
                if group is not None and (rules := self._rules(group["id"])) is not None
            ]
        }

    def _rules(self, group: str) -> list[Json] | None:
        document = self.world.store.get(group)
        if document is None:
            return None
        facts = document.body["properties"]
        rules: list[Json] = []
        for where in ("securityRules", "defaultSecurityRules"):
            for rule in facts[where]:
                shown = {key: value for key, value in rule["properties"].items() if key != "provisioningState"}
                rules.append({"name": f"{where}/{rule['name']}", **shown})
        return rules


def _set_primary(configurations: list[Json], by: str) -> None:
    """One IP configuration is the primary one: the only one, or the one that says so."""
    said = [bool((item.get("properties") or {}).get("primary")) for item in configurations]
    if sum(said) > 1 or (len(configurations) > 1 and not any(said)):
        raise ArmError(
            400,
            "MultiplePrimaryIpConfigurationsNotAllowed" if any(said) else "NoPrimaryIpConfiguration",  # from memory
            f"Network interface {by} must have exactly one primary IP configuration.",
        )
    for item, primary in zip(configurations, said, strict=True):
        item.setdefault("properties", {})["primary"] = primary or len(configurations) == 1
