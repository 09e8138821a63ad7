"""Questions about clouds, sign-ins and subscriptions."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wizard.desk.session import Session, Tell
from wizard.errors import InputError, UnreachableError

if TYPE_CHECKING:
    from datetime import datetime

    from wizard.azure.clouds import Cloud

Json = dict[str, Any]

LABELS: Mapping[str, str] = {
    "sandbox": "Sandbox on this computer",
    "public": "Azure",
    "usgov": "Azure US Government",
    "china": "Azure China",
}

CLI_CLOUDS: Mapping[str, str] = {"AzureCloud": "public", "AzureUSGovernment": "usgov", "AzureChinaCloud": "china"}
"""What the Azure CLI calls the clouds in its profile."""

_BY_PERSON = ("azure-cli", "browser", "device-code", "service-principal", "managed-identity")


async def clouds(session: Session, tell: Tell) -> list[Json]:
    """Every cloud that is known by name, and whether a sign-in is found, from files and the environment alone."""
    from wizard.azure import clouds as all_clouds

    profile = await asyncio.to_thread(cli_profile)
    found = [await _cloud(session, name, profile) for name in all_clouds.NAMES]
    elsewhere = next((entry for entry in found if entry["signed_in"] and entry["how"] != "own"), None)
    for entry in found:
        entry["preselected"] = entry is elsewhere if elsewhere else entry["how"] == "own"
    return found


async def terms(session: Session, tell: Tell, *, cloud: str) -> Json:
    """What holds for whatever is made in a cloud: whether it costs money. InputError for a cloud that is none."""
    from wizard.azure import clouds as all_clouds

    return {"billed": (await asyncio.to_thread(all_clouds.find, cloud)).billed}


async def _cloud(session: Session, name: str, profile: Mapping[str, Json]) -> Json:
    from wizard.azure import clouds as all_clouds
    from wizard.azure import signin

    cloud = await asyncio.to_thread(all_clouds.find, name)
    running = None if cloud.start is None else await _runs(cloud)
    how, account = "", ""
    if name in session.signed_in:
        how, account = "session", session.signed_in[name]
    elif cloud.start is not None:  # it brings its own principal, once it has been started
        how = "own"
    elif signin.environment_names_a_principal(os.environ) and _is_environments(cloud):
        how, account = "environment", os.environ["AZURE_CLIENT_ID"]
    elif name in profile:
        how, account = "azure-cli", str((profile[name].get("user") or {}).get("name") or "")
    methods = ["own"] if cloud.start is not None else [*_BY_PERSON]
    if how == "environment":
        methods = ["environment", *methods]
    return {
        "name": name,
        "label": LABELS.get(name, name),
        "signed_in": bool(how),
        "how": how,
        "account": account,
        "preselected": False,
        "running": running,
        "methods": methods,
    }


async def _runs(cloud: Cloud) -> bool:
    from wizard.azure import clouds as all_clouds

    try:
        await all_clouds.current(cloud)
    except UnreachableError:
        return False
    return True


def _is_environments(cloud: Cloud) -> bool:
    """AZURE_AUTHORITY_HOST tells for which cloud the environment's principal is; without it, for the public one."""
    host = os.environ.get("AZURE_AUTHORITY_HOST", "login.microsoftonline.com")
    return cloud.authority.removeprefix("https://") == host.removeprefix("https://").rstrip("/")


def cli_profile() -> dict[str, Json]:
    """The Azure CLI's sign-ins by cloud: the default subscription's entry of its profile, else the first one.

    `az account show` would take a second. Empty without the program or its profile.
    """
    folder = Path(os.environ.get("AZURE_CONFIG_DIR") or Path.home() / ".azure")
    if shutil.which("az") is None:
        return {}
    try:
        profile = json.loads((folder / "azureProfile.json").read_text(encoding="utf-8-sig"))
        entries = [entry for entry in profile.get("subscriptions") or () if isinstance(entry, dict)]
    except (OSError, ValueError, AttributeError):
        return {}
    found: dict[str, Json] = {}
    for entry in sorted(entries, key=lambda entry: not entry.get("isDefault")):
        found.setdefault(CLI_CLOUDS.get(str(entry.get("environmentName")), ""), entry)
    found.pop("", None)
    return found


async def sign_in(
    session: Session,
    tell: Tell,
    *,
    cloud: str,
    method: str | None = None,
    tenant: str | None = None,
    client_id: str | None = None,
    client_secret: str | None = None,
    subscription: str | None = None,
) -> Json:
    """Sign in now, and list what can be worked in. A sign-in that fails leaves the one before."""
    from wizard.azure import methods, signin

    choice = _choice(tell, method, tenant, client_id, client_secret)
    before = methods.chosen(cloud)
    methods.choose(cloud, choice)
    session.retire(cloud)
    try:
        async with session.anywhere(cloud) as azure:
            token = await azure.token()
            listed = await _listed(session, cloud, azure)
            used = signin.method_of(azure.cloud)
            tenant_id = azure.tenant_id
            own = azure.cloud.subscription
    except BaseException:
        methods.choose(cloud, before)
        session.retire(cloud)
        raise
    if before is not None:
        before.close()
    session.cloud = cloud
    session.signed_in[cloud] = signin.account(token.token)
    session.subscriptions.pop(cloud, None)
    if chosen := _chosen(cloud, used, subscription or own, listed):
        session.subscriptions[cloud] = chosen
    return {
        "cloud": cloud,
        "method": used,
        "label": methods.LABELS[used],
        "account": session.signed_in[cloud],
        "tenant": tenant_id,
        "subscription": chosen,
        "subscriptions": [{**entry, "chosen": entry["id"] == chosen} for entry in listed],
    }


def _choice(
    tell: Tell, method: str | None, tenant: str | None, client_id: str | None, client_secret: str | None
) -> Any:
    from pydantic import SecretStr

    from wizard.azure import methods, signin

    if method == "environment" and not signin.environment_names_a_principal(os.environ):
        raise InputError(
            "The environment names no service principal.",
            "AZURE_CLIENT_ID, AZURE_TENANT_ID and AZURE_CLIENT_SECRET tell one.",
            "Set them before the wizard is started, or type them here.",
        )
    if method is None:
        return None
    loop = asyncio.get_running_loop()

    def prompt(url: str, code: str, expires: datetime) -> None:  # in the thread of the sign-in
        what = {"url": url, "code": code, "expires_utc": expires.isoformat(timespec="seconds")}
        loop.call_soon_threadsafe(lambda: tell("device_code", **what))

    secret = SecretStr(client_secret) if client_secret else None
    choice = methods.Choice(method, tenant or None, client_id or None, secret, prompt=prompt)
    if method == "browser":
        methods.refuse_without_browser(os.environ)
        tell("browser")
    return choice


async def subscriptions(session: Session, tell: Tell, *, cloud: str | None = None) -> list[Json]:
    """The subscriptions that the sign-in sees."""
    name = cloud or session.cloud
    async with session.anywhere(name) as azure:
        listed = await _listed(session, name, azure)
        chosen = session.subscriptions.get(name) or azure.cloud.subscription
    return [{**entry, "chosen": entry["id"] == chosen} for entry in listed]


async def _listed(session: Session, cloud: str, azure: Any) -> list[Json]:
    async def ask() -> list[Json]:
        return [
            {
                "id": str(entry.get("subscriptionId") or ""),
                "name": str(entry.get("displayName") or ""),
                "state": str(entry.get("state") or ""),
                "tenant": str(entry.get("tenantId") or ""),
            }
            for entry in await azure.rows(azure.subscriptions.subscriptions.list())
            if entry.get("state") not in {"Disabled", "Deleted"}
        ]

    return await session.once((cloud, "subscriptions"), ask)


def _chosen(cloud: str, method: str, named: str | None, listed: list[Json]) -> str | None:
    """The subscription that needs no question: named, the environment's, the CLI's default, the only one."""
    ids = {entry["id"] for entry in listed}
    if named:
        if named not in ids:
            raise InputError(
                f"This sign-in does not see the subscription {named}.",
                f"It sees {len(ids)}.",
                "Choose one of them, or sign in to the right tenant.",
            )
        return named
    wanted = [os.environ.get("AZURE_SUBSCRIPTION_ID")]
    if method == "azure-cli":
        wanted.append(cli_profile().get(cloud, {}).get("id"))
    if len(ids) == 1:
        wanted.append(*ids)
    return next((one for one in wanted if one in ids), None)


async def choose(session: Session, tell: Tell, *, subscription: str, cloud: str | None = None) -> Json:
    """Work in this subscription from now on."""
    name = cloud or session.cloud
    async with session.anywhere(name) as azure:
        listed = await _listed(session, name, azure)
    session.subscriptions[name] = _chosen(name, "", subscription, listed) or subscription
    return {"cloud": name, "subscription": subscription}


async def handover(session: Session, tell: Tell, *, cloud: str | None = None) -> Json | None:
    """The sign-in for a run. Its secrets go over pipes alone."""
    from wizard.azure import methods

    name = cloud or session.cloud
    choice = methods.chosen(name)
    if choice is None:
        return None
    async with session.anywhere(name) as azure:
        return choice.hand_over(await azure.token())


async def my_address(session: Session, tell: Tell, *, cloud: str | None = None) -> Json:
    """Which address this computer is seen from, as far as it is known without asking anybody."""
    from wizard import origin
    from wizard.plan.choices import CLOUDS, CUSTOM_CLOUD

    known = CLOUDS.get(cloud or session.cloud, CUSTOM_CLOUD).admin_from
    if known:
        return {"range": known, "why": "In the sandbox, this computer is seen at its loopback address."}
    found = await asyncio.to_thread(origin.public_range)
    if found:
        return {"range": found, "why": "This computer's own address is a public one."}
    return {
        "range": None,
        "why": "This computer's own address is not a public one, and no service was asked which address others see.",
    }
