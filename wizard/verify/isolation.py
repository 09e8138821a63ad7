"""The check vnet.isolated: from a VM in another virtual network, no machine is reached at its private address.

Microsoft, "Azure Virtual Network concepts": networks are isolated from each other unless they are peered. The VM asked
from is the user's own and has nothing to do with the deployment; it is asked by Run Command and changed in nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from typing import TYPE_CHECKING, Any

from wizard import ids
from wizard.errors import InputError, WizardError
from wizard.verify import health, inside
from wizard.verify.events import CheckDone
from wizard.verify.explain.facts import Facts, properties
from wizard.verify.inside import Answer, Question
from wizard.verify.machines import VIRTUAL_MACHINES, Machine

if TYPE_CHECKING:
    from wizard.azure.clients import Azure

NAME = "vnet.isolated"
AT_ONCE = 40
"""Addresses asked in one Run Command, 3 s each where nobody answers: two minutes of the 90 that Azure lets one take."""

Document = Mapping[str, Any]


@dataclass(frozen=True)
class Elsewhere:
    """A VM in another virtual network, and what may lead from there to the deployment's.

    `peerings` are the names of the connected ones, and `space` is what its own network holds.
    """

    machine: Machine
    network: str
    space: tuple[IPv4Network, ...] = ()
    peerings: tuple[str, ...] = ()


def refuse(vm: str, subscription: str) -> None:
    """Raise InputError where this is not the id of a VM in the deployment's subscription."""
    try:
        parsed = ids.parse(vm)
    except ValueError:
        parsed = None
    if parsed is None or ids.key(parsed.type) != ids.key(VIRTUAL_MACHINES):
        raise InputError(
            f"{vm!r} is not the id of a VM.",
            "From a VM in another virtual network it is tried whether this one's are reached.",
            "az vm list --query [].id -o table",
        )
    if parsed.subscription.lower() != subscription.lower():
        raise InputError(
            f"{parsed.name} is in another subscription than the deployment.",
            f"It is in {parsed.subscription}, and one sign-in at a time is at work, in {subscription}.",
            "Name a VM of the deployment's subscription.",
        )


async def checks(azure: Azure, facts: Facts, vm: str | None) -> list[CheckDone]:
    """vnet.isolated of every VM; one that is skipped, with the reason, where nobody can tell. Raises AzureError."""
    if vm is None:
        why = "no VM in another virtual network was named to try it from (verify --from)"
        return [CheckDone(NAME, _own_network(facts), "skipped", why)]
    try:
        found = await _elsewhere(azure, facts, vm)
    except _UnfitError as error:
        return [CheckDone(NAME, _own_network(facts), "skipped", str(error))]
    questions = {question.vm: question for question in _questions(facts, found)}
    try:
        answers = await _asked(azure, found.machine, list(questions.values()))
    except WizardError as error:
        why = f"{found.machine.name} could not be asked: {error}"
        return [CheckDone(NAME, machine.name, "skipped", why) for machine in facts.machines]
    return [
        _judged(machine, questions.get(machine.name), answers, facts.main(machine) is not None, found)
        for machine in facts.machines
    ]


class _UnfitError(Exception):
    """Why nothing can be told from a VM."""


async def _elsewhere(azure: Azure, facts: Facts, vm: str) -> Elsewhere:
    document = await azure.get(vm)
    name = ids.parse(vm).name
    if document is None:
        raise _UnfitError(f"there is no VM {name} to try it from")
    told = properties(document)
    nics = [str(each["id"]) for each in (told.get("networkProfile") or {}).get("networkInterfaces") or ()]
    networks = {ids.key(one): one for nic in nics for one in await _networks_of(azure, nic)}
    ours = {ids.key(_network(str(subnet))) for subnet in _subnets(facts)}
    if same := ours & networks.keys():
        where = ids.parse(networks[min(same)]).name
        raise _UnfitError(f"{name} is in {where} itself, where VMs reach each other: name one in another network")
    if not networks:
        raise _UnfitError(f"{name} is in no virtual network")
    machine = Machine(name, document["id"], name, tuple(nics), _is_windows(told))
    if (state := health.power_state(await health.instance(azure, machine))) not in {"", "running"}:
        raise _UnfitError(f"{name} is {state}")
    space: list[IPv4Network] = []
    peerings: list[str] = []
    for network in networks.values():
        its = properties(await azure.get(network) or {})
        prefixes = (its.get("addressSpace") or {}).get("addressPrefixes") or ()
        space += [IPv4Network(prefix, strict=False) for prefix in prefixes if ":" not in prefix]
        peerings += _peerings(its, ours)
    where = ", ".join(ids.parse(each).name for each in networks.values())
    return Elsewhere(machine, where, tuple(space), tuple(peerings))


async def _networks_of(azure: Azure, nic: str) -> list[str]:
    document = await azure.get(nic)
    configurations = properties(document or {}).get("ipConfigurations") or ()
    subnets = [str((properties(each).get("subnet") or {}).get("id") or "") for each in configurations]
    return [_network(subnet) for subnet in subnets if subnet]


def _network(subnet: str) -> str:
    return subnet.rsplit("/", 2)[0]


def _subnets(facts: Facts) -> Iterator[str]:
    for machine in facts.machines:
        configuration = facts.main(machine)
        if configuration is not None:
            yield str((properties(configuration.item).get("subnet") or {}).get("id") or "")


def _peerings(network: Document, ours: set[str]) -> Iterator[str]:
    """The connected peerings of a network that lead to ours."""
    for each in network.get("virtualNetworkPeerings") or ():
        told = properties(each)
        remote = ids.key(str((told.get("remoteVirtualNetwork") or {}).get("id") or ""))
        if remote in ours and str(told.get("peeringState")).lower() == "connected":
            yield str(each.get("name"))


def _is_windows(vm: Document) -> bool:
    disk = (vm.get("storageProfile") or {}).get("osDisk") or {}
    return str(disk.get("osType") or "").lower() == "windows"


def _own_network(facts: Facts) -> str:
    for subnet in _subnets(facts):
        return ids.parse(_network(subnet)).name
    return "virtual network"


def _questions(facts: Facts, found: Elsewhere) -> Iterator[Question]:
    """The page's port of each VM, where the other network does not have that address itself."""
    port = int(properties(facts.rule()).get("backendPort") or 80)
    for machine in facts.machines:
        configuration = facts.main(machine)
        address = configuration.address if configuration is not None else None
        if address is not None and not _held(address, found):
            yield Question(machine.name, str(address), port)


def _held(address: IPv4Address, found: Elsewhere) -> bool:
    return any(address in network for network in found.space)


async def _asked(azure: Azure, machine: Machine, questions: Sequence[Question]) -> dict[Question, Answer]:
    answers: dict[Question, Answer] = {}
    for first in range(0, len(questions), AT_ONCE):
        part = questions[first : first + AT_ONCE]
        told = await inside.look(azure, machine, (), part, windows=machine.windows, most=AT_ONCE)
        answers |= told.answers
    return answers


def _judged(
    machine: Machine, question: Question | None, answers: Mapping[Question, Answer], placed: bool, found: Elsewhere
) -> CheckDone:
    asker = f"{found.machine.name} in {found.network}"
    if question is None:
        why = f"{found.network} has this VM's address range, too: {asker} would ask its own network"
        return CheckDone(NAME, machine.name, "skipped", why if placed else "it has no private address")
    answer, where = answers.get(question), f"{question.address}:{question.port}"
    if answer is None or answer.reached is None:
        return CheckDone(NAME, machine.name, "skipped", f"{asker} has no curl to ask with")
    peered = f" (peered: {', '.join(found.peerings)})" if found.peerings else ""
    if not answer.reached:
        return CheckDone(NAME, machine.name, "passed", f"{where} {answer}, asked by {asker}{peered}")
    remedy = (
        "The networks are peered: remove the peering, or deny it by a rule of network.rules."
        if found.peerings
        else "Something leads from one network to the other, such as a gateway or a hub: find it, or "
        "deny it by a rule of network.rules."
    )
    return CheckDone(
        NAME, machine.name, "failed", f"{where} {answer}, asked by {asker}{peered}", "reached-elsewhere", remedy
    )
