"""Load balancers: one document with frontends, pools, probes, rules and NAT rules, written as a whole."""

from __future__ import annotations

from typing import Any, ClassVar

from wizard import ids
from wizard.sandbox.arm.errors import ArmError, invalid_reference
from wizard.sandbox.arm.kind import Call, Child, Durations, Reply, action, completes
from wizard.sandbox.arm.network import admin_states, balancing_rules, port_ranges, public_ip_addresses, references
from wizard.sandbox.arm.network.references import References
from wizard.sandbox.arm.network.resource import NetworkKind, check_zones, choice, reference
from wizard.sandbox.arm.network.virtual_networks import check_static, free_addresses
from wizard.sandbox.store import Document, Json

FRONTENDS, POOLS, PROBES = "frontendIPConfigurations", "backendAddressPools", "probes"
RULES, NAT_RULES, OUTBOUND = "loadBalancingRules", "inboundNatRules", "outboundRules"
_NIC = "networkinterfaces"


class LoadBalancers(NetworkKind):
    type = "Microsoft.Network/loadBalancers"
    durations = Durations(create=4, update=4, delete=6)
    children = (
        Child(FRONTENDS, FRONTENDS, writable=False),
        Child(POOLS, POOLS),
        Child(PROBES, PROBES, writable=False),
        Child(RULES, RULES, writable=False),
        Child(NAT_RULES, NAT_RULES),
        Child(OUTBOUND, OUTBOUND, writable=False),
    )
    computed: ClassVar = {
        FRONTENDS: (RULES, NAT_RULES, OUTBOUND, "inboundNatPools"),
        POOLS: (RULES, OUTBOUND, "outboundRule", "backendIPConfigurations", "loadBalancerBackendAddresses", NAT_RULES),
        PROBES: (RULES,),
        NAT_RULES: ("backendIPConfiguration",),
    }

    def validate(self, call: Call, body: Json, existing: Document | None) -> None:
        super().validate(call, body, existing)
        facts = body["properties"]
        sku = body.get("sku") or (existing.body["sku"] if existing is not None else {"name": "Standard"})
        body["sku"] = {"name": choice(sku, "name", ("Basic", "Standard", "Gateway"), call.id), "tier": "Regional"}
        if body["sku"]["name"] != "Standard":
            raise ArmError(
                400,
                "BasicSkuLoadBalancerRetired",  # Azure refuses since the retirement; the code is from memory
                "Basic SKU load balancers were retired on 2025-09-30 and cannot be created. Use the Standard SKU.",
            )
        for child in self.children:
            for item in facts.get(child.where) or ():
                item.setdefault("properties", {})
                item["id"] = f"{call.id}/{child.type}/{item['name']}"
        for item in facts.get(FRONTENDS) or ():
            self._check_frontend(call, item, body)
        self._check_inner(call, facts)
        for pool in facts.get(POOLS) or ():
            admin_states.check(pool)
        for probe in facts.get(PROBES) or ():
            balancing_rules.check_probe(probe)
        for rule in facts.get(RULES) or ():
            balancing_rules.check_rule(rule)
        for rule in facts.get(NAT_RULES) or ():
            balancing_rules.check_nat_rule(rule)
        for rule in facts.get(OUTBOUND) or ():
            balancing_rules.check_outbound_rule(rule)
        balancing_rules.check_clashes(facts)
        uses = references.of(self.world.store)
        balancing_rules.check_allocation(facts, lambda pool: len(uses.to(pool, _NIC)))
        for rule in facts.get(NAT_RULES) or ():
            if port_ranges.is_range(rule["properties"]):
                port_ranges.check_size(rule, len(uses.to(rule["properties"]["backendAddressPool"]["id"], _NIC)))
        self._check_members(existing, facts)

    def _check_frontend(self, call: Call, item: Json, body: Json) -> None:
        holder, region = item["properties"], body["location"]
        reference(call, holder, "publicIPAddress", "publicIPAddresses", item["id"], region=region)
        network = reference(call, holder, "subnet", "virtualNetworks/subnets", item["id"], region=region)
        if (network is None) == (holder.get("publicIPAddress") is None):
            raise ArmError(
                400,
                "LoadBalancerFrontendIPConfigurationMustReferenceOneAddress",  # code from memory
                f"Frontend IP configuration {item['id']} must reference either a public IP address or a subnet.",
            )
        if holder.get("publicIPAddress") is not None:
            public_ip_addresses.check_free(call, holder["publicIPAddress"], item["id"])
        check_zones(call, {**item, "location": region}, item["id"])
        if network is not None:
            _give_private_address(call, holder, network, item["id"])

    def _check_inner(self, call: Call, facts: Json) -> None:
        """References between the parts of this very document."""
        known = {ids.key(item["id"]): item["id"] for child in self.children for item in facts.get(child.where) or ()}

        def own(by: str, value: Any) -> Json:
            given = value.get("id") if isinstance(value, dict) else None
            if not isinstance(given, str) or ids.key(given) not in known:
                raise invalid_reference(str(given or ""), by)
            return {"id": known[ids.key(given)]}

        for where in (RULES, NAT_RULES, OUTBOUND):
            for item in facts.get(where) or ():
                holder = item["properties"]
                for key in ("frontendIPConfiguration", "backendAddressPool", "probe"):
                    if holder.get(key) is not None:
                        holder[key] = own(item["id"], holder[key])
                for key in ("frontendIPConfigurations", "backendAddressPools"):
                    if holder.get(key):
                        holder[key] = [own(item["id"], value) for value in holder[key]]

    def _check_members(self, existing: Document | None, facts: Json) -> None:
        """What a network interface is in cannot be left out of the document."""
        if existing is None:
            return
        uses = references.of(self.world.store)
        for where in (POOLS, NAT_RULES):
            kept = {item["name"].lower() for item in facts.get(where) or ()}
            for item in existing.body["properties"][where]:
                users = uses.to(item["id"], _NIC)
                if users and item["name"].lower() not in kept:
                    raise invalid_reference(item["id"], users[0].by)

    def represent(self, call: Call, body: Json, existing: Document | None) -> Json:
        represented = super().represent(call, body, existing)
        facts = represented["properties"]
        facts["inboundNatPools"] = []
        for item in facts[FRONTENDS]:
            item["properties"].setdefault("privateIPAllocationMethod", "Dynamic")
        for item in facts[RULES]:
            balancing_rules.complete_rule(item["properties"])
        for item in facts[NAT_RULES]:
            balancing_rules.complete_nat_rule(item["properties"])
        for item in facts[PROBES]:
            balancing_rules.complete_probe(item["properties"])
        for item in facts[OUTBOUND]:
            balancing_rules.complete_outbound_rule(item["properties"])
        return represented

    def accepted(self, call: Call, body: Json, document: Document, created: bool) -> None:
        port_ranges.settle(self.world.store, document, references.of(self.world.store))
        admin_states.write(self.world.store, document, body, references.of(self.world.store))

    def link(self, document: Document, properties: Json, uses: References) -> None:
        for where in (FRONTENDS, POOLS, PROBES):
            for item in properties[where]:
                for user in (RULES, NAT_RULES, OUTBOUND):
                    found = [
                        {"id": use.by}
                        for use in uses.to(item["id"], "loadbalancers")
                        if f"/{user}/".lower() in use.by.lower()
                    ]
                    if found:
                        item["properties"][user] = _unique(found)
        for pool in properties[POOLS]:
            members = uses.to(pool["id"], _NIC)
            pool["properties"]["loadBalancerBackendAddresses"] = [
                _backend_address(document, pool["name"], use.owner, use.by) for use in members
            ]
            if members:
                pool["properties"]["backendIPConfigurations"] = [{"id": use.by} for use in members]
            if outbound := pool["properties"].get(OUTBOUND):
                pool["properties"]["outboundRule"] = outbound[0]
        for rule in properties[NAT_RULES]:
            if members := uses.to(rule["id"], _NIC):
                rule["properties"]["backendIPConfiguration"] = {"id": members[0].by}

    async def succeed(self, document: Document, created: bool) -> None:
        """A port that this computer does not give cannot be served, and is not said to be."""
        facts = document.body["properties"]
        addresses = {ids.key(item["id"]): self._address(item["properties"]) for item in facts[FRONTENDS]}
        for rule in (*facts[RULES], *facts[NAT_RULES]):
            address = addresses.get(ids.key(rule["properties"]["frontendIPConfiguration"]["id"]))
            if address is None or rule["properties"]["protocol"] == "Udp":
                continue
            for port in port_ranges.ports(rule["properties"]):
                why = self.world.fabric.frontend_conflict(address, port)
                if why is not None:
                    raise ArmError(
                        409, "FrontendPortNotAvailable", f"The frontend port of {rule['id']} cannot be used: {why}"
                    )

    def _address(self, frontend: Json) -> str | None:
        found = self.world.store.get((frontend.get("publicIPAddress") or {}).get("id", ""))
        return found.body["properties"].get("ipAddress") if found is not None else None

    async def deleted(self, document: Document) -> None:
        """Interfaces leave its pools and NAT rules."""
        below = ids.key(document.id) + "/"
        uses = references.of(self.world.store)
        inner = [item["id"] for where in (POOLS, NAT_RULES) for item in document.body["properties"][where]]
        for owner in {use.owner.id: use.owner for one in inner for use in uses.to(one, _NIC)}.values():
            for item in owner.body["properties"]["ipConfigurations"]:
                for key in ("loadBalancerBackendAddressPools", "loadBalancerInboundNatRules"):
                    values = item["properties"].pop(key, [])
                    if kept := [value for value in values if not ids.key(value["id"]).startswith(below)]:
                        item["properties"][key] = kept
            owner.etag += 1
            self.world.store.put(owner)

    @action("loadBalancingRules/health")
    async def health(self, call: Call, document: Document) -> Reply:
        """Long-running in Azure: 202 and a Location that answers the health."""
        return Reply.later("loadBalancingRules/health", 2.0, {"rule": call.names[-1]}, polling="location")

    @completes("loadBalancingRules/health")
    async def healthy(self, document: Document, arguments: Json) -> Json:
        members = self.world.fabric.rule_health(document.id, arguments["rule"])
        addresses = [
            {
                "ipAddress": member.ip_address,
                "networkInterfaceIPConfigurationId": member.nic_ip_configuration,
                "state": member.state,
                "reason": member.reason,
            }
            for member in members
        ]
        up = sum(member.state == "Up" for member in members)
        return {"up": up, "down": len(members) - up, "loadBalancerBackendAddresses": addresses}

    @action("backendAddressPools/queryInboundNatRulePortMapping")
    async def port_mapping(self, call: Call, document: Document) -> Reply:
        """Long-running in Azure: which ports lead to one member of the pool, asked by configuration or address."""
        pool = f"{document.id}/{POOLS}/{call.names[-1]}"
        body = call.body or {}
        wanted = (body.get("ipConfiguration") or {}).get("id") or body.get("ipAddress")
        if not isinstance(wanted, str) or not wanted:
            raise ArmError(
                400,
                "InvalidRequestFormat",
                "Either ipConfiguration or ipAddress must be set to query inbound NAT rule port mappings.",
            )
        for use in references.of(self.world.store).to(pool, _NIC):
            if ids.key(use.by) == ids.key(wanted) or _address_of(use.owner, use.by) == wanted:
                arguments = {"member": use.by, "pool": ids.key(pool)}
                return Reply.later("backendAddressPools/ports", 1.0, arguments, polling="location")
        raise ArmError(
            400,
            "BackendAddressNotFoundInPool",  # code from memory
            f"{wanted} is not in the backend address pool {pool}.",
        )

    @completes("backendAddressPools/ports")
    async def port_mapped(self, document: Document, arguments: Json) -> Json:
        return {"inboundNatRulePortMappings": port_ranges.of_member(document, arguments["member"])}


def _give_private_address(call: Call, holder: Json, network: Document, by: str) -> None:
    """The private address of an internal frontend: the static one asked for, or the first that is free."""
    subnet = next(
        item for item in network.body["properties"]["subnets"] if ids.key(item["id"]) == ids.key(holder["subnet"]["id"])
    )
    if holder.get("privateIPAddress"):
        check_static(call.world.store, subnet, holder["privateIPAddress"], by)
    else:
        holder["privateIPAddress"] = next(free_addresses(call.world.store, subnet))


def _backend_address(balancer: Document, pool: str, interface: Document, configuration: str) -> Json:
    """The pool's own entry that Azure makes of an interface's membership, with the ports that ranges give it."""
    properties: Json = {"networkInterfaceIPConfiguration": {"id": configuration}}
    if state := admin_states.of_member(balancer, pool, configuration):
        properties["adminState"] = state
    if mappings := port_ranges.of_member(balancer, configuration):
        shown = ("inboundNatRuleName", "frontendPort", "backendPort")
        properties["inboundNatRulesPortMapping"] = [{key: one[key] for key in shown} for one in mappings]
    return {"name": admin_states.entry_name(interface, configuration), "properties": properties}


def _address_of(interface: Document, configuration: str) -> str:
    for item in interface.body["properties"]["ipConfigurations"]:
        if ids.key(item["id"]) == ids.key(configuration):
            return str(item["properties"].get("privateIPAddress") or "")
    return ""


def _unique(found: list[Json]) -> list[Json]:
    return list({item["id"]: item for item in found}.values())
