"""Rules about addresses: the network's ranges, and who is let in.

Sources: Microsoft, "Azure Virtual Network FAQ" (banned and reserved addresses, /2 to /29) and "Network security groups"
(service tags; a rule refuses overlapping ranges: error OverlappingSubnetsNotPermittedInSecurityRule).
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Iterator, Sequence
from ipaddress import IPv4Network

from wizard.errors import Problem
from wizard.plan import limits
from wizard.plan.nearest import nearest

_BANNED = {
    IPv4Network("224.0.0.0/4"): "multicast",
    IPv4Network("255.255.255.255/32"): "broadcast",
    IPv4Network("127.0.0.0/8"): "loopback",
    IPv4Network("169.254.0.0/16"): "link-local",
    IPv4Network("168.63.129.16/32"): "Azure's own DNS, DHCP and health probes",
}

SERVICE_TAGS: Sequence[str] = """
    ActionGroup ApiManagement ApplicationInsightsAvailability AppService AppServiceManagement AzureActiveDirectory
    AzureActiveDirectoryDomainServices AzureBackup AzureBotService AzureCloud AzureConnectors AzureContainerRegistry
    AzureCosmosDB AzureDatabricks AzureDataExplorerManagement AzureDevOps AzureDigitalTwins AzureEventGrid
    AzureFrontDoor.Backend AzureFrontDoor.FirstParty AzureFrontDoor.Frontend AzureHealthcareAPIs AzureIoTHub
    AzureKeyVault AzureLoadBalancer AzureLoadTestingInstanceManagement AzureMachineLearning AzureMonitor
    AzureResourceManager AzureSignalR AzureSphere AzureTrafficManager AzureWebPubSub BatchNodeManagement ChaosStudio
    CognitiveServicesManagement DataFactory EventHub GatewayManager GenevaActions GuestAndHybridManagement HDInsight
    Internet LogicApps LogicAppsManagement MicrosoftCloudAppSecurity PowerBI PowerPlatformInfra PowerQueryOnline
    ServiceBus ServiceFabric Sql SqlManagement Storage StorageSyncService VideoIndexer VirtualNetwork
    WindowsVirtualDesktop
""".split()  # noqa: SIM905 - a page of names reads better than a column
"""[M] Service tags from memory, to recognise a misspelt one. A tag that is like none of these is left to Azure."""

ANYONE = frozenset({"*", "internet", "0.0.0.0/0"})


def ipv4_range(text: str) -> IPv4Network | None:
    """`10.0.0.0/16` as a network; None when it is not one, or has bits set behind the prefix."""
    if not re.fullmatch(r"[0-9.]+/[0-9]{1,2}", text):
        return None
    try:
        return IPv4Network(text)
    except ValueError:
        return None


def address_space(text: str) -> Problem | None:
    """The virtual network's range."""
    return _range(text, "network.address_space", "10.0.0.0/16")


def subnet(text: str) -> Problem | None:
    """The subnet's range, by itself."""
    return _range(text, "network.subnet", "10.0.1.0/24")


def subnet_inside(space: str, part: str) -> Problem | None:
    """The subnet lies within the address space. Both are legal by themselves."""
    outer, inner = IPv4Network(space), IPv4Network(part)
    if inner.subnet_of(outer):
        return None
    return Problem(
        "network.subnet",
        f"{part} is not inside {space}.",
        "A subnet is a part of the network's address space.",
        f"Choose a range inside it, such as {next(outer.subnets(new_prefix=max(24, outer.prefixlen)))}.",
    )


def subnet_holds(part: str, count: int) -> Problem | None:
    """The subnet has an address for each machine beside the five Azure keeps."""
    room = IPv4Network(part).num_addresses - limits.RESERVED_ADDRESSES
    if count <= room:
        return None
    prefix = 32 - (count + limits.RESERVED_ADDRESSES - 1).bit_length()
    return Problem(
        "network.subnet",
        f"{part} has room for {room} machines, not for {count}.",
        f"Azure keeps {limits.RESERVED_ADDRESSES} addresses of every subnet: the first four and the last.",
        f"Use a /{prefix} or larger, or fewer machines.",
    )


def allow_http(entries: Iterable[str]) -> Iterator[Problem]:
    """Who may reach the page."""
    yield from _sources("network.allow_http", list(entries), 'Write ["Internet"] for everybody.')


def allow_admin(entries: Iterable[str]) -> Iterator[Problem]:
    """Who may sign in. Everybody is legal, and worth a warning."""
    listed = list(entries)
    field = "network.allow_admin"
    yield from _sources(field, listed, 'Write the public address you come from, such as ["203.0.113.7/32"].')
    if open_entry := next((entry for entry in listed if entry.lower() in ANYONE), None):
        yield Problem(
            field,
            f'"{open_entry}" lets the whole Internet try to sign in.',
            "A sign-in port that is open to all is found and tried within minutes.",
            "Write the public addresses you come from.",
            "warning",
        )


def reachable_from_afar(field: str, entries: Iterable[str]) -> Problem | None:
    """A warning where only private or loopback addresses are let in, and the cloud is out on the Internet."""
    listed = list(entries)
    networks = [IPv4Network(entry) for entry in listed if not is_tag(entry)]
    if not listed or len(networks) < len(listed) or any(network.is_global for network in networks):
        return None
    return Problem(
        field,
        "Nobody on the Internet has one of these addresses.",
        "The balancer sees the public address a client comes from, never a private or loopback one.",
        'Write public addresses, such as "203.0.113.7/32".',
        "warning",
    )


def is_tag(entry: str) -> bool:
    """Whether an allow-list's entry is a service tag (or `*`) rather than an address or a range."""
    return entry == "*" or bool(re.fullmatch(r"[A-Za-z][A-Za-z0-9]*(\.[A-Za-z0-9]+)?", entry))


def source(entry: str, field: str) -> Problem | None:
    """One entry of an allow-list: an IPv4 address, a range such as 203.0.113.0/24, or a service tag."""
    if is_tag(entry):
        return _tag(entry, field)
    if ":" in entry:
        return Problem(
            field,
            f'"{entry}" is not an IPv4 address.',
            "The balancer's public address is IPv4: no client comes to it from an IPv6 address.",
            "Write the client's IPv4 address.",
        )
    if re.fullmatch(r"[0-9.]+", entry):
        try:
            ipaddress.IPv4Address(entry)
        except ValueError:
            return Problem(
                field, f'"{entry}" is not an IPv4 address.', "It has four numbers of 0 to 255.", "Correct it."
            )
        return None
    if re.fullmatch(r"[0-9./]+", entry):
        return _misaligned(entry, field) if ipv4_range(entry) is None else None
    return Problem(
        field,
        f'"{entry}" is neither an address nor a service tag.',
        "An NSG rule takes IPv4 addresses, ranges such as 203.0.113.0/24, and service tags such as Internet.",
        "Write one of these; a span of addresses is written as ranges.",
    )


def _sources(field: str, entries: list[str], remedy: str) -> Iterator[Problem]:
    if not entries:
        yield Problem(field, "The list is empty.", "Nobody would be let in.", remedy)
    for entry in entries:
        if problem := source(entry, field):
            yield problem


def _tag(entry: str, field: str) -> Problem | None:
    if entry == "*" or entry.lower() in {tag.lower() for tag in SERVICE_TAGS}:
        return None
    base = entry.partition(".")[0]  # a region may follow: AzureCloud.westeurope
    if base.lower() in {tag.lower() for tag in SERVICE_TAGS}:
        return None
    near = nearest(base, SERVICE_TAGS, cutoff=0.8)
    if near or base[0].islower():
        return Problem(
            field,
            f'"{entry}" is not a service tag.',
            "An entry is an IPv4 address, a range such as 203.0.113.0/24, or one of Azure's service tags.",
            f'Did you mean "{near}"?' if near else 'Write "Internet" for everybody.',
        )
    return Problem(
        field,
        f'"{entry}" is not a service tag known here.',
        "Azure has more of them than this program knows, and refuses the rule when this is not one.",
        "Check its spelling against Microsoft's list of service tags.",
        "warning",
    )


def _range(text: str, field: str, example: str) -> Problem | None:
    network = ipv4_range(text)
    if network is None:
        return _misaligned(text, field, example)
    if network.prefixlen not in limits.SUBNET_PREFIX:
        return Problem(
            field,
            f"{text} is a /{network.prefixlen}.",
            f"Azure takes ranges of /{limits.SUBNET_PREFIX.low} to /{limits.SUBNET_PREFIX.high}.",
            f"Use a range such as {example}.",
        )
    for banned, use in _BANNED.items():
        if network.overlaps(banned):
            return Problem(
                field,
                f"{text} meets {banned}.",
                f"These addresses are {use}, and no virtual network may have them.",
                f"Use a private range such as {example}.",
            )
    return None


def _misaligned(text: str, field: str, example: str = "203.0.113.0/24") -> Problem:
    """What is wrong with a text that is not a range: bits behind the prefix, or anything else."""
    try:
        loose: IPv4Network | None = IPv4Network(text, strict=False)
    except ValueError:
        loose = None
    if loose is not None and re.fullmatch(r"[0-9.]+/[0-9]{1,2}", text):
        return Problem(
            field,
            f"{text} is an address inside a range, not a range.",
            f"Behind a /{loose.prefixlen} the other bits are zero.",
            f"Write {loose}.",
        )
    return Problem(
        field,
        f'"{text}" is not an IPv4 range.',
        "A range is an address and a prefix length.",
        f"Write it like {example}.",
    )
