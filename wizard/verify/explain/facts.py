"""The snapshot that causes are read from: live ARM documents, and what the machines and their logs said.

Nothing here asks anybody: `gather` fills it, tests write it by hand, and every cause is a pure function of it.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Address
from typing import Any

from wizard import ids
from wizard.blueprint.resource import Blueprint
from wizard.verify.explain import nsg
from wizard.verify.explain.nsg import Direction, End, Flow, Verdict
from wizard.verify.inside import Inside
from wizard.verify.machines import LOAD_BALANCERS, Machine

Document = Mapping[str, Any]


@dataclass(frozen=True)
class Source:
    """Where a client's connections come from. `address` None: not known, since somebody translates it on the way."""

    address: IPv4Address | None
    why: str = ""


@dataclass(frozen=True)
class Door:
    """The planned NAT rule of one machine, its own or the one of its pool."""

    rule_id: str
    backend_port: int
    pool: str = ""  # the key of the pool that a rule with a range of ports serves

    @property
    def name(self) -> str:
        return ids.parse(self.rule_id).name


@dataclass(frozen=True)
class Configuration:
    """One IP configuration of a machine's interface, as ARM holds it."""

    nic: Document
    item: Document

    @property
    def id(self) -> str:
        return str(self.item.get("id") or "")

    @property
    def address(self) -> IPv4Address | None:
        return _address(properties(self.item).get("privateIPAddress"))

    @property
    def pools(self) -> list[str]:
        return references(properties(self.item).get("loadBalancerBackendAddressPools"))

    @property
    def nat_rules(self) -> list[str]:
        return references(properties(self.item).get("loadBalancerInboundNatRules"))

    @property
    def application_groups(self) -> frozenset[str]:
        return frozenset(references(properties(self.item).get("applicationSecurityGroups")))


@dataclass(frozen=True)
class Facts:
    """One moment of a deployment.

    documents   by `ids.key`: what ARM holds, None where it holds nothing; ids that were not asked for are absent
    views       by VM name: its instance view
    health      by VM name: whether the balancer's probe finds it up, and Azure's reason
    logs        by VM name: its serial log; `no_log` says why there is none
    inside      by VM name: what the machine says of itself
    """

    machines: Sequence[Machine]
    blueprint: Blueprint
    documents: Mapping[str, Document | None]
    source: Source = field(default_factory=lambda: Source(None))
    views: Mapping[str, Document] = field(default_factory=dict)
    health: Mapping[str, tuple[bool, str]] = field(default_factory=dict)
    logs: Mapping[str, str] = field(default_factory=dict)
    no_log: Mapping[str, str] = field(default_factory=dict)
    inside: Mapping[str, Inside] = field(default_factory=dict)

    def get(self, id: str) -> Document | None:
        return self.documents.get(ids.key(id))

    def balancer(self) -> tuple[str, Document | None]:
        """The planned balancer's id and its document."""
        for planned in self.blueprint.of_type(LOAD_BALANCERS):
            return planned.id, self.get(planned.id)
        return "", None

    def planned_rule(self) -> Document:
        """The first load-balancing rule as planned."""
        for planned in self.blueprint.of_type(LOAD_BALANCERS):
            for rule in planned.body["properties"].get("loadBalancingRules") or ():
                return dict(rule)
        return {}

    def rule(self) -> Document | None:
        """The planned load-balancing rule as ARM holds it now."""
        return named(items(self.balancer()[1], "loadBalancingRules"), str(self.planned_rule().get("name")))

    def probe(self) -> Document | None:
        """The probe of that rule."""
        wanted = reference(properties(self.rule()).get("probe"))
        return next(
            (one for one in items(self.balancer()[1], "probes") if ids.key(str(one.get("id") or "")) == wanted), None
        )

    def door(self, machine: Machine) -> Door | None:
        """The NAT rule that the plan gives a machine."""
        doors = [
            Door(
                ids.child_id(planned.id, "inboundNatRules", str(rule["name"])),
                int(rule["properties"]["backendPort"]),
                reference(rule["properties"].get("backendAddressPool")),
            )
            for planned in self.blueprint.of_type(LOAD_BALANCERS)
            for rule in planned.body["properties"].get("inboundNatRules") or ()
        ]
        by_key = {ids.key(door.rule_id): door for door in doors}
        for nic in machine.nics:
            if nic not in self.blueprint:
                continue
            for item in self.blueprint[nic].body["properties"].get("ipConfigurations") or ():
                for key in references(properties(item).get("loadBalancerInboundNatRules")):
                    if key in by_key:
                        return by_key[key]
                pools = references(properties(item).get("loadBalancerBackendAddressPools"))
                if door := next((door for door in doors if door.pool in pools), None):
                    return door
        return None

    def nics(self, machine: Machine) -> list[str]:
        """Ids of its interfaces: as its own document says, else as planned."""
        profile = properties(self.get(machine.id)).get("networkProfile") or {}
        live = [str(one["id"]) for one in profile.get("networkInterfaces") or () if one.get("id")]
        return live or list(machine.nics)

    def configurations(self, machine: Machine) -> list[Configuration]:
        return [
            Configuration(nic, item)
            for nic_id in self.nics(machine)
            if (nic := self.get(nic_id)) is not None
            for item in items(nic, "ipConfigurations")
        ]

    def main(self, machine: Machine) -> Configuration | None:
        """The configuration that traffic is for: the first that has an address."""
        return next((one for one in self.configurations(machine) if one.address is not None), None)

    def subnet(self, configuration: Configuration) -> tuple[Document | None, Document | None]:
        """Its virtual network and subnet."""
        key = reference(properties(configuration.item).get("subnet"))
        network = self.documents.get(key.rpartition("/subnets/")[0]) if key else None
        found = (one for one in items(network, "subnets") if ids.key(str(one.get("id") or "")) == key)
        return network, next(found, None)

    def group_ids(self, configuration: Configuration) -> list[str]:
        """The network security groups on the way in: the subnet's, then the interface's."""
        subnet = self.subnet(configuration)[1]
        both = (properties(subnet), properties(configuration.nic))
        return [key for facts in both if (key := reference(facts.get("networkSecurityGroup")))]

    def verdict(
        self, configuration: Configuration, source: End, port: int, *, direction: Direction = "Inbound"
    ) -> Verdict:
        """What the groups say about a TCP flow to (inbound) or from (outbound, to `source`) this configuration."""
        network, subnet = self.subnet(configuration)
        if network is None or subnet is None:
            return Verdict("unknown", "", "", 0, "the subnet's document could not be read")
        wanted = self.group_ids(configuration)
        found = [document for key in wanted if (document := self.documents.get(key)) is not None]
        if len(found) != len(wanted):
            return Verdict("unknown", "", "", 0, "a network security group could not be read")
        own = End(configuration.address, configuration.application_groups)
        flow = Flow(source, own, port) if direction == "Inbound" else Flow(own, source, port, direction=direction)
        return nsg.judge(found if direction == "Inbound" else found[::-1], flow, nsg.space(network))

    def power(self, machine: Machine) -> str:
        """`running`, `deallocated`, ...; "" when it is not known."""
        codes = [str(one.get("code") or "") for one in self.views.get(machine.name, {}).get("statuses") or ()]
        return next((code.partition("/")[2].lower() for code in codes if code.lower().startswith("powerstate/")), "")


def properties(document: Document | None) -> Mapping[str, Any]:
    found = (document or {}).get("properties")
    return found if isinstance(found, Mapping) else {}


def items(document: Document | None, key: str) -> list[Document]:
    return list(properties(document).get(key) or ())


def named(among: Sequence[Document], name: str) -> Document | None:
    return next((one for one in among if str(one.get("name") or "").lower() == name.lower()), None)


def reference(value: Any) -> str:
    """The `ids.key` of `{"id": ...}`, or ""."""
    return ids.key(str(value["id"])) if isinstance(value, Mapping) and value.get("id") else ""


def references(values: Any) -> list[str]:
    return [key for key in map(reference, values or ()) if key]


def pools_of(rule: Document | None) -> list[str]:
    """The pools that a load-balancing rule leads to; ARM has one field for one and another for several."""
    facts = properties(rule)
    keys = [reference(facts.get("backendAddressPool")), *references(facts.get("backendAddressPools"))]
    return [key for key in dict.fromkeys(keys) if key]


def linked(documents: Sequence[Document]) -> Iterator[str]:
    """Ids that interfaces, virtual networks and balancers name and that causes are read from."""
    for document in documents:
        if group := (properties(document).get("networkSecurityGroup") or {}).get("id"):
            yield str(group)
        for item in (*items(document, "ipConfigurations"), *items(document, "frontendIPConfigurations")):
            facts = properties(item)
            if subnet := (facts.get("subnet") or {}).get("id"):
                yield str(subnet).rpartition("/subnets/")[0]
            if address := (facts.get("publicIPAddress") or {}).get("id"):
                yield str(address)
        for subnet in items(document, "subnets"):
            for key in ("networkSecurityGroup", "natGateway"):
                if linked_id := (properties(subnet).get(key) or {}).get("id"):
                    yield str(linked_id)


def _address(text: object) -> IPv4Address | None:
    try:
        return ipaddress.IPv4Address(str(text))
    except ValueError:
        return None
