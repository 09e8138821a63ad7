"""More or fewer VMs in a running deployment: what tells the blueprint of one count from that of the other, and no more.

Out: the balancer learns the new machines' NAT rules, each NIC is born in its pool and rule, each VM in its availability
set. In: the highest numbers go; each is taken out of the pool, what it is answering is given time to end, and then VM,
disks, NIC and NAT rule go in this order. Nothing that stays is renumbered, and nothing else of the plan is written.

What is there is read from Azure, not from the record: an interrupted run is continued, or taken back, by running again.
"""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wizard.blueprint.resource import Blueprint, Resource
from wizard.deploy import aftermath, amend, instances, numbering, record, resuming, survey
from wizard.deploy.events import Emit, Event, ResourceChanged, Scaled
from wizard.deploy.journey import NotReady
from wizard.deploy.record import Record
from wizard.deploy.secrets import Secrets, remove_secret_file, write_secret_file
from wizard.deploy.survey import Found, Survey
from wizard.errors import InputError, Problem, WizardError

if TYPE_CHECKING:
    from pydantic import SecretStr

    from wizard.azure.clients import Azure
    from wizard.plan.model import Plan

DRAIN_S = 30.0
"""How long a machine out of the pool is given to end what it is answering. A page takes milliseconds; this is for
downloads and slow clients. Azure tells nobody how many flows are left on it, so that it is a time and not a count."""

LONGEST_DRAIN_S = 3600.0

VM = "microsoft.compute/virtualmachines"
NIC = "microsoft.network/networkinterfaces"
BALANCER = "microsoft.network/loadbalancers"
SCALE_SET = "microsoft.compute/virtualmachinescalesets"


@dataclass(frozen=True)
class Outlook:
    """What scaling would meet and do.

    `plan` and `blueprint` are of the wanted count, `before` is of the count on record, `widest` of the highest number
    that Azure holds anything of; `survey` is of the widest. `problems` are preflight's, without errors.
    """

    record: Record
    plan: Plan
    blueprint: Blueprint
    before: Blueprint
    widest: Blueprint
    survey: Survey
    problems: tuple[Problem, ...] = ()

    @cached_property
    def there(self) -> int:
        """How many VMs Azure holds now."""
        if sets := self._of(SCALE_SET):
            return sum(int((found.live or {}).get("sku", {}).get("capacity") or 0) for found in sets)
        return sum(found.live is not None for found in self._of(VM))

    @cached_property
    def amended(self) -> tuple[Resource, ...]:
        """What stays and has to be written anew for another count: the balancer; a scale set; what is broken."""
        return tuple(
            found.resource
            for found in self.survey.findings
            if found.live is not None
            and found.resource.id in self.blueprint
            and found.resource.type.lower() not in (VM, NIC)
            and (found.state == "broken" or self.wanted(found.resource, found.live) != found.live)
        )

    def wanted(self, resource: Resource, live: Mapping[str, Any]) -> dict[str, Any]:
        """A live document as it is to be with the wanted count. Pure."""
        body: Mapping[str, Any] = live
        for other in (self.widest, self.before):
            if resource.id in other and _by_count(resource, other, self.blueprint):
                body = amend.applied(body, other[resource.id].body, self.blueprint[resource.id].body)
        if resource.type.lower() == SCALE_SET:  # whatever number it has been brought to meanwhile
            body = {**body, "sku": {**body["sku"], "capacity": self.plan.machines.count}}
        return dict(body)

    @cached_property
    def created(self) -> tuple[Found, ...]:
        """What is missing or unfinished of the machines that are wanted. A NIC that was drained gets its pool back."""
        unfinished = {"absent", "leaving", "busy", "broken"}
        return tuple(
            found
            for found in self.survey.findings
            if found.resource.id in self.blueprint
            and (found.state in unfinished or (found.state == "differs" and found.resource.type.lower() == NIC))
        )

    @cached_property
    def removed(self) -> tuple[Found, ...]:
        """What is there of machines beyond the wanted count."""
        beyond = (found for found in self.survey.findings if found.resource.id not in self.blueprint)
        return tuple(found for found in beyond if found.live is not None)

    @property
    def new_vms(self) -> tuple[str, ...]:
        """The VMs that are to be created."""
        return tuple(f.resource.name for f in self.created if f.resource.type.lower() == VM and _to_create(f))

    @property
    def leaving_vms(self) -> tuple[str, ...]:
        """The VMs that are to be drained and deleted, the highest number first."""
        return tuple(f.resource.name for f in self.removed if f.resource.type.lower() == VM)[::-1]

    @property
    def needs_password(self) -> tuple[str, ...]:
        """The VMs whose creation needs a password."""
        return tuple(f.resource.name for f in self.created if _to_create(f) and f.resource.secrets)

    @property
    def complete(self) -> bool:
        """Azure holds as many as are wanted, each with all that belongs to it."""
        return not (self.created or self.removed or self.amended)

    def _of(self, type: str) -> list[Found]:
        return [found for found in self.survey.findings if found.resource.type.lower() == type]


async def look(known: Record, azure: Azure, count: int) -> Outlook:
    """Read what is there and what scaling to `count` VMs would do; nothing is written.

    Raises InputError for a count that cannot be, NotReady with preflight's problems of the new size, WizardError when
    the deployment is not there, or when what would be written or deleted belongs to somebody else.
    """
    from wizard import blueprint as blueprints
    from wizard import preflight

    if count < 1:
        raise _last_vm(known.name)
    plan = with_count(known.plan, count)
    after = blueprints.build(plan, known.subscription)
    highest = max(known.plan.machines.count, count, *await _numbers(known, azure))
    widest = blueprints.build(with_count(plan, highest), known.subscription)
    before = blueprints.build(known.plan, known.subscription)
    outlook = Outlook(known, plan, after, before, widest, await survey.take(widest, azure))
    outlook = await instances.leaving(outlook, azure)
    _refuse(outlook)
    if outlook.leaving_vms:
        from wizard.deploy import locks

        await locks.refuse(azure, known.name)
    problems = [*await preflight.check(plan, after, azure, removing=True), *_ports(outlook), *_room(outlook)]
    if any(problem.severity == "error" for problem in problems):
        raise NotReady(f"{known.name} with {count} VMs", tuple(problems))
    return dataclasses.replace(outlook, problems=tuple(problems))


async def carry_out(
    outlook: Outlook,
    azure: Azure,
    passwords: Mapping[str, SecretStr],
    emit: Emit,
    *,
    drain_s: float = DRAIN_S,
    secret_file: Path | None = None,
) -> Scaled:
    """Do what was looked at and consented to; emits every fact, `Scaled` last, and returns that one.

    VMs that a killed drill has left stopped are started first: whoever stays is to serve.

    The record holds the new count once it is reached; when something failed, or it was interrupted, it holds what is
    there. `passwords` is by VM name; `secret_file` is kept as `journey.carry_out` keeps it. Raises InputError when a
    password is missing, DeployFailed when resources could not be created, DestroyFailed when some could not be
    deleted, AzureError.
    """
    from wizard.deploy import endpoints
    from wizard.deploy.scaling import Scaling

    if not 0 <= drain_s <= LONGEST_DRAIN_S:
        raise InputError(f"A drain of {drain_s:g} s cannot be.", "", f"Use 0 to {LONGEST_DRAIN_S:g} s.")
    given = Secrets.passwords(passwords)
    given.require(found.resource for found in outlook.created if _to_create(found))
    if secret_file is not None and passwords:
        user = outlook.plan.machines.admin_user
        write_secret_file(secret_file, dict.fromkeys(passwords, user), passwords)
    used = False

    def watch(event: Event) -> None:
        nonlocal used
        if isinstance(event, ResourceChanged) and event.state == "started" and event.id in outlook.blueprint:
            used = used or bool(outlook.blueprint[event.id].secrets)
        emit(event)

    scaling = Scaling(outlook, azure, given, watch, drain_s)
    try:
        await aftermath.put_right(outlook.record.folder, azure, emit)
        with resuming.journal(outlook.record.folder, outlook.record.name, emit) as scaling.journal:
            await scaling.to_the_end()
    except BaseException as error:
        if secret_file is not None and passwords and not used:
            remove_secret_file(secret_file)
        await _keep_what_is_there(outlook, azure, scaling.vms, interrupted=not isinstance(error, Exception))
        raise
    record.save(outlook.plan, outlook.record.subscription, new_vms=outlook.new_vms)
    reach = await endpoints.read(azure, outlook.blueprint)
    count = outlook.plan.machines.count
    scaled = Scaled(outlook.record.name, outlook.there, count, reach.http, reach.ssh, reach.rdp)
    emit(scaled)
    return scaled


def with_count(plan: Plan, count: int) -> Plan:
    """The same plan with another number of machines."""
    return plan.model_copy(update={"machines": plan.machines.model_copy(update={"count": count})})


async def _numbers(known: Record, azure: Azure) -> set[int]:
    """The numbers of all machines that Azure holds anything of."""
    from wizard import blueprint as blueprints

    planned = blueprints.build(known.plan, known.subscription)
    balancers = [resource for resource in planned if resource.type.lower() == BALANCER]
    documents = await asyncio.gather(*(azure.get(resource.id) for resource in balancers))
    wired = [numbering.wired(known.plan, document) for document in documents if document is not None]
    return numbering.listed(known.plan, await azure.list_group(known.name) or []).union(*wired)


async def _keep_what_is_there(outlook: Outlook, azure: Azure, seen: frozenset[str], *, interrupted: bool) -> None:
    """Remember the count that Azure holds after a run that did not reach its own. `seen` is what the run itself saw."""
    vms = {resource.name: resource for resource in outlook.widest if resource.type.lower() == VM}
    if not vms or outlook.blueprint.of_type(SCALE_SET):
        return  # a scale set tells its capacity itself
    there = seen
    if not interrupted:
        try:
            documents = await asyncio.gather(*(azure.get(resource.id) for resource in vms.values()))
            there = frozenset(name for name, live in zip(vms, documents, strict=True) if live is not None)
        except WizardError:
            pass  # the cloud is out of reach: what the run saw is the best that is known
    highest = max((number for number, name in enumerate(vms, start=1) if name in there), default=0)
    if highest:
        new = [name for name in outlook.new_vms if name in there]
        record.save(with_count(outlook.plan, highest), outlook.record.subscription, new_vms=new)


def _by_count(resource: Resource, other: Blueprint, wanted: Blueprint) -> bool:
    """Whether a resource's body may have to change with the count. The balancer's parts are completed in any case."""
    return resource.type.lower() == BALANCER or other[resource.id].body != wanted[resource.id].body


def _to_create(found: Found) -> bool:
    return found.state in ("absent", "leaving")


def _refuse(outlook: Outlook) -> None:
    """Refuse where there is nothing to scale, and to touch what is not ours."""
    of_machines = {VM, NIC, *_types_of_machines(outlook)}
    missing = [
        found.resource.name
        for found in outlook.survey.findings
        if found.live is None and found.resource.type.lower() not in of_machines
    ]
    if missing:
        raise WizardError(
            f"{outlook.record.name} is not there as it was deployed: {', '.join(missing)} {_is(missing)} missing.",
            "Scaling adds and removes VMs of a deployment that stands.",
            "Deploy its plan again: what is missing is created.",
        )
    written = {resource.id for resource in outlook.amended}
    foreign = [
        found
        for found in outlook.survey.of("foreign")
        if found.resource.id in written or found.resource.type.lower() in of_machines
    ]
    Survey(outlook.record.name, tuple(foreign)).refuse()


def _types_of_machines(outlook: Outlook) -> set[str]:
    """The types of what each machine has for itself: what two machines have more of than one."""
    from wizard import blueprint as blueprints

    one, two = (blueprints.build(with_count(outlook.plan, count), outlook.record.subscription) for count in (1, 2))
    return {resource.type.lower() for resource in two if resource.id not in one}


def _is(names: list[str]) -> str:
    return "is" if len(names) == 1 else "are"


def _ports(outlook: Outlook) -> list[Problem]:
    """An error for each new NAT rule whose port at the balancer somebody else's rule has already."""
    problems = []
    for found in outlook.survey.findings:
        if found.resource.type.lower() != BALANCER or found.live is None:
            continue
        rules = _rules(found.live)
        for name, port in _rules(outlook.blueprint[found.resource.id].body).items():
            holder = next((other for other, taken in rules.items() if taken == port and other != name), None)
            if name not in rules and holder is not None:
                problems.append(
                    Problem(
                        "machines.count",
                        f"Port {port} of {found.resource.name} is taken by its rule {holder}, and {name} needs it.",
                        "Each machine's sign-in port follows from its number; none is ever given another one.",
                        f"Move {holder} to another port, or remove it.",
                    )
                )
    return problems


def _rules(document: Mapping[str, Any]) -> dict[str, int]:
    properties = document.get("properties") or {}
    return {
        str(rule["name"]).casefold(): int(port)
        for kind in ("loadBalancingRules", "inboundNatRules")
        for rule in properties.get(kind) or ()
        if (port := (rule.get("properties") or {}).get("frontendPort"))
    }


def _room(outlook: Outlook) -> list[Problem]:
    """An error when the subnet, with all that others have put into it, has too few addresses left for the new NICs."""
    import ipaddress

    from wizard.plan import limits

    network = outlook.plan.network
    new = sum(found.resource.type.lower() == NIC and _to_create(found) for found in outlook.created)
    for found in outlook.survey.findings:
        for subnet in ((found.live or {}).get("properties") or {}).get("subnets") or ():
            if str(subnet.get("name", "")).casefold() != network.subnet_name.casefold():
                continue
            taken = len((subnet.get("properties") or {}).get("ipConfigurations") or ())
            room = ipaddress.ip_network(network.subnet).num_addresses - limits.RESERVED_ADDRESSES - taken
            if new > room:
                return [
                    Problem(
                        "machines.count",
                        f"The subnet {network.subnet_name} has {max(room, 0)} addresses left, and {new} are needed.",
                        f"{network.subnet} holds {taken} already, and Azure keeps {limits.RESERVED_ADDRESSES}.",
                        "Scale to fewer VMs, or remove what else is in the subnet.",
                    )
                ]
    return []


def _last_vm(name: str) -> InputError:
    return InputError(
        f"{name} keeps at least one VM.",
        "Without a VM nothing answers behind its balancer.",
        f"To remove all of it: multivm-wizard destroy {name}",
    )
