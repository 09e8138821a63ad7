"""The checks vm.*: what each VM says of itself, and whether it reaches its neighbour and only what rules let it reach.

The machines share a virtual network, so each must reach another one's private address. What a network security group
denies between them must not be reached: a denied packet is dropped, which a closed port (it refuses) is told from.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from wizard.errors import AzureError, WizardError
from wizard.verify import health, inside
from wizard.verify.events import CheckDone, CheckState
from wizard.verify.explain.facts import Configuration, Facts, properties
from wizard.verify.explain.nsg import End, Verdict
from wizard.verify.hostkeys import HostKeys
from wizard.verify.inside import Answer, Inside, Question
from wizard.verify.logins import Credentials
from wizard.verify.machines import Machine
from wizard.verify.together import together

if TYPE_CHECKING:
    from wizard.azure.clients import Azure

AT_ONCE = 32
"""As many as log in at one time; see `ssh.SIDE_BY_SIDE`."""

OFTEN_DENIED = (22, 3389, 443, 8080)
"""Ports that rules are written for, beside the workload's own."""

SERVICE = {"page": "nginx"}
WINDOWS_SERVICE = {"page": "W3SVC"}
"""Which unit, or which Windows service, a workload of ours is."""


@dataclass(frozen=True)
class Round:
    """What one VM is asked to reach; None where there is nothing to reach, and why."""

    own: tuple[Question, ...] = ()
    neighbour: Question | None = None
    why_no_neighbour: str = ""
    denied: Question | None = None
    verdict: Verdict | None = None

    @property
    def questions(self) -> list[Question]:
        return [*self.own, *(one for one in (self.neighbour, self.denied) if one is not None)]


@dataclass
class Accounts:
    """What all VMs said: by VM name, an account or why there is none."""

    told: dict[str, Inside] = field(default_factory=dict)
    silent: dict[str, str] = field(default_factory=dict)
    rounds: dict[str, Round] = field(default_factory=dict)


async def power_states(azure: Azure, machines: Sequence[Machine]) -> dict[str, Mapping[str, object]]:
    """The instance views of the VMs that have one."""
    at_once = asyncio.Semaphore(AT_ONCE)
    views: dict[str, Mapping[str, object]] = {}

    async def one(machine: Machine) -> None:
        async with at_once:
            try:
                views[machine.name] = await health.instance(azure, machine)
            except AzureError:
                return

    await together(one(machine) for machine in machines)
    return views


async def ask(
    azure: Azure,
    facts: Facts,
    workload: str,
    *,
    doors: Mapping[str, tuple[str, int]],
    keys: HostKeys,
    credentials: Credentials,
    windows: bool = False,
) -> Accounts:
    """Ask all VMs, side by side. `doors` names those that a login works at; the others are asked by Run Command."""
    accounts = Accounts(rounds=plan_rounds(facts, workload))
    known = WINDOWS_SERVICE if windows else SERVICE
    services = [known[workload]] if workload in known else []
    at_once = asyncio.Semaphore(AT_ONCE)

    async def one(machine: Machine) -> None:
        state = facts.power(machine)
        if state and state != "running":
            accounts.silent[machine.name] = f"it is {state}"
            return
        async with at_once:
            try:
                accounts.told[machine.name] = await inside.look(
                    azure,
                    machine,
                    services,
                    accounts.rounds[machine.name].questions,
                    door=doors.get(machine.name),
                    keys=keys,
                    credentials=credentials,
                    windows=windows,
                )
            except WizardError as error:
                accounts.silent[machine.name] = str(error)

    await together(one(machine) for machine in facts.machines)
    return accounts


def plan_rounds(facts: Facts, workload: str) -> dict[str, Round]:
    """By VM name: what it asks. Its neighbour is the next running VM in the plan's order, the last one's the first."""
    running = [
        (machine, configuration)
        for machine in facts.machines
        if facts.power(machine) in {"", "running"} and (configuration := facts.main(machine)) is not None
    ]
    positions = {one.name: at for at, (one, _) in enumerate(running)}
    rounds = {}
    for machine in facts.machines:
        position = positions.get(machine.name)
        if position is None:
            rounds[machine.name] = Round(why_no_neighbour="it is not running")
            continue
        configuration = running[position][1]
        own = _own(facts, machine, configuration)
        if len(running) < 2:
            rounds[machine.name] = Round(own, why_no_neighbour="no other VM is running")
            continue
        rounds[machine.name] = _round(facts, own, configuration, running[(position + 1) % len(running)], workload)
    return rounds


def _own(facts: Facts, machine: Machine, configuration: Configuration) -> tuple[Question, ...]:
    """What the probe and the NAT port would ask of it: a failed check is explained by the answers."""
    probe, door, address = properties(facts.probe()), facts.door(machine), str(configuration.address)
    found = []
    port, served = int(probe.get("port") or 0), int(properties(facts.rule()).get("backendPort") or 0)
    if port:
        found.append(Question(machine.name, address, port, str(probe.get("requestPath") or "/")))
    if served and served != port and str(probe.get("protocol") or "").lower() == "tcp":
        found.append(Question(machine.name, address, served))  # what such a probe knows nothing of
    if door is not None and all(one.port != door.backend_port for one in found):
        found.append(Question(machine.name, address, door.backend_port))
    return tuple(found)


def _round(
    facts: Facts,
    own: tuple[Question, ...],
    configuration: Configuration,
    neighbour: tuple[Machine, Configuration],
    workload: str,
) -> Round:
    other, far = neighbour
    door = facts.door(other)
    served = int(properties(facts.rule()).get("backendPort") or 0) if workload != "none" else 0
    listening = [port for port in (served, door.backend_port if door else 0) if port]
    verdicts = {port: _between(facts, configuration, far, port) for port in dict.fromkeys((*listening, *OFTEN_DENIED))}
    to = next((port for port in listening if verdicts[port].access != "deny"), None)
    not_to = next((port for port, verdict in verdicts.items() if verdict.access == "deny"), None)
    return Round(
        own,
        Question(other.name, str(far.address), to) if to else None,
        "" if to else f"{verdicts[listening[0]].decided_by} denies it" if listening else "nothing listens there",
        Question(other.name, str(far.address), not_to) if not_to else None,
        verdicts[not_to] if not_to else None,
    )


def _between(facts: Facts, near: Configuration, far: Configuration, port: int) -> Verdict:
    """What the groups of both machines say: first what lets the packet out, then what lets it in."""
    out = facts.verdict(near, End(far.address, far.application_groups), port, direction="Outbound")
    if out.access == "deny":
        return out
    into = facts.verdict(far, End(near.address, near.application_groups), port)
    return into if into.access != "allow" else out


def judge(facts: Facts, accounts: Accounts, workload: str, *, windows: bool = False) -> Iterator[CheckDone]:
    """vm.uptime, vm.cloud_init, vm.service, vm.neighbour of every VM, and vm.denied where anything is denied."""
    for machine in facts.machines:
        account = accounts.told.get(machine.name)
        if account is None:
            why = accounts.silent.get(machine.name, "it was not asked")
            yield CheckDone("vm.uptime", machine.name, "failed", f"the VM could not be asked: {why}")
            for name in ("vm.cloud_init", "vm.service", "vm.neighbour")[windows:]:
                yield CheckDone(name, machine.name, "skipped", "the VM could not be asked")
            continue
        yield _uptime(machine, account)
        if not windows:
            yield CheckDone("vm.cloud_init", machine.name, *_cloud_init(account))
        known = WINDOWS_SERVICE if windows else SERVICE
        yield CheckDone("vm.service", machine.name, *_service(account, workload, known.get(workload)))
        yield CheckDone("vm.neighbour", machine.name, *_neighbour(account, accounts.rounds[machine.name]))
    yield from _denied(facts, accounts)


def _uptime(machine: Machine, account: Inside) -> CheckDone:
    if not account.uptime:
        return CheckDone("vm.uptime", machine.name, "warned", f"{account.by}: uptime printed nothing")
    since = f", since {account.booted} (the VM's clock)" if account.booted else ""
    return CheckDone("vm.uptime", machine.name, "passed", f"{account.uptime}{since}; asked by {account.by}")


def _cloud_init(account: Inside) -> tuple[CheckState, str]:
    errors = f": {account.cloud_init_errors[0]}" if account.cloud_init_errors else ""
    match account.cloud_init:
        case "done":
            return ("warned", f"done, with errors{errors}") if errors else ("passed", "done, without errors")
        case "":
            return "skipped", "the VM has no cloud-init that tells its state"
        case "disabled":
            return "skipped", "cloud-init is disabled on the VM"
        case state:
            return "failed", f"{state}{errors}"


def _service(account: Inside, workload: str, unit: str | None) -> tuple[CheckState, str]:
    if workload == "none":
        return "skipped", "the plan has no workload"
    if unit is None:
        return "skipped", "which service the plan's own cloud-init file starts is not known"
    state = account.services.get(unit, "")
    return ("passed" if state == "active" else "failed"), f"{unit} is {state or 'unknown to systemd'}"


def _neighbour(account: Inside, asked: Round) -> tuple[CheckState, str]:
    question = asked.neighbour
    if question is None:
        return "skipped", asked.why_no_neighbour
    answer = account.answers.get(question)
    if answer is None or answer.reached is None:
        return "skipped", "the VM has no curl to ask with"
    where = f"{question.vm} at {question.address}:{question.port}"
    refused = answer.reached and not answer.connected
    through = ": nothing listens there, but the network lets it through" if refused else ""
    return ("passed" if answer.reached else "failed"), f"{where} {answer}{through}"


def _denied(facts: Facts, accounts: Accounts) -> Iterator[CheckDone]:
    found = False
    for machine in facts.machines:
        account, asked = accounts.told.get(machine.name), accounts.rounds[machine.name]
        if account is None or asked.denied is None or asked.verdict is None:
            continue
        found = True
        answer = account.answers.get(asked.denied)
        yield CheckDone("vm.denied", machine.name, *_denial(asked.denied, asked.verdict, answer))
    if not found and accounts.told:
        target = next((str(network.get("name")) for network in _networks(facts)), "virtual network")
        detail = "no rule denies anything between the VMs: AllowVnetInBound (65000) lets them reach each other"
        if not any(one.neighbour for one in accounts.rounds.values()):
            detail = "there are no two VMs running between which something could be denied"
        yield CheckDone("vm.denied", target, "skipped", detail)


def _denial(question: Question, verdict: Verdict, answer: Answer | None) -> tuple[CheckState, str]:
    where = f"{question.vm} at {question.address}:{question.port}"
    if answer is None or answer.connected is None:
        return "skipped", "the VM has no curl to ask with"
    if answer.dropped:
        return "passed", f"{where} {answer}, as {verdict.decided_by} wants"
    return "failed", f"{where} {answer}, but {verdict.decided_by} denies it"


def _networks(facts: Facts) -> Iterator[Mapping[str, object]]:
    for document in facts.documents.values():
        if document is not None and str(document.get("type") or "").lower().endswith("/virtualnetworks"):
            yield document
