"""Which Azure: a Cloud is data. Product code reads its fields and never asks which cloud it is.

Nothing of the Azure SDKs is imported here: plans are checked and commands complete without them.
"""

from __future__ import annotations

import asyncio
import json
import ssl
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from wizard.azure import limits
from wizard.azure.limits import Limit
from wizard.errors import InputError, UnreachableError

POLL_FLOOR_S = 4.0
"""Compute answers 15 operation reads a minute for one machine: every 4 s (azure-docs, compute throttling limits)."""

SHORTEST_POLL_S = 0.1
"""However fast a cloud's clock runs, asking ten times a second is enough for any screen."""

METADATA_VERSIONS = ("2022-09-01", "2015-01-01")
"""The newest metadata document, which the Azure CLI asks for, and the one that every Azure Stack Hub knows."""

METADATA_TIMEOUT_S = 10.0

PRICES = "https://prices.azure.com/api/retail/prices"
"""Microsoft, "Azure Retail Prices overview"; nobody signs in to it."""

UNMANAGED_DISKS = "unmanaged-disks"
"""VHDs in storage accounts; retired on Azure on 2026-03-31."""


@dataclass(frozen=True)
class Cloud:
    """One Azure Resource Manager and the authority that signs people in to it.

    name            as plans write it: sandbox, public, usgov, china, or the URL of an ARM endpoint
    arm             base URL of ARM, without a trailing slash
    authority       base URL of the token authority
    audience        what tokens are asked for; scope is `audience + "/.default"`
    ca              PEM file to trust beside the system's, or None
    poll_floor_s    one operation is asked no more often than this
    pace            how many times as fast as Azure's its clock runs
    limits          its token buckets, at Azure's pace; `paced_limits` are those of its own
    tenant          known beforehand, or None (asked of the sign-in)
    subscription    known beforehand, or None (asked of ARM)
    client_id       of a service principal that comes with the cloud, or None
    client_secret_file  its secret's file, or None
    dns_suffix      what follows a public IP's DNS label and region
    logs            base URL of the Log Analytics query service, which is also what its tokens are for; "" for none
    validate_authority  whether Microsoft's instance discovery can vouch for the authority
    start           starts the cloud where it is not running and tells it anew, or None: it always runs
    refresh         tells the cloud anew, with what only it knows of itself, or None: the fields are complete
    offers          what this cloud has and others have no more: UNMANAGED_DISKS
    billed          whether what is made there costs money
    prices          URL of the Retail Prices API that lists what things cost there; "" where there is none
    prices_everywhere   what that list calls the region of what costs the same in all of the cloud's
    frontend_conflict   why a port of a public address cannot be opened, where those are on this computer, or None
    """

    name: str
    arm: str
    authority: str
    audience: str
    poll_floor_s: float
    pace: float = 1.0
    limits: tuple[Limit, ...] = limits.AZURE
    dns_suffix: str = "cloudapp.azure.com"
    logs: str = ""
    ca: Path | None = None
    tenant: str | None = None
    subscription: str | None = None
    client_id: str | None = None
    client_secret_file: Path | None = None
    validate_authority: bool = True
    start: Callable[[], Awaitable[Cloud]] | None = None
    refresh: Callable[[], Awaitable[Cloud]] | None = None
    frontend_conflict: Callable[[int], str | None] | None = None
    offers: frozenset[str] = frozenset()
    billed: bool = True
    prices: str = ""
    prices_everywhere: str = "Global"

    @property
    def paced_limits(self) -> tuple[Limit, ...]:
        """The limits with their windows divided by the pace."""
        return tuple(limit.faster(self.pace) for limit in self.limits)

    @property
    def scope(self) -> str:
        """What a token is asked for."""
        return f"{self.audience}/.default"


# ARM and audiences as in azure.mgmt.core.tools.get_arm_endpoints, authorities as in azure.identity.AzureAuthorityHosts
# (a test compares them); the DNS suffixes are from Microsoft's endpoint lists of each cloud, and the query services as
# the Azure CLI knows them (`logAnalyticsResourceId`). The price list of public Azure holds US Government's regions too
# (recorded rows of 2026-10-03 have "US Gov" where others have "Global"). China's is a sheet in CNY to download, and
# Azure Stack Hub has none.
_AZURE = {
    cloud.name: cloud
    for cloud in (
        Cloud(
            name="public",
            arm="https://management.azure.com",
            authority="https://login.microsoftonline.com",
            audience="https://management.azure.com",
            poll_floor_s=POLL_FLOOR_S,
            logs="https://api.loganalytics.io",
            prices=PRICES,
        ),
        Cloud(
            name="usgov",
            arm="https://management.usgovcloudapi.net",
            authority="https://login.microsoftonline.us",
            audience="https://management.core.usgovcloudapi.net",
            poll_floor_s=POLL_FLOOR_S,
            dns_suffix="cloudapp.usgovcloudapi.net",
            logs="https://api.loganalytics.us",
            prices=PRICES,
            prices_everywhere="US Gov",
        ),
        Cloud(
            name="china",
            arm="https://management.chinacloudapi.cn",
            authority="https://login.chinacloudapi.cn",
            audience="https://management.chinacloudapi.cn",
            poll_floor_s=POLL_FLOOR_S,
            dns_suffix="cloudapp.chinacloudapi.cn",
            logs="https://api.loganalytics.azure.cn",
        ),
    )
}

NAMES = ("sandbox", *_AZURE)
"""What a plan may write, beside the URL of an ARM endpoint."""


def find(name: str) -> Cloud:
    """The Cloud that a plan names. Reads a state file at most; nothing is asked over a network.

    Raises InputError for a name that is none of `NAMES` and no https URL.
    """
    if name in _AZURE:
        return _AZURE[name]
    if name == "sandbox":
        return _sandbox()
    parts = urllib.parse.urlsplit(name)
    if parts.scheme == "https" and parts.hostname:
        return _custom(name.rstrip("/"))
    if parts.scheme == "http":
        raise InputError(
            f"{name} is not an https address.",
            "Sign-in tokens never travel over plain http.",
            "Write the ARM endpoint with https://.",
        )
    raise InputError(
        f"There is no cloud named {name!r}.",
        "A cloud is one of our names or the address of an ARM endpoint.",
        f"Write {', '.join(NAMES)}, or a URL such as https://management.local.azurestack.external.",
    )


async def ensure_running(cloud: Cloud) -> Cloud:
    """Start the cloud if it is not running and there is a way to; returns it with what it says of itself now."""
    return await cloud.start() if cloud.start else cloud


async def current(cloud: Cloud) -> Cloud:
    """The cloud with every field known. Raises UnreachableError when it does not tell."""
    return await cloud.refresh() if cloud.refresh else cloud


# A custom ARM endpoint tells its authority and audience itself.


def _custom(arm: str) -> Cloud:
    async def refresh() -> Cloud:
        return await asyncio.to_thread(_discover, cloud)

    host = urllib.parse.urlsplit(arm).hostname or ""
    region_and_domain = host.removeprefix("management.").removeprefix("adminmanagement.")
    cloud = Cloud(
        name=arm,
        arm=arm,
        authority="",
        audience="",
        poll_floor_s=POLL_FLOOR_S,
        # On Azure Stack Hub: LABEL.REGION.cloudapp.FQDN, the region being the first part of what follows `management.`
        dns_suffix="cloudapp." + region_and_domain.partition(".")[2],
        validate_authority=False,
        refresh=refresh,
        offers=frozenset({UNMANAGED_DISKS}),
    )
    return cloud


def _discover(cloud: Cloud) -> Cloud:
    """Ask `{arm}/metadata/endpoints` for the authority and the audience. Blocking: run it in a thread."""
    document: Any = None
    for version in METADATA_VERSIONS:
        try:
            document = _read_json(f"{cloud.arm}/metadata/endpoints?api-version={version}")
        except urllib.error.HTTPError as error:
            error.close()
            if error.code in {400, 404} and version != METADATA_VERSIONS[-1]:
                continue  # an api-version that this endpoint does not know
            raise _no_metadata(cloud, f"It answered {error.code} {error.reason}.") from None
        except (OSError, ValueError) as error:
            raise _no_metadata(cloud, _reason(error)) from None
        break
    found = _authentication(document, cloud.arm)
    audiences = found.get("audiences") or []
    authority = str(found.get("loginEndpoint") or "").rstrip("/")
    if not authority or not audiences:
        raise _no_metadata(cloud, "Its metadata names no login endpoint or no audience.")
    tenant = found.get("tenant") or None
    if authority.lower().endswith("/adfs"):  # azure-identity takes AD FS as a tenant, not as a part of the authority
        authority, tenant = authority[: -len("/adfs")], "adfs"
    return replace(
        cloud,
        authority=authority,
        audience=str(audiences[0]),
        tenant=None if str(tenant).lower() == "common" else tenant,
    )


def _authentication(document: Any, arm: str) -> Mapping[str, Any]:
    """The `authentication` object of a metadata document, which is one cloud's or a list of several."""
    several = document if isinstance(document, list) else [document]
    clouds = [entry for entry in several if isinstance(entry, dict)]
    own = [entry for entry in clouds if str(entry.get("resourceManager", "")).rstrip("/") == arm]
    for entry in [*own, *clouds]:
        if isinstance(found := entry.get("authentication"), dict):
            return found
    return {}


def _read_json(url: str) -> Any:
    request = urllib.request.Request(url, headers={"Accept": "application/json"})  # noqa: S310 - `find` took https alone
    context = ssl.create_default_context()  # honours SSL_CERT_FILE
    with urllib.request.urlopen(request, timeout=METADATA_TIMEOUT_S, context=context) as answer:  # noqa: S310
        return json.loads(answer.read(1_000_000))


def _reason(error: Exception) -> str:
    reason = getattr(error, "reason", None) or error
    text = str(reason.strerror if isinstance(reason, OSError) and reason.strerror else reason)
    return f"{text.rstrip('.')}."


def _no_metadata(cloud: Cloud, why: str) -> UnreachableError:
    return UnreachableError(
        f"{cloud.arm} did not tell how to sign in.",
        why,
        "Check the plan's cloud and the connection; a private certificate authority is named by SSL_CERT_FILE.",
    )


# The sandbox is a process of this computer: its facts are in its state, and it is started when it is needed.


def _sandbox() -> Cloud:
    from wizard.sandbox import control

    return _of_state(control.running() or control.read_state())


def _of_state(state: Mapping[str, Any] | None) -> Cloud:
    """The cloud that a sandbox's state tells of; without one (it never ran) only how to start it is known."""

    def frontend_conflict(port: int) -> str | None:
        from wizard.azure.loopback import conflict

        return conflict(str(state.get("network") or "") if state else "", port)

    cloud = Cloud(
        name="sandbox",
        arm="",
        authority="",
        audience="",
        poll_floor_s=POLL_FLOOR_S,
        validate_authority=False,
        offers=frozenset({UNMANAGED_DISKS}),
        billed=False,
        start=_start_sandbox,
        refresh=_refresh_sandbox,
        frontend_conflict=frontend_conflict,
    )
    if state is None:
        return cloud
    return replace(
        cloud,
        arm=state["arm"].rstrip("/"),
        authority=state["authority"].rstrip("/"),
        audience=state["arm"].rstrip("/"),
        logs=state["arm"].rstrip("/"),
        prices=f"{state['arm'].rstrip('/')}/api/retail/prices",
        poll_floor_s=max(SHORTEST_POLL_S, POLL_FLOOR_S / state["speed"]),
        pace=float(state["speed"]),
        ca=Path(state["ca"]),
        tenant=state["tenant"],
        subscription=state["subscription"],
        client_id=state["client_id"],
        client_secret_file=Path(state["client_secret_file"]),
    )


async def _start_sandbox() -> Cloud:
    from wizard.sandbox import control

    return _of_state(await asyncio.to_thread(control.start))


async def _refresh_sandbox() -> Cloud:
    from wizard.sandbox import control

    state = await asyncio.to_thread(control.running)
    if state is None:
        raise UnreachableError(
            "The sandbox is not running.",
            "It is a process of this computer, and nothing answers at its address.",
            "Start it: multivm-wizard sandbox start",
        )
    return _of_state(state)
