"""What ARM says exists, exists: this is the fabric as the ARM side sees it.

The fabric reads network documents (public IPs, balancers, NICs, subnets, NSGs) from the store and makes listeners,
pools, probes and filters of them; machines are told to it by id and live by their guest record.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from wizard import ids
from wizard.sandbox.arm.errors import ArmError
from wizard.sandbox.fabric import nsg, topology

if TYPE_CHECKING:
    from wizard.sandbox.fabric.guest import Guest
    from wizard.sandbox.fabric.machine import Machine
    from wizard.sandbox.fabric.probes import State
    from wizard.sandbox.fabric.windows.guest import WindowsGuest
    from wizard.sandbox.fabric.windows.machine import WindowsMachine
    from wizard.sandbox.store import Document
    from wizard.sandbox.world import World

PowerState = Literal["starting", "running", "stopping", "stopped", "deallocating", "deallocated"]

_LOG = logging.getLogger(__name__)
_SETTLE = 0.02  # s: changes that come within this are one reconciliation
_IDLE_SHARE = 4.0  # after a reconciliation of t seconds the next one waits 4 t: at most a fifth of a core goes to them


@dataclass(frozen=True)
class GuestSpec:
    """What a new machine is born with. The password is hashed when the guest record is made, and then forgotten."""

    os: Literal["Linux", "Windows"]
    computer_name: str
    admin_user: str
    admin_password: str | None
    password_login: bool
    ssh_keys: Sequence[str]
    custom_data: bytes
    image: str  # publisher:offer:sku:version
    content: Mapping[str, Any] | None = None  # of an image of one's own: what `installed` told when it was taken
    password_hash: str | None = None  # as `kept.hashed` makes it, in place of a password


@dataclass(frozen=True)
class ScriptResult:
    """What a script run inside a machine left: text as Run Command reports it."""

    stdout: str
    stderr: str
    exit_code: int


@dataclass(frozen=True)
class ExtensionResult:
    """How a VM extension ended: `code` 0 is success; `message` is what its handler reports."""

    code: int
    message: str


@dataclass(frozen=True)
class BackendHealth:
    """One pool member as the rule's health call shows it."""

    nic_ip_configuration: str  # id
    ip_address: str
    state: Literal["Up", "Down", "Unknown"]
    reason: str


class Fabric:
    """See fabric's modules for how each promise is kept. All methods are called on the event loop's thread."""

    def __init__(self, world: World) -> None:
        from wizard.sandbox.fabric.listeners import Listeners
        from wizard.sandbox.fabric.meter import Meter
        from wizard.sandbox.fabric.network import Network
        from wizard.sandbox.fabric.probes import Probes

        self._world = world
        self._machines: dict[str, Machine | WindowsMachine] = {}
        self._network = Network(self._machines)
        self.meter = Meter()
        self.watchers: list[Callable[[], None]] = []  # told whenever a probe's verdict or a machine's power changes
        self._probes = Probes(self._network, self._states_changed, self._probed)
        self._listeners = Listeners(self._network, self._up, self.meter)
        self._timer: asyncio.TimerHandle | None = None
        self._reconciling: asyncio.Task[None] | None = None
        self._documents_changed = False
        self._started = False
        self._next_reading = 0.0
        self.readings = 0  # of the whole topology, since the start

    async def start(self) -> None:
        """Open what the stored documents ask for and boot machines that were running."""
        self._started = True
        self._world.store.listeners.append(self._document_changed)
        for key, record in self._world.store.items("guest"):
            self._add(key, record)
        self._documents_changed = True
        await self._reconcile()
        for machine in self._machines.values():
            power = machine.guest.record.get("power")
            if power in ("running", "starting"):
                machine.power_on()
            elif power in ("stopped", "deallocated"):
                machine.state = power

    async def close(self) -> None:
        self._started = False
        if self._document_changed in self._world.store.listeners:
            self._world.store.listeners.remove(self._document_changed)
        if self._timer is not None:
            self._timer.cancel()
        if self._reconciling is not None:
            await self._reconciling
        self._probes.close()
        await self._listeners.close()
        for machine in self._machines.values():
            await machine.close()

    # Network

    def network_changed(self) -> None:
        """Some network document or machine changed: bring listeners, pools, probes and filters in line, soon."""
        self._documents_changed = True
        self._soon()

    def _document_changed(self, what: str, document: Document) -> None:
        if document.type.lower().startswith(("microsoft.network/", "microsoft.compute/virtualmachines")):
            self.network_changed()

    def _states_changed(self) -> None:
        self._soon()
        for told in self.watchers:
            told()

    def _probed(self, probe: topology.Probe, one: topology.Interface, good: bool) -> None:
        for rule in self._network.topology.probed.get(probe.key, ()):
            key = ids.key(one.id)
            up = key in rule.admin_up or (good and key not in rule.admin_down)  # the metric tells what was made of it
            dimensions = (
                ("ProtocolType", "TCP"),
                ("BackendPort", str(probe.port)),
                ("FrontendIPAddress", rule.address),
                ("FrontendPort", str(rule.port)),
                ("BackendIPAddress", one.address),
            )
            self.meter.add(rule.balancer, "DipAvailability", 100.0 if up else 0.0, dimensions)

    def balanced(self) -> Iterator[tuple[topology.FrontendRule, Sequence[str]]]:
        """Every balancing rule that has a probe, with its members' states."""
        for rules in self._network.topology.probed.values():
            for rule in rules:
                if rule.probe is not None:
                    yield rule, [self._state(rule, rule.probe, one)[0] for one in rule.members]

    def _soon(self) -> None:
        """One reconciliation for all changes of the next milliseconds; a busy stretch gets few of them, spread out."""
        if not self._started or self._timer is not None:
            return
        loop = asyncio.get_running_loop()
        self._timer = loop.call_at(max(loop.time() + _SETTLE, self._next_reading), self._begin)

    def _begin(self) -> None:
        self._timer = None
        if self._reconciling is not None and not self._reconciling.done():
            self._soon()
            return
        self._reconciling = asyncio.get_running_loop().create_task(self._reconcile())

    async def _reconcile(self) -> None:
        loop = asyncio.get_running_loop()
        began = loop.time()
        try:
            if self._documents_changed:
                self._documents_changed = False
                self.readings += 1
                self._network.topology = topology.read(self._world.store)
                self._probes.reconcile()
                await self._listeners.reconcile()
            else:
                self._listeners.refresh()
        except Exception:  # the next change reads everything anew; the sandbox must live on until then
            _LOG.exception("the network could not be brought in line with its documents")
        self._next_reading = loop.time() + _IDLE_SHARE * (loop.time() - began)

    def _up(self, rule: topology.FrontendRule, interface: topology.Interface) -> bool:
        return rule.probe is not None and self._state(rule, rule.probe, interface)[0] == "Up"

    def _state(self, rule: topology.FrontendRule, probe: topology.Probe, one: topology.Interface) -> tuple[State, str]:
        """What the balancer takes a member for, and why: its administrative state comes before its probe."""
        if ids.key(one.id) in rule.admin_down:
            return "Down", "Down_Admin"
        if ids.key(one.id) in rule.admin_up:
            return "Up", "Up_Admin"
        return self._probes.state(probe, one)

    def rule_health(self, balancer_id: str, rule: str) -> Sequence[BackendHealth]:
        """Every member of the rule's pool with its probe's state."""
        found = self._network.topology.rules.get(ids.key(ids.child_id(balancer_id, "loadBalancingRules", rule)))
        return [self._health(found, one) for one in found.members] if found is not None else []

    def _health(self, rule: topology.FrontendRule, one: topology.Interface) -> BackendHealth:
        if rule.probe is None:
            running = self._network.running(one)
            why = "the rule has no probe" if running else "the machine is not running"
            return BackendHealth(one.id, one.address, "Up" if running else "Down", why)
        state, reason = self._state(rule, rule.probe, one)
        return BackendHealth(one.id, one.address, state, reason)

    def frontend_conflict(self, public_ip: str, port: int) -> str | None:
        """Why a frontend port cannot be bound on this computer (privileged, taken), or None."""
        from wizard.sandbox.fabric.listeners import bind_problem

        if self._listeners.holds((public_ip, port)):
            return None
        return bind_problem(public_ip, port)

    def explain(self, interface_id: str, source: str, port: int) -> nsg.Verdict | None:
        """What the security groups say of a flow from `source` to an IP configuration; None when that is unknown."""
        key = ids.key(interface_id)
        for one in self._network.topology.interfaces:
            if ids.key(one.id) == key:
                return self._network.judge(one, port, (source, 49152))
        return None

    # Machines

    def _add(self, key: str, record: dict[str, Any]) -> Machine | WindowsMachine:
        from wizard.sandbox.fabric.guest import Guest
        from wizard.sandbox.fabric.windows.guest import WindowsGuest

        kind = WindowsGuest if record["os"] == "Windows" else Guest
        return self._host(kind(self._world.store, key, record))

    def _host(self, guest: Guest | WindowsGuest) -> Machine | WindowsMachine:
        from wizard.sandbox.fabric.machine import Machine
        from wizard.sandbox.fabric.windows.guest import WindowsGuest
        from wizard.sandbox.fabric.windows.machine import WindowsMachine

        shared = (self._network, self._world.speed, self._states_changed)
        machine = WindowsMachine(guest, *shared) if isinstance(guest, WindowsGuest) else Machine(guest, *shared)
        self._machines[guest.key] = machine
        return machine

    def _machine(self, vm_id: str) -> Machine | WindowsMachine:
        try:
            return self._machines[ids.key(vm_id)]
        except KeyError:
            raise ArmError(404, "ResourceNotFound", f"The machine {vm_id} does not exist.") from None

    def create_machine(self, vm_id: str, spec: GuestSpec) -> None:
        """Make the guest record (disk, users, hashed password, fresh host keys); the machine is still off."""
        from wizard.sandbox.fabric.guest import Guest
        from wizard.sandbox.fabric.windows.guest import WindowsGuest

        kind = WindowsGuest if spec.os == "Windows" else Guest
        self._host(kind.create(self._world.store, ids.key(vm_id), spec))
        self.network_changed()

    async def power_on(self, vm_id: str) -> None:
        """Begin to boot; returns at once. Boot, cloud-init and agent take their time, divided by speed."""
        self._machine(vm_id).power_on()

    async def power_off(self, vm_id: str, *, skip_shutdown: bool = False, deallocate: bool = False) -> None:
        """Stop it; returns when it is off. Orderly, its connections are closed; skipping that, they fall silent."""
        await self._machine(vm_id).power_off(skip_shutdown=skip_shutdown, deallocate=deallocate)

    async def restart(self, vm_id: str) -> None:
        """Shut down in order and begin to boot; returns when it boots."""
        await self._machine(vm_id).restart()

    async def remove_machine(self, vm_id: str) -> None:
        """Close it and forget its disk; nothing happens when there is none."""
        machine = self._machines.pop(ids.key(vm_id), None)
        if machine is not None:
            await machine.close()
            machine.guest.forget()
            self.network_changed()

    def installed(self, vm_id: str) -> dict[str, Any]:
        """What is on a machine's disk beside its image, without users, keys and what belongs to this machine alone."""
        record = self._machine(vm_id).guest.record
        kept = ("packages", "services", "firewalld", "http_ports")
        own = ("/home/", "/root/", "/etc/ssh/", "/etc/sudoers.d/", "/run/", "/tmp/", "/var/log/", "/var/lib/waagent/")  # noqa: S108
        found = {key: record[key] for key in kept if key in record}
        found["files"] = {
            path: node for path, node in (record.get("files") or {}).items() if not f"{path}/".startswith(own)
        }
        copied: dict[str, Any] = json.loads(json.dumps(found))
        return copied

    def power_state(self, vm_id: str) -> PowerState:
        return self._machine(vm_id).state

    def agent_ready(self, vm_id: str) -> bool:
        """Whether the VM agent reports (needed by extensions and Run Command)."""
        return self._machine(vm_id).agent_ready and not self._world.faults.silent(vm_id, self._world.speed)

    def no_way_out(self, vm_id: str, port: int) -> str | None:
        """Why a machine cannot reach the Internet at a port, or None when it can."""
        return self._network.topology.outbound(ids.key(vm_id), port)

    def file(self, vm_id: str, path: str) -> str:
        """The text of a file on a machine's disk. Raises FileNotFoundError."""
        return self._machine(vm_id).guest.disk.read(path)

    def requests(self, vm_id: str) -> int:
        """How many requests its web server has answered since the machine was made known."""
        return self._machine(vm_id).work.requests

    async def healthy(self, vm_id: str, protocol: str, port: int, path: str, timeout_s: float) -> bool | None:
        """What the application health extension finds inside the machine; None when nobody is there to ask."""
        from wizard.sandbox.fabric import asking

        machine, own = self._machine(vm_id), self._network.topology.by_vm.get(ids.key(vm_id), ())
        if not self.agent_ready(vm_id) or not own:
            return None
        return await asking.healthy(machine, own[0].address, protocol, port, path=path, timeout_s=timeout_s)

    def os_facts(self, vm_id: str) -> Mapping[str, str]:
        """`osName`, `osVersion`, `computerName`, `vmAgentVersion` of the instance view."""
        from wizard.sandbox.fabric import image
        from wizard.sandbox.fabric.windows import guest as windows

        guest = self._machine(vm_id).guest
        agent = windows.AGENT_VERSION if isinstance(guest, windows.WindowsGuest) else image.AGENT_VERSION
        return {
            "osName": guest.image.name,
            "osVersion": guest.image.version,
            "computerName": guest.hostname,
            "vmAgentVersion": agent,
        }

    def serial_log(self, vm_id: str) -> bytes:
        return str(self._machine(vm_id).guest.record["serial"]).encode()

    async def run_script(self, vm_id: str, script: str) -> ScriptResult:
        """Run as root, or as SYSTEM, inside the machine, in its own small interpreter, never the host's shell.

        Raises ArmError (409) when the machine's agent does not report.
        """
        from wizard.sandbox.fabric.shell.interpreter import Shell
        from wizard.sandbox.fabric.shell.streams import Capture, TextInput
        from wizard.sandbox.fabric.windows import powershell_run
        from wizard.sandbox.fabric.windows.machine import WindowsMachine

        machine = self._machine(vm_id)
        if not machine.agent_ready:
            raise ArmError(409, "OperationNotAllowed", "The VM agent does not report: the machine runs no commands.")
        if isinstance(machine, WindowsMachine):
            left = await powershell_run.script(machine, script)
            return ScriptResult(left.out, left.error, left.code)
        out, error = Capture(), Capture()
        code = await Shell(machine, "root").script(script, TextInput(), out, error)
        return ScriptResult(out.text, error.text, code)

    async def run_vmaccess(
        self, vm_id: str, settings: Mapping[str, Any], protected: Mapping[str, Any]
    ) -> ExtensionResult:
        """What Azure's VMAccess extension does to the machine's users and SSH configuration."""
        from wizard.sandbox.fabric import vmaccess
        from wizard.sandbox.fabric.machine import Machine

        machine = self._machine(vm_id)
        if not machine.agent_ready:
            return ExtensionResult(1, "The VM agent does not report.")
        if not isinstance(machine, Machine):
            return ExtensionResult(1, "VMAccessForLinux is for Linux machines.")
        try:
            message = await vmaccess.run(machine, {**settings, **protected})
        except vmaccess.AccessError as problem:
            return ExtensionResult(1, str(problem))
        return ExtensionResult(0, message)

    async def run_extension(
        self, vm_id: str, handler: str, settings: Mapping[str, Any], protected: Mapping[str, Any]
    ) -> ExtensionResult:
        """What a handler (`publisher.type` in lower case, one that the machine's system has) does to the machine."""
        from wizard.sandbox.fabric.windows import extensions
        from wizard.sandbox.fabric.windows.machine import WindowsMachine

        machine = self._machine(vm_id)
        if not isinstance(machine, WindowsMachine):
            return await self.run_vmaccess(vm_id, settings, protected)
        if not machine.agent_ready:
            return ExtensionResult(1, "The VM agent does not report.")
        try:
            return ExtensionResult(0, await extensions.run(machine, handler, settings, protected))
        except extensions.ExtensionError as problem:
            return ExtensionResult(1, str(problem))
