"""The network as the ARM documents describe it, read once into typed, cross-linked values.

A reading is immutable: listeners, probes and filters compare the last one with the new one. 200 machines make some
600 documents; one reading of them takes a few milliseconds, so documents are never parsed per packet or per write.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from wizard import ids
from wizard.sandbox.arm.network import admin_states, port_ranges
from wizard.sandbox.fabric import addresses, nsg
from wizard.sandbox.fabric.addresses import Addresses

if TYPE_CHECKING:
    from wizard.sandbox.store import Document, Store

_NETWORK = "Microsoft.Network/"
IDLE_MINUTES = 4  # Azure's default of idleTimeoutInMinutes, for rules and NAT rules


@dataclass(frozen=True)
class Subnet:
    """One subnet; `vnet` is the network's key, `space` its address space."""

    key: str
    vnet: str
    space: Addresses
    group: nsg.SecurityGroup | None
    nat_gateway: bool  # a NAT gateway with a public address is attached
    default_outbound: bool


@dataclass(frozen=True)
class Interface:
    """One IP configuration of a network interface, and the machine it belongs to."""

    id: str  # of the IP configuration, in ARM's case
    address: str
    number: int
    subnet: Subnet
    vm: str  # the machine's key, or "" while none has it
    pools: frozenset[str]
    nat_rules: frozenset[str]
    groups: tuple[nsg.SecurityGroup, ...]  # as asked inbound: subnet's, then interface's
    public_ip: bool


@dataclass(frozen=True)
class Probe:
    key: str
    protocol: str  # http, https, tcp
    port: int
    path: str
    interval: float
    threshold: int


@dataclass(frozen=True)
class FrontendRule:
    """A balancing rule or an inbound NAT rule: what listens at `address`:`port` and where it leads."""

    key: str
    address: str
    port: int
    backend_port: int
    members: tuple[Interface, ...]
    probe: Probe | None
    distribution: str  # default, sourceip, sourceipprotocol
    idle_seconds: float
    reset_on_idle: bool
    nat: bool
    admin_up: frozenset[str] = frozenset()  # keys of members that get flows, and
    admin_down: frozenset[str] = frozenset()  # of those that get none, whatever the rule's probe says

    @property
    def balancer(self) -> str:
        """The key of the balancer it is of. A NAT range's rules have their port behind theirs (`#50001`)."""
        return self.key.partition("#")[0].rsplit("/", 2)[0]


@dataclass
class Topology:
    """One reading. All keys are `ids.key` of ids."""

    interfaces: tuple[Interface, ...] = ()
    by_vm: Mapping[str, tuple[Interface, ...]] = field(default_factory=dict)
    rules: Mapping[str, FrontendRule] = field(default_factory=dict)
    snat_pools: frozenset[str] = frozenset()  # pools whose members leave through their balancer's public address
    probed: Mapping[str, tuple[FrontendRule, ...]] = field(default_factory=dict)  # balancing rules by their probe's key
    _allowed: dict[tuple[str, int], Addresses] = field(default_factory=dict)

    def allowed_sources(self, interface: Interface, port: int) -> Addresses:
        """As `nsg.allowed_sources`, worked out once per reading."""
        key = (interface.id, port)
        found = self._allowed.get(key)
        if found is None:
            found = nsg.allowed_sources(interface.groups, interface.number, port, interface.subnet.space)
            self._allowed[key] = found
        return found

    def find(self, vnet: str, address: str) -> Interface | None:
        """Who has a private address in a virtual network."""
        return next((one for one in self.interfaces if one.address == address and one.subnet.vnet == vnet), None)

    def outbound(self, vm: str, port: int = 80) -> str | None:
        """Why a machine cannot reach the Internet at `port`, or None when it can."""
        interfaces = self.by_vm.get(vm, ())
        if not interfaces:
            return "the machine has no network interface"
        one = interfaces[0]
        subnet = one.subnet
        way = subnet.nat_gateway or one.public_ip or one.pools & self.snat_pools or subnet.default_outbound
        if not way:
            return "its subnet is private and has neither a NAT gateway nor an outbound rule"
        # 1.1.1.1 stands for any address of the Internet.
        packet = nsg.Packet(one.number, 49152, addresses.number("1.1.1.1"), port)
        verdict = nsg.judge(tuple(reversed(one.groups)), packet, subnet.space, "Outbound")
        return None if verdict.allowed else verdict.why


def _reference(value: Any) -> str:
    return ids.key(value["id"]) if isinstance(value, Mapping) and value.get("id") else ""


def _references(values: Any) -> list[str]:
    return [key for key in map(_reference, values or ()) if key]


def _properties(value: Any) -> Mapping[str, Any]:
    found = value.get("properties") if isinstance(value, Mapping) else None
    return found if isinstance(found, Mapping) else {}


def _child(document: Document, kind: str, item: Mapping[str, Any]) -> str:
    return ids.key(item.get("id") or ids.child_id(document.id, kind, str(item.get("name"))))


class _Reader:
    """Reads the store's documents once; ids lead from one to the next."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.groups: dict[tuple[str, Addresses], nsg.SecurityGroup] = {}
        self.public: dict[str, str] = {}
        for document in self._all("publicIPAddresses"):
            if address := _properties(document.body).get("ipAddress"):
                self.public[ids.key(document.id)] = str(address)

    def _all(self, kind: str) -> list[Document]:
        return self.store.of_type(_NETWORK + kind)

    def _group(self, key: str, space: Addresses) -> nsg.SecurityGroup | None:
        if not key or (document := self.store.get(key)) is None:
            return None
        if (key, space) not in self.groups:
            self.groups[key, space] = nsg.read_group(document.id, _properties(document.body), space)
        return self.groups[key, space]

    def subnets(self) -> dict[str, Subnet]:
        gateways = {
            ids.key(document.id)
            for document in self._all("natGateways")
            if any(key in self.public for key in _references(_properties(document.body).get("publicIpAddresses")))
        }
        found: dict[str, Subnet] = {}
        for document in self._all("virtualNetworks"):
            properties = _properties(document.body)
            prefixes = (properties.get("addressSpace") or {}).get("addressPrefixes") or ()
            space = addresses.union(addresses.prefix(text) for text in prefixes)
            for item in properties.get("subnets") or ():
                key, facts = _child(document, "subnets", item), _properties(item)
                found[key] = Subnet(
                    key=key,
                    vnet=ids.key(document.id),
                    space=space,
                    group=self._group(_reference(facts.get("networkSecurityGroup")), space),
                    nat_gateway=_reference(facts.get("natGateway")) in gateways,
                    default_outbound=facts.get("defaultOutboundAccess") is not False,
                )
        return found

    def owners(self) -> dict[str, str]:
        """Network interface to machine. The machine's own document decides; an interface may know it earlier."""
        found: dict[str, str] = {}
        for document in self._all("networkInterfaces"):
            if vm := _reference(_properties(document.body).get("virtualMachine")):
                found[ids.key(document.id)] = vm
        for document in self.store.of_type("Microsoft.Compute/virtualMachines"):
            profile = _properties(document.body).get("networkProfile") or {}
            for key in _references(profile.get("networkInterfaces")):
                found[key] = ids.key(document.id)
        return found

    def interfaces(self) -> Iterable[Interface]:
        subnets, owners = self.subnets(), self.owners()
        for document in self._all("networkInterfaces"):
            properties = _properties(document.body)
            for item in properties.get("ipConfigurations") or ():
                facts = _properties(item)
                subnet, address = subnets.get(_reference(facts.get("subnet"))), facts.get("privateIPAddress")
                if subnet is None or not address:
                    continue
                own = self._group(_reference(properties.get("networkSecurityGroup")), subnet.space)
                yield Interface(
                    id=item.get("id") or ids.child_id(document.id, "ipConfigurations", str(item.get("name"))),
                    address=str(address),
                    number=addresses.number(str(address)),
                    subnet=subnet,
                    vm=owners.get(ids.key(document.id), ""),
                    pools=frozenset(_references(facts.get("loadBalancerBackendAddressPools"))),
                    nat_rules=frozenset(_references(facts.get("loadBalancerInboundNatRules"))),
                    groups=tuple(group for group in (subnet.group, own) if group is not None),
                    public_ip=_reference(facts.get("publicIPAddress")) in self.public,
                )

    def rules(self, interfaces: tuple[Interface, ...]) -> tuple[dict[str, FrontendRule], frozenset[str]]:
        by_pool: dict[str, list[Interface]] = {}
        by_nat: dict[str, list[Interface]] = {}
        for interface in interfaces:
            for pool in interface.pools:
                by_pool.setdefault(pool, []).append(interface)
            for name in interface.nat_rules:
                by_nat.setdefault(name, []).append(interface)
        found: dict[str, FrontendRule] = {}
        snat: set[str] = set()
        for document in self._all("loadBalancers"):
            properties = _properties(document.body)
            frontends = {
                _child(document, "frontendIPConfigurations", item): self.public.get(
                    _reference(_properties(item).get("publicIPAddress")), ""
                )
                for item in properties.get("frontendIPConfigurations") or ()
            }
            probes = {
                _child(document, "probes", item): _probe(_child(document, "probes", item), _properties(item))
                for item in properties.get("probes") or ()
            }
            for item in properties.get("loadBalancingRules") or ():
                facts = _properties(item)
                pools = {_reference(facts.get("backendAddressPool")), *_references(facts.get("backendAddressPools"))}
                pools.discard("")
                address = frontends.get(_reference(facts.get("frontendIPConfiguration")), "")
                if address and facts.get("disableOutboundSnat") is not True:
                    snat |= pools
                members = {one.id: one for pool in sorted(pools) for one in by_pool.get(pool, ())}
                probe = probes.get(_reference(facts.get("probe")))
                key = _child(document, "loadBalancingRules", item)
                if rule := _frontend(key, facts, address, tuple(members.values()), probe, nat=False):
                    found[key] = _administered(rule, document, pools) if probe else rule
            for item in properties.get("inboundNatRules") or ():
                facts, key = _properties(item), _child(document, "inboundNatRules", item)
                address = frontends.get(_reference(facts.get("frontendIPConfiguration")), "")
                if rule := _frontend(key, facts, address, tuple(by_nat.get(key, ())), None, nat=True):
                    found[key] = rule
            found |= {rule.key: rule for rule in _ranges(document, frontends, interfaces)}
            for item in properties.get("outboundRules") or ():
                facts = _properties(item)
                if any(frontends.get(key) for key in _references(facts.get("frontendIPConfigurations"))):
                    snat.add(_reference(facts.get("backendAddressPool")))
        return found, frozenset(snat)


def _administered(rule: FrontendRule, balancer: Document, pools: Iterable[str]) -> FrontendRule:
    states = [one for pool in pools for one in admin_states.of_pool(balancer, pool.rpartition("/")[2]).items()]
    up, down = (frozenset(key for key, state in states if state == wanted) for wanted in ("Up", "Down"))
    return replace(rule, admin_up=up, admin_down=down)


def _ranges(
    document: Document, frontends: Mapping[str, str], interfaces: Iterable[Interface]
) -> Iterable[FrontendRule]:
    """What NAT rules with a range of ports have given to single members: each is a door of its own."""
    given = list(port_ranges.given(document))
    by_key = {ids.key(interface.id): interface for interface in interfaces} if given else {}
    for item, member, port in given:
        facts, key, one = _properties(item), _child(document, "inboundNatRules", item), by_key.get(member)
        address = frontends.get(_reference(facts.get("frontendIPConfiguration")), "")
        ranged = {**facts, "frontendPort": port}
        if one and (rule := _frontend(f"{key}#{port}", ranged, address, (one,), None, nat=True)):
            yield rule


def _probe(key: str, facts: Mapping[str, Any]) -> Probe:
    return Probe(
        key=key,
        protocol=str(facts.get("protocol", "Tcp")).lower(),
        port=int(facts.get("port", 0)),
        path=str(facts.get("requestPath") or "/"),
        interval=float(facts.get("intervalInSeconds") or 15),
        threshold=max(1, int(facts.get("probeThreshold") or 1)),
    )


def _frontend(
    key: str, facts: Mapping[str, Any], address: str, members: tuple[Interface, ...], probe: Probe | None, *, nat: bool
) -> FrontendRule | None:
    """None for what does not listen on TCP: UDP rules, port ranges, a frontend without a public address."""
    port = int(facts.get("frontendPort") or 0)
    if not address or not port or str(facts.get("protocol", "Tcp")).lower() not in ("tcp", "all"):
        return None
    return FrontendRule(
        key=key,
        address=address,
        port=port,
        backend_port=int(facts.get("backendPort") or port),
        members=members,
        probe=probe,
        distribution=str(facts.get("loadDistribution") or "Default").lower(),
        idle_seconds=60.0 * float(facts.get("idleTimeoutInMinutes") or IDLE_MINUTES),
        reset_on_idle=bool(facts.get("enableTcpReset")),
        nat=nat,
    )


def read(store: Store) -> Topology:
    """Read every network document of the store."""
    reader = _Reader(store)
    interfaces = tuple(reader.interfaces())
    rules, snat = reader.rules(interfaces)
    by_vm: dict[str, list[Interface]] = {}
    for interface in interfaces:
        if interface.vm:
            by_vm.setdefault(interface.vm, []).append(interface)
    probed: dict[str, tuple[FrontendRule, ...]] = {}
    for rule in rules.values():
        if rule.probe is not None:
            probed[rule.probe.key] = (*probed.get(rule.probe.key, ()), rule)
    return Topology(interfaces, {vm: tuple(found) for vm, found in by_vm.items()}, rules, snat, probed)
