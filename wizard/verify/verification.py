"""Verifies a deployment: what Azure says, what the network does, and who answers at the end of it.

First what needs no waiting (the control plane), then, once the deployment has settled, everything that is asked of the
machines themselves, side by side. A check that fails never stops another one; a check that could not be made says why.
"""

from __future__ import annotations

import time
from collections.abc import Coroutine, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wizard import ids
from wizard.deploy import aftermath, endpoints, members
from wizard.errors import AzureError, InputError
from wizard.plan.model import OsType
from wizard.verify import (
    balance,
    control,
    evidence,
    exposure,
    guests,
    health,
    isolation,
    logins,
    pages,
    rdp_checks,
    readiness,
    reported,
    watched,
)
from wizard.verify import machines as machines_of
from wizard.verify.events import CheckDone, CheckState, Emit, Verified, Waiting
from wizard.verify.explain import EXPLAINED, explain, gather
from wizard.verify.explain.facts import Facts
from wizard.verify.hostkeys import HostKeys
from wizard.verify.inside import Inside
from wizard.verify.load import LoadResult, expect
from wizard.verify.machines import Machine
from wizard.verify.rdp_pins import Certificates
from wizard.verify.together import together

if TYPE_CHECKING:
    from pydantic import SecretStr

    from wizard.azure.clients import Azure
    from wizard.blueprint.resource import Blueprint
    from wizard.deploy.record import Record

WAIT_S = 300.0
LONGEST_WAIT_S = 24 * 3600.0


async def verify(
    record: Record,
    azure: Azure,
    *,
    identity: Path | None = None,
    password: Mapping[str, SecretStr] | SecretStr | None = None,
    wait_s: float = WAIT_S,
    from_vm: str | None = None,
    emit: Emit,
) -> Verified:
    """Check a deployment, tell every check and keep the evidence.

    `password` is one for all VMs or a map from VM names. Without it and without `identity`, the key that this
    deployment was made with is used where it is in HOME/keys. Before the machines are asked, up to `wait_s` seconds are
    given to them to settle. What a killed drill or patching has left is put right first. `from_vm` is the id of a VM in
    another virtual network, from which nothing of the deployment should be reached at its private address.

    Raises InputError for a key file or an id that cannot be used, AzureError and UnreachableError when Azure does not
    let itself be asked. A failed check is no error: see `Verified.failed`.
    """
    if not 0 <= wait_s <= LONGEST_WAIT_S:
        raise InputError(f"Cannot wait {wait_s:g} s.", f"It may be 0 to {LONGEST_WAIT_S:g} seconds.", "--wait 300")
    credentials = logins.Credentials.of(record, identity, password)
    if from_vm is not None:
        isolation.refuse(from_vm, record.subscription)
    await aftermath.put_right(record.folder, azure, emit)
    verification = Verification(record, azure, emit, from_vm)
    return await verification.run(credentials, wait_s)


class Verification:
    """One run: what was found so far, and the checks that add to it."""

    def __init__(self, record: Record, azure: Azure, emit: Emit, from_vm: str | None = None) -> None:
        from wizard import blueprint

        self.record = record
        self.azure = azure
        self.blueprint: Blueprint = blueprint.build(record.plan, record.subscription)
        self.machines: Sequence[Machine] = machines_of.of(self.blueprint)
        self.checks: list[CheckDone] = []
        self.load: LoadResult | None = None
        self.live: control.Live = {}
        self.reach = endpoints.Endpoints()
        self._emit, self._from_vm = emit, from_vm
        self._unexplained: list[CheckDone] = []
        self._accounts: Mapping[str, Inside] = {}
        self._up: Mapping[str, bool] = {}  # by the health call
        self._loaded = (datetime.now(UTC), datetime.now(UTC))  # when the load ran

    async def run(self, credentials: logins.Credentials, wait_s: float) -> Verified:
        began = datetime.now(UTC)
        try:
            http = await self._check(credentials, wait_s)
            self._tell_explained(await self._explained(http))
        finally:  # what failed is told also when the rest could not be asked
            self._tell_explained(self._unexplained)
        return self._end(began)

    async def _check(self, credentials: logins.Credentials, wait_s: float) -> str:
        """Make all checks; the balancer's URL, or ""."""
        self.blueprint = await members.populated(self.blueprint, self.azure)
        self.machines = machines_of.of(self.blueprint)
        self.live = await control.read(self.azure, self.blueprint)
        self.tell_all(control.present(self.blueprint, self.live))
        self.tell_all(control.as_planned(self.blueprint, self.live))
        self.tell_all(control.pool(self.blueprint, self.live, self.machines))
        self.reach = reach = await endpoints.read(self.azure, self.blueprint)
        doors = {vm: _host_port(at) for vm, at in reach.ssh.items()}
        there = [machine for machine in self.machines if self.live[ids.key(machine.id)] is not None]
        rule = control.balancing_rule(self.blueprint, self.live)
        desktops = {vm: _host_port(at) for vm, at in reach.rdp.items()}
        await self._wait(there, rule, doors, desktops, wait_s)
        keys = HostKeys(self.azure, self.record.folder)
        await together(
            [
                self._probes(rule),
                self._web(reach.http),
                self._ports(),
                *self._sign_ins(doors, desktops, keys, credentials),
            ]
        )
        await self._guests(there, doors, keys, credentials)
        await self._watched(rule)
        asked = reported.Asked(self.record, self.blueprint, there, self._accounts)
        self.tell_all(await reported.check(self.azure, asked, wait_s, self._emit))
        return reach.http

    def tell(self, name: str, target: str, state: CheckState, detail: str) -> None:
        self.tell_all([CheckDone(name, target, state, detail)])

    def tell_all(self, checks: Iterable[CheckDone]) -> None:
        for check in checks:
            if check.state == "failed" and check.name in EXPLAINED:
                self._unexplained.append(check)  # told at the end, with its cause
            else:
                self.checks.append(check)
                self._emit(check)

    def _tell_explained(self, checks: Iterable[CheckDone]) -> None:
        for check in list(checks):
            self.checks.append(check)
            self._emit(check)
        self._unexplained = []

    async def _explained(self, http: str) -> list[CheckDone]:
        """The failed checks with the causes that can be proved; as they are when Azure does not let itself be asked."""
        if not self._unexplained:
            return []
        names = {check.target for check in self._unexplained}
        everybody = any(check.name == "http.load" for check in self._unexplained)
        try:
            facts = await gather.facts(
                self.azure,
                self.blueprint,
                self.machines,
                failing={machine.name for machine in self.machines if everybody or machine.name in names},
                target=_host_port(http)[0].removeprefix("http://") if http else "",
                inside=self._accounts,
            )
        except AzureError:
            return self._unexplained
        return [explain(check, facts) for check in self._unexplained]

    async def _wait(
        self,
        there: Sequence[Machine],
        rule: tuple[str, str] | None,
        doors: Mapping[str, tuple[str, int]],
        desktops: Mapping[str, tuple[str, int]],
        wait_s: float,
    ) -> None:
        if not there or not wait_s:
            return
        began = time.perf_counter()
        # Without a workload nothing listens on the backend port, and the probe never holds.
        probed = rule if self.record.plan.machines.workload != "none" else None
        place = readiness.Place(there, probed, doors, desktops)
        if not await readiness.wait(self.azure, place, wait_s, self._emit):
            seconds = time.perf_counter() - began
            self._emit(
                Waiting(round(seconds, 2), f"not everything answers after {seconds:.0f} s; checking all the same")
            )

    async def _probes(self, rule: tuple[str, str] | None) -> None:
        """balancer.probe, by the rule's own health call."""
        if rule is None:
            for machine in self.machines:
                self.tell("balancer.probe", machine.name, "failed", "there is no load-balancing rule")
            return
        try:
            found = await health.probes(self.azure, *rule, self.machines)
        except AzureError as error:
            for machine in self.machines:
                self.tell("balancer.probe", machine.name, "failed", f"the health call failed: {error}")
            return
        self._up = {name: up for name, (up, _reason) in found.items()}
        workload = self.record.plan.machines.workload
        for machine in self.machines:
            up, reason = found[machine.name]
            if up or workload != "none":
                self.tell("balancer.probe", machine.name, "passed" if up else "failed", reason)
            else:
                self.tell("balancer.probe", machine.name, "skipped", f"{reason}; the plan has no workload to answer it")

    async def _watched(self, rule: tuple[str, str] | None) -> None:
        """monitor.probes and monitor.events: what Azure Monitor says, where there is something to hold it against."""
        if rule is None or not self._up:
            return
        self.tell_all(await watched.metrics(self.azure, rule[0], self.machines, self.live, self._up))
        if place := watched.place(self.record):
            answered = self.load.requests - self.load.errors if self.load is not None else 0
            self.tell_all([await watched.events(self.azure, place, rule[0], self._loaded, answered)])

    async def _web(self, http: str) -> None:
        """http.page and http.load, through the balancer. One after the other: a load would slow the pages down."""
        names = [machine.page_name for machine in self.machines]  # as the page tells them
        workload = self.record.plan.machines.workload
        if workload == "none" or not http:
            state: CheckState = "skipped" if workload == "none" else "failed"
            detail = "the plan has no workload" if workload == "none" else "the balancer has no public address"
            for machine in self.machines:
                self.tell("http.page", machine.name, state, detail)
            self.tell("http.load", http or "balancer", state, detail)
            return
        met = await balance.meet_every(f"{http}/", names)
        # A file of the user's own may keep our page, which names its machine, or serve something else.
        named = workload == "page" or bool(met.by_vm and not met.unnamed)
        self.tell_all(pages.judge(met, self.machines, named=named))
        if not met.statuses[200]:
            self.tell("http.load", http, "failed", f"no page answered 200: {pages.why_none(met)}")
            return
        began = datetime.now(UTC)
        self.load = await balance.some_load(f"{http}/", names)
        self._loaded = (began, datetime.now(UTC))
        self.tell("http.load", http, *balance.judge(self.load, names, named=named))
        self._expected(http)

    def _expected(self, http: str) -> None:
        """http.expected: what the plan expects of a load, a check each."""
        assert self.load is not None
        for text in self.record.plan.verification.expect:
            verdict = expect.judge(expect.parse(text), self.load)
            detail = f"{verdict.expect}: measured {verdict.measured}"
            self.tell("http.expected", http, "passed" if verdict.met else "failed", detail)

    async def _ports(self) -> None:
        """ports.closed and ports.source, at every public address."""
        admitted = (*self.reach.ssh.values(), *self.reach.rdp.values())
        for frontend in control.public_addresses(self.blueprint, self.live, admitted):
            self.tell_all(await exposure.closed(frontend))
            self.tell_all(await exposure.source(frontend, self.record.plan.network))

    def _sign_ins(
        self,
        doors: Mapping[str, tuple[str, int]],
        desktops: Mapping[str, tuple[str, int]],
        keys: HostKeys,
        credentials: logins.Credentials,
    ) -> list[Coroutine[Any, Any, None]]:
        """One piece of work a VM: its SSH, or on Windows its Remote Desktop."""
        if not self._windows:
            return [self._machine(one, doors.get(one.name), keys, credentials) for one in self.machines]
        certificates = Certificates(self.azure, self.record.folder)
        return [self._desktop(one, desktops.get(one.name), certificates, credentials) for one in self.machines]

    @property
    def _windows(self) -> bool:
        return self.record.plan.machines.os is OsType.WINDOWS

    async def _machine(
        self, machine: Machine, door: tuple[str, int] | None, keys: HostKeys, credentials: logins.Credentials
    ) -> None:
        """ssh.hostkey, ssh.login and ssh.hostname of one VM. Without the right host key nothing is sent to it."""
        if door is None:
            for name in ("ssh.hostkey", "ssh.login", "ssh.hostname"):
                self.tell(name, machine.name, "failed", "no NAT port of the balancer leads to this VM")
            return
        self.tell_all(await logins.check(machine, door, keys, credentials))

    async def _desktop(
        self,
        machine: Machine,
        door: tuple[str, int] | None,
        certificates: Certificates,
        credentials: logins.Credentials,
    ) -> None:
        """rdp.answers, rdp.certificate, rdp.nla and rdp.login of one VM."""
        if door is None:
            self.tell_all(rdp_checks.unreachable(machine))
            return
        self.tell_all(await rdp_checks.check(machine, door, certificates, credentials))

    async def _guests(
        self,
        there: Sequence[Machine],
        doors: Mapping[str, tuple[str, int]],
        keys: HostKeys,
        credentials: logins.Credentials,
    ) -> None:
        """vm.*: what the machines say of themselves and see around them. Over SSH only where the login has worked."""
        if not there:
            return
        let_in = {check.target for check in self.checks if check.name == "ssh.login" and check.state == "passed"}
        facts = Facts(there, self.blueprint, self.live, views=await guests.power_states(self.azure, there))
        workload = self.record.plan.machines.workload
        asked = await guests.ask(
            self.azure,
            facts,
            workload,
            doors={vm: at for vm, at in doors.items() if vm in let_in},
            keys=keys,
            credentials=credentials,
            windows=self._windows,
        )
        self._accounts = asked.told
        self.tell_all(guests.judge(facts, asked, workload, windows=self._windows))
        self.tell_all(await isolation.checks(self.azure, facts, self._from_vm))

    def _end(self, began: datetime) -> Verified:
        into = evidence.folder(self.record)
        evidence.keep(
            into,
            self.record,
            began=began,
            cloud=self.azure.cloud.name,
            reach=self.reach,
            checks=self.checks,
            loads=[self.load] if self.load is not None else [],
            resources=control.states(self.blueprint, self.live),
        )
        counts = {state: sum(check.state == state for check in self.checks) for state in evidence.STATES}
        verified = Verified(**counts, evidence=str(into))
        self._emit(verified)
        return verified


def _host_port(at: str) -> tuple[str, int]:
    host, _, port = at.rpartition(":")
    return host, int(port)
