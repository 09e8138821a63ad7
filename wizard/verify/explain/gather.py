"""Reads the snapshot that causes are proved from, when a check has failed."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from wizard import ids
from wizard.errors import AzureError, WizardError
from wizard.verify import console, health
from wizard.verify.explain import reporting
from wizard.verify.explain.facts import Document, Facts, Source, linked
from wizard.verify.inside import Inside
from wizard.verify.machines import LOAD_BALANCERS, Machine
from wizard.verify.together import together

if TYPE_CHECKING:
    from wizard.azure.clients import Azure
    from wizard.blueprint.resource import Blueprint

AT_ONCE = 16
"""Requests side by side; see `control.READS_AT_ONCE`. Logs are fetched beside the reads."""

Read = Callable[[str], Awaitable[Document | None]]


async def facts(
    azure: Azure,
    blueprint: Blueprint,
    machines: Sequence[Machine],
    *,
    failing: Collection[str],
    target: str,
    inside: Mapping[str, Inside],
) -> Facts:
    """What ARM holds now, with the instance views and serial logs of the VMs in `failing`.

    `target` is the balancer's public address, or "". What cannot be read is left out: a cause that needs it is then not
    told. Raises UnreachableError when the cloud is gone.
    """
    others = [one.id for kind in (LOAD_BALANCERS, *reporting.TYPES) for one in blueprint.of_type(kind)]
    documents = await network(azure, machines, others)
    some = [machine for machine in machines if machine.name in failing]
    views, logs, no_log = await _machines(azure, some)
    return Facts(
        machines=machines,
        blueprint=blueprint,
        documents=documents,
        source=client_source(target),
        views=views,
        health=await _health(azure, blueprint, documents, machines),
        logs=logs,
        no_log=no_log,
        inside=inside,
    )


async def network(azure: Azure, machines: Sequence[Machine], others: Iterable[str]) -> dict[str, Document | None]:
    """VMs, their interfaces, and whatever those name: networks, security groups, NAT gateways, addresses."""
    documents: dict[str, Document | None] = {}
    at_once = asyncio.Semaphore(AT_ONCE)

    async def one(id: str) -> None:
        async with at_once:
            try:
                documents[ids.key(id)] = await azure.get(id)
            except (AzureError, ValueError, NotImplementedError):  # of another subscription, or of a type not known
                documents[ids.key(id)] = None

    async def read(wanted: Iterable[str]) -> list[Document]:
        new = {ids.key(each): each for each in wanted}
        await together(one(each) for key, each in new.items() if key not in documents)
        return [document for key in new if (document := documents[key]) is not None]

    vms = await read(machine.id for machine in machines)
    nics = [nic for machine in machines for nic in machine.nics]
    for vm in vms:
        profile = (vm.get("properties") or {}).get("networkProfile") or {}
        nics += [str(nic["id"]) for nic in profile.get("networkInterfaces") or () if nic.get("id")]
    found = await read([*nics, *others])
    while found:
        found = [
            one for one in await read(set(linked(found)) - {""}) if one.get("type", "").endswith("/virtualNetworks")
        ]
    return documents


async def _machines(
    azure: Azure, machines: Sequence[Machine]
) -> tuple[dict[str, Document], dict[str, str], dict[str, str]]:
    views: dict[str, Document] = {}
    logs: dict[str, str] = {}
    no_log: dict[str, str] = {}
    at_once = asyncio.Semaphore(AT_ONCE)

    async def one(machine: Machine) -> None:
        async with at_once:
            try:
                views[machine.name] = await health.instance(azure, machine)
                logs[machine.name] = await console.log(azure, machine)
            except WizardError as error:
                no_log[machine.name] = error.what

    await together(one(machine) for machine in machines)
    return views, logs, no_log


async def _health(
    azure: Azure, blueprint: Blueprint, documents: Mapping[str, Document | None], machines: Sequence[Machine]
) -> Mapping[str, tuple[bool, str]]:
    rule: Any = Facts(machines, blueprint, documents).rule()
    if rule is None:
        return {}
    balancer = next(iter(blueprint.of_type(LOAD_BALANCERS)))
    try:
        return await health.probes(azure, balancer.id, str(rule["name"]), machines)
    except AzureError:
        return {}


def client_source(target: str) -> Source:
    """Where this computer's connections to an address come from, as far as it can know.

    The system's choice of a local address is asked of a connected UDP socket: nothing is sent. Towards a public address
    a private one is translated on the way, and to what is not known here.
    """
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stream:
            stream.connect((target, 9))
            own = ipaddress.IPv4Address(stream.getsockname()[0])
        far = ipaddress.IPv4Address(target)
    except (OSError, ValueError):
        return Source(None, "this computer's public address is not known here")
    if far.is_global and not own.is_global:
        return Source(None, f"this computer ({own}) is behind NAT, and its public address is not known here")
    return Source(own)
