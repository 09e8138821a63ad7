"""Who we are to a cloud: a credential of azure-identity, a token at once, and the subscription to work in.

In this order: what was chosen (see `methods`), the service principal that comes with the cloud, the one that the
environment names (the variables that azure-identity defines), the Azure CLI's sign-in. The sandbox, Azure Stack Hub and
the public cloud take one way.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import json
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from wizard.azure import methods
from wizard.azure.clouds import Cloud
from wizard.azure.errors import explained
from wizard.errors import InputError, UnreachableError

if TYPE_CHECKING:
    from azure.core.credentials import AccessToken, AccessTokenInfo, TokenRequestOptions
    from azure.core.pipeline.transport import AsyncHttpTransport

REFRESH_BEFORE_S = 300
"""A token is renewed this long before it expires, as azure-core's own policies do."""

CLI_TIMEOUT_S = 30
"""`az` takes about a second; the first call after an update of its extensions takes far longer than the SDK's 10 s."""

CLI_ACCOUNT = ("az", "account", "show", "--query", "id", "--output", "tsv")


@dataclass(frozen=True)
class Principal:
    """How somebody signed in, for people: `the Azure CLI`; `cli` tells whether its default subscription counts."""

    label: str
    cli: bool = False


class Credential:
    """A credential of azure-identity whose tokens are kept: the CLI's takes a second for each one otherwise.

    All clients share it. It is what azure-core calls SupportsTokenInfo.
    """

    def __init__(self, inner: Any, remake: Callable[[], Any] | None = None) -> None:
        self._inner = inner
        self._remake = remake  # a new one has forgotten its tokens; None: asking again is enough
        self._kept: dict[tuple[str, ...], AccessTokenInfo] = {}
        self._lock = asyncio.Lock()

    async def get_token_info(self, *scopes: str, options: TokenRequestOptions | None = None) -> AccessTokenInfo:
        """A token for `scopes`; asked anew when a claims challenge (`options`) comes or it is about to expire."""
        if options and options.get("claims"):
            return await self._ask(scopes, options)
        async with self._lock:
            token = self._kept.get(scopes)
            if token is None or token.expires_on - time.time() < REFRESH_BEFORE_S:
                token = await self._ask(scopes, options)
            return token

    async def renew(self, refused: str, *scopes: str) -> bool:
        """Get another token than the refused one. False when there is none; many may ask at once, one request leaves.

        Raises what the inner credential raises.
        """
        async with self._lock:
            kept = self._kept.get(scopes)
            if kept is not None and kept.token != refused:
                return True
            if self._remake is not None:
                await self._inner.close()
                self._inner = self._remake()
            return (await self._ask(scopes, None)).token != refused

    async def get_token(
        self, *scopes: str, claims: str | None = None, tenant_id: str | None = None, **_unused: Any
    ) -> AccessToken:
        """The older form of `get_token_info`."""
        from azure.core.credentials import AccessToken

        options: TokenRequestOptions = {}
        if claims:
            options["claims"] = claims
        if tenant_id:
            options["tenant_id"] = tenant_id
        token = await self.get_token_info(*scopes, options=options)
        return AccessToken(token.token, token.expires_on)

    async def _ask(self, scopes: tuple[str, ...], options: TokenRequestOptions | None) -> AccessTokenInfo:
        token: AccessTokenInfo = await self._inner.get_token_info(*scopes, options=options or {})
        self._kept[scopes] = token
        return token

    async def close(self) -> None:
        self._kept.clear()
        await self._inner.close()

    async def __aenter__(self) -> Credential:
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self.close()


def credential(
    cloud: Cloud, transport: AsyncHttpTransport[Any, Any], subscription: str | None
) -> tuple[Credential, Principal]:
    """The credential to try for a cloud. Nothing is sent yet.

    Raises UnreachableError when the cloud's own secret cannot be read.
    """
    from azure.identity import aio

    options: dict[str, Any] = {
        "authority": cloud.authority,
        "transport": transport,
        "disable_instance_discovery": not cloud.validate_authority,
        "retry_connect": 1,  # once more at once; the SDK's three tries keep a person waiting for 5 s
    }
    method = method_of(cloud)
    label = methods.LABELS[method]
    if method == "own":
        assert cloud.tenant
        assert cloud.client_id
        tenant, client, secret = cloud.tenant, cloud.client_id, _own_secret(cloud)
        return _remade(lambda: aio.ClientSecretCredential(tenant, client, secret, **options)), Principal(label)
    if method == "environment":
        return _remade(lambda: aio.EnvironmentCredential(**options)), Principal(label)
    if method == "managed-identity" and methods.chosen(cloud.name) is None:
        found = methods.Choice("managed-identity", client_id=os.environ.get("AZURE_CLIENT_ID"))
        return _remade(lambda: found.credential(cloud, options)), Principal(label)
    if (choice := methods.chosen(cloud.name)) is not None and method != "azure-cli":
        if method in ("service-principal", "managed-identity"):
            return _remade(lambda: choice.credential(cloud, options)), Principal(label)
        return Credential(choice.credential(cloud, options)), Principal(label)
    tenant = "" if subscription else cloud.tenant or ""  # a subscription tells its tenant by itself
    cli = aio.AzureCliCredential(tenant_id=tenant, subscription=subscription, process_timeout=CLI_TIMEOUT_S)
    return Credential(cli), Principal(label, cli=True)


def _remade(make: Callable[[], Any]) -> Credential:
    return Credential(make(), make)


def method_of(cloud: Cloud) -> str:
    """By which method (see `methods.METHODS`) this process signs in to a cloud: the chosen one, or what is found."""
    if choice := methods.chosen(cloud.name):
        return choice.method
    if cloud.client_id and cloud.client_secret_file and cloud.tenant:
        return "own"
    if environment_names_a_principal(os.environ):
        return "environment"
    return "managed-identity" if _has_managed_identity(os.environ) else "azure-cli"


def _has_managed_identity(environment: Mapping[str, str]) -> bool:
    """Whether this runs where Azure hands out an identity, and says so, or a person says so.

    Azure Automation and App Service set the two variables of an endpoint. A virtual machine sets none, and asking its
    metadata service takes seconds where there is none: there, AZURE_SIGN_IN names it.
    """
    by_name = environment.get("AZURE_SIGN_IN", "").strip().lower() == "managed-identity"
    return by_name or bool(environment.get("IDENTITY_ENDPOINT") and environment.get("IDENTITY_HEADER"))


def _own_secret(cloud: Cloud) -> str:
    assert cloud.client_secret_file is not None
    try:
        return cloud.client_secret_file.read_text().strip()
    except OSError as error:
        raise UnreachableError(
            f"The secret that signs in to {cloud.name} cannot be read.",
            f"{cloud.client_secret_file}: {error.strerror}.",
            "Run as the user whose state folder (MULTIVM_HOME) this is.",
        ) from None


def environment_names_a_principal(environment: Mapping[str, str]) -> bool:
    """Whether the variables of azure-identity tell who we are and how to prove it."""
    named = all(environment.get(name) for name in ("AZURE_CLIENT_ID", "AZURE_TENANT_ID"))
    proof = any(environment.get(name) for name in ("AZURE_CLIENT_SECRET", "AZURE_CLIENT_CERTIFICATE_PATH"))
    return named and proof


async def sign_in(cloud: Cloud, credential: Credential, principal: Principal) -> str | None:
    """Get a token now, so that a missing sign-in is told before anything else; returns the tenant's id.

    Raises UnreachableError when nobody is signed in or the authority cannot be reached.
    """
    try:
        token = await explained(credential.get_token_info(cloud.scope))
    except UnreachableError as error:
        raise UnreachableError(
            f"Could not sign in to {cloud.name} ({cloud.arm}) with {principal.label}.",
            error.why,
            error.remedy if not principal.cli else _cli_remedy(cloud),
        ) from None
    return _claim(token.token, "tid") or cloud.tenant


def _cli_remedy(cloud: Cloud) -> str:
    named = {"usgov": "AzureUSGovernment", "china": "AzureChinaCloud", "public": "AzureCloud"}.get(cloud.name)
    switch = f"az cloud set --name {named} && " if named and named != "AzureCloud" else ""
    return (
        f"Sign in: {switch}az login. Without a person: set AZURE_CLIENT_ID, AZURE_TENANT_ID and AZURE_CLIENT_SECRET"
        ' of a service principal. To try without Azure: cloud = "sandbox" in the plan.'
    )


def account(token: str) -> str:
    """Whose token it is, as the token says: a person's sign-in name, else the id of an application; "" if neither."""
    return next((found for name in ("upn", "preferred_username", "appid") if (found := _claim(token, name))), "")


def _claim(token: str, name: str) -> str | None:
    """A claim of a JWT, unverified (ARM verifies it); None when the token is none or lacks it."""
    parts = token.split(".")
    if len(parts) != 3:
        return None
    try:
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (ValueError, binascii.Error):
        return None
    value = claims.get(name) if isinstance(claims, dict) else None
    return value if isinstance(value, str) else None


async def choose_subscription(cloud: Cloud, named: str | None, principal: Principal, client: Callable[[], Any]) -> str:
    """The subscription to work in: named by the caller, by the cloud, by AZURE_SUBSCRIPTION_ID, the CLI's default, the
    only one there is.

    `client` makes a SubscriptionClient, if one is needed. Raises InputError when there are several (told by name) or
    none.
    """
    if chosen := named or cloud.subscription or os.environ.get("AZURE_SUBSCRIPTION_ID"):
        return chosen
    if principal.cli and (default := await _cli_default()):
        return default

    async def listed() -> list[tuple[str, str]]:
        return [
            (entry.subscription_id or "", entry.display_name or "")
            async for entry in client().subscriptions.list()
            if entry.as_dict().get("state") not in {"Disabled", "Deleted"}
        ]

    found = await explained(listed())
    if len(found) == 1:
        return found[0][0]
    if not found:
        raise InputError(
            "This sign-in sees no subscription.",
            f"{principal.label[0].upper()}{principal.label[1:]} has no role in any subscription of {cloud.name}.",
            "Ask for a role such as Contributor, or sign in to the right tenant: az login --tenant TENANT.",
        )
    names = "; ".join(f"{key} ({name})" for key, name in found[:20])
    raise InputError(
        f"This sign-in sees {len(found)} subscriptions, and none is chosen.",
        f"They are: {names}{'; ...' if len(found) > 20 else ''}.",
        "Choose one: set AZURE_SUBSCRIPTION_ID, or az account set --subscription ID.",
    )


async def _cli_default() -> str | None:
    """The Azure CLI's chosen subscription, or None when it tells none."""
    import shutil

    program = shutil.which(CLI_ACCOUNT[0])
    if program is None:
        return None
    process = await asyncio.create_subprocess_exec(
        program,
        *CLI_ACCOUNT[1:],
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        output, _ = await asyncio.wait_for(process.communicate(), CLI_TIMEOUT_S)
    except TimeoutError:
        process.kill()
        await process.wait()
        return None
    return output.decode().strip() or None if process.returncode == 0 else None
