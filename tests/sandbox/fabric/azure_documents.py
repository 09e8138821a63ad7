"""A deployment's ARM documents, written by hand into a store: the fabric needs no ARM server to be tested."""

from __future__ import annotations

import os
import random
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from wizard import ids
from wizard.sandbox.fabric.fabric import Fabric, GuestSpec
from wizard.sandbox.faults import Faults
from wizard.sandbox.store import Document, Store

SUBSCRIPTION = "11111111-2222-3333-4444-555555555555"
GROUP = "rg"
HTTP_PORT = 8080  # of the frontend: tests need no privilege
PASSWORD = "Correct-horse-7"


def loopback() -> str:
    """An address of this test's own: many tests listen on port 80 side by side."""
    rng = random.Random(os.urandom(8))
    return f"127.{rng.randrange(100, 250)}.{rng.randrange(1, 250)}.{rng.randrange(2, 250)}"


def network_id(type: str, *names: str) -> str:
    return ids.resource_id(SUBSCRIPTION, GROUP, f"Microsoft.Network/{type}", *names)


def vm_id(name: str) -> str:
    return ids.resource_id(SUBSCRIPTION, GROUP, "Microsoft.Compute/virtualMachines", name)


def allow(name: str, priority: int, port: str, *sources: str, access: str = "Allow") -> dict[str, Any]:
    return {
        "name": name,
        "properties": {
            "priority": priority, "direction": "Inbound", "access": access, "protocol": "Tcp",
            "sourceAddressPrefixes": list(sources), "sourcePortRange": "*",
            "destinationAddressPrefix": "10.0.1.0/24", "destinationPortRange": port,
        },
    }  # fmt: skip


class Deployment:
    """Two machines (or more) behind a balancer, in a store of their own."""

    def __init__(
        self,
        folder: Path,
        *,
        count: int = 2,
        rules: list[dict[str, Any]] | None = None,
        outbound: bool = True,
        interval: float = 0.2,
        threshold: int = 2,
        speed: float = 200.0,
        password: str | None = PASSWORD,
        ssh_keys: tuple[str, ...] = (),
        custom_data: bytes | None = None,
        address: str | None = None,
        probe_path: str = "/",
        image: str = "Canonical:ubuntu-24_04-lts:server:latest",
    ) -> None:
        self.image = image
        self.folder, self.count, self.speed = folder, count, speed
        self.address = address or loopback()
        self.outbound, self.interval, self.threshold, self.probe_path = outbound, interval, threshold, probe_path
        self.password, self.ssh_keys = password, ssh_keys
        self.custom_data = page() if custom_data is None else custom_data
        self.rules = rules if rules is not None else [
            allow("allow-http", 100, "80", "Internet"), allow("allow-ssh", 110, "22", "127.0.0.0/8"),
        ]  # fmt: skip
        self.open_store()

    def open_store(self) -> None:
        self.store = Store(self.folder / "state.sqlite")
        self.fabric = Fabric(SimpleNamespace(store=self.store, speed=self.speed, faults=Faults()))  # type: ignore[arg-type]

    @property
    def names(self) -> list[str]:
        return [f"web{number}" for number in range(1, self.count + 1)]

    def ssh_port(self, name: str) -> int:
        return 50000 + int(name[3:])

    def put(self, type: str, name: str, properties: dict[str, Any]) -> None:
        self.store.put(Document(network_id(type, name), f"Microsoft.Network/{type}", name, {"properties": properties}))

    def write(self) -> None:
        """Every document but the machines'."""
        self.put("networkSecurityGroups", "nsg", {"securityRules": self.rules})
        self.put("publicIPAddresses", "pip", {"ipAddress": self.address})
        self.put("publicIPAddresses", "natpip", {"ipAddress": loopback()})
        self.put("natGateways", "gw", {"publicIpAddresses": [{"id": network_id("publicIPAddresses", "natpip")}]})
        subnet: dict[str, Any] = {
            "addressPrefix": "10.0.1.0/24", "defaultOutboundAccess": False,
            "networkSecurityGroup": {"id": network_id("networkSecurityGroups", "nsg")},
        }  # fmt: skip
        if self.outbound:
            subnet["natGateway"] = {"id": network_id("natGateways", "gw")}
        self.put(
            "virtualNetworks", "vnet",
            {"addressSpace": {"addressPrefixes": ["10.0.0.0/16"]}, "subnets": [{"name": "web", "properties": subnet}]},
        )  # fmt: skip
        self.write_balancer()
        for number, name in enumerate(self.names):
            self.write_interface(name, number)

    def write_balancer(self) -> None:
        lb = network_id("loadBalancers", "lb")
        frontend = {"id": f"{lb}/frontendIPConfigurations/fe"}
        self.put(
            "loadBalancers", "lb",
            {
                "frontendIPConfigurations": [
                    {"name": "fe", "properties": {"publicIPAddress": {"id": network_id("publicIPAddresses", "pip")}}}
                ],
                "backendAddressPools": [{"name": "be"}],
                "probes": [{"name": "http", "properties": {
                    "protocol": "Http", "port": 80, "requestPath": self.probe_path,
                    "intervalInSeconds": self.interval, "probeThreshold": self.threshold}}],
                "loadBalancingRules": [{"name": "http", "properties": {
                    "frontendIPConfiguration": frontend, "backendAddressPool": {"id": f"{lb}/backendAddressPools/be"},
                    "probe": {"id": f"{lb}/probes/http"}, "protocol": "Tcp",
                    "frontendPort": HTTP_PORT, "backendPort": 80,
                    "idleTimeoutInMinutes": 4, "enableTcpReset": True, "disableOutboundSnat": True}}],
                "inboundNatRules": [{"name": f"ssh-{name}", "properties": {
                    "frontendIPConfiguration": frontend, "protocol": "Tcp", "frontendPort": self.ssh_port(name),
                    "backendPort": 22}} for name in self.names],
            },
        )  # fmt: skip

    def write_interface(self, name: str, number: int) -> None:
        lb = network_id("loadBalancers", "lb")
        self.put(
            "networkInterfaces", f"{name}-nic",
            {"ipConfigurations": [{"name": "ipconfig1", "properties": {
                "privateIPAddress": f"10.0.1.{4 + number}",
                "subnet": {"id": network_id("virtualNetworks/subnets", "vnet", "web")},
                "loadBalancerBackendAddressPools": [{"id": f"{lb}/backendAddressPools/be"}],
                "loadBalancerInboundNatRules": [{"id": f"{lb}/inboundNatRules/ssh-{name}"}]}}]},
        )  # fmt: skip

    def create_machines(self) -> None:
        for name in self.names:
            nic = {"id": network_id("networkInterfaces", f"{name}-nic")}
            self.store.put(Document(
                vm_id(name), "Microsoft.Compute/virtualMachines", name,
                {"properties": {"networkProfile": {"networkInterfaces": [nic]}}},
            ))  # fmt: skip
            self.fabric.create_machine(vm_id(name), GuestSpec(
                os="Linux", computer_name=name, admin_user="azureuser", admin_password=self.password,
                password_login=self.password is not None, ssh_keys=self.ssh_keys, custom_data=self.custom_data,
                image=self.image,
            ))  # fmt: skip

    async def start(self) -> None:
        self.write()
        await self.fabric.start()
        self.create_machines()
        for name in self.names:
            await self.fabric.power_on(vm_id(name))

    async def close(self) -> None:
        await self.fabric.close()
        self.store.close()


def page(port: int = 80) -> bytes:
    """The product's own cloud-init, as its blueprint fills it in."""
    from wizard.blueprint import userdata
    from wizard.plan.model import Balancer, Plan

    return userdata.user_data(Plan(balancer=Balancer(backend_port=port)))
