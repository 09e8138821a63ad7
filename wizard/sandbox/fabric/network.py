"""The virtual network: who may open a connection to whom, and what answers.

Every connection to a machine passes here, whether it comes through the balancer, from a health probe or from another
machine: its security groups are asked with the real source, then the machine's own port. A dropped packet and a closed
port are told apart, as a client would see them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Protocol

from wizard.sandbox.fabric import addresses, nsg
from wizard.sandbox.fabric.topology import Interface, Topology
from wizard.sandbox.fabric.wire import WireEnd


class Host(Protocol):
    """What the network asks of a machine."""

    @property
    def running(self) -> bool: ...

    def accept(self, port: int, client: tuple[str, int], server: str, protocol: asyncio.Protocol) -> WireEnd | None:
        """Connect `protocol` to what listens on `port`; None when nothing does."""
        ...


class Dropped(OSError):  # noqa: N818 - what happened to the packet
    """The packet got no answer: a security group, a stopped machine or no such address. A client times out."""


class Unpowered(Dropped):
    """The machine is off: nobody is there to answer, not even with a refusal."""


class Refused(ConnectionRefusedError):  # noqa: N818 - what happened to the packet
    """The machine answered that nothing listens on this port."""


class Network:
    """The latest topology and the machines in it."""

    def __init__(self, machines: Mapping[str, Host]) -> None:
        self.machines = machines
        self.topology = Topology()

    def running(self, interface: Interface) -> bool:
        """Whether the interface's machine is there and powered on."""
        machine = self.machines.get(interface.vm)
        return machine is not None and machine.running

    def judge(self, interface: Interface, port: int, source: tuple[str, int]) -> nsg.Verdict:
        """What the interface's security groups say about a flow from `source` to `port`."""
        packet = nsg.Packet(addresses.number(source[0]), source[1], interface.number, port)
        return nsg.judge(interface.groups, packet, interface.subnet.space)

    def open(self, interface: Interface, port: int, source: tuple[str, int], protocol: asyncio.Protocol) -> WireEnd:
        """Open a connection to a machine's port; raises Dropped or Refused."""
        verdict = self.judge(interface, port, source)
        if not verdict.allowed:
            raise Dropped(verdict.why)
        machine = self.machines.get(interface.vm)
        if machine is None or not machine.running:
            raise Unpowered("the machine is not running")
        end = machine.accept(port, source, interface.address, protocol)
        if end is None:
            raise Refused(f"nothing listens on port {port}")
        return end

    def connect(self, vm: str, address: str, port: int, protocol: asyncio.Protocol, source_port: int) -> WireEnd:
        """From machine `vm` to a private address of its own virtual network; raises Dropped or Refused."""
        own = self.topology.by_vm.get(vm, ())
        if not own:
            raise Dropped("no network interface")
        target = self.topology.find(own[0].subnet.vnet, address)
        packet = nsg.Packet(own[0].number, source_port, addresses.number(address), port)
        verdict = nsg.judge(tuple(reversed(own[0].groups)), packet, own[0].subnet.space, "Outbound")
        if not verdict.allowed:
            raise Dropped(verdict.why)
        if target is None:
            raise Dropped("no such address in this virtual network")
        return self.open(target, port, (own[0].address, source_port), protocol)
