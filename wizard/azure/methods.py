"""The ways to sign in that a person can choose; without a choice `signin.credential` takes what it finds.

A choice holds for this process and one cloud. Those that a person walks through (browser, device code) exist in
azure-identity without asyncio only: they are asked from a thread, and live as long as the choice, because their memory
is the sign-in.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from wizard.errors import InputError, UnreachableError

if TYPE_CHECKING:
    from datetime import datetime

    from azure.core.credentials import AccessTokenInfo, TokenRequestOptions
    from pydantic import SecretStr

    from wizard.azure.clouds import Cloud

T = TypeVar("T")

LABELS: Mapping[str, str] = {
    "own": "the cloud's own service principal",
    "environment": "the service principal in AZURE_CLIENT_ID",
    "azure-cli": "the Azure CLI",
    "browser": "the browser",
    "device-code": "the device code",
    "service-principal": "the service principal",
    "managed-identity": "the managed identity",
    "token": "the wizard's sign-in",
}
"""What a person reads for each method; `token` is what a process was handed by another one."""

METHODS = tuple(name for name in LABELS if name != "token")

MANAGED_IDENTITY_S = 20.0
"""The metadata service of an Azure VM answers in a second; elsewhere nothing answers, and the SDK tries for minutes."""

Prompt = Callable[[str, str, "datetime"], None]
"""What tells a person the address to open, the code to enter there and when it expires (UTC)."""


@dataclass
class Choice:
    """One way to sign in. `prompt` is called from a thread, when a code or a browser page is waiting for a person."""

    method: str
    tenant: str | None = None
    client_id: str | None = None
    client_secret: SecretStr | None = field(default=None, repr=False)
    token: SecretStr | None = field(default=None, repr=False)
    expires_on: int = 0
    prompt: Prompt | None = None
    _kept: Any = field(default=None, init=False, repr=False)

    def __post_init__(self) -> None:
        if self.method not in LABELS:
            raise InputError(f"There is no sign-in method {self.method!r}.", "", f"Methods are: {', '.join(METHODS)}.")
        needed = (self.tenant, self.client_id, self.client_secret)
        if self.method == "service-principal" and not all(needed):
            raise InputError(
                "A service principal needs three things.",
                "They are the tenant, the client id and the client secret.",
                "Fill all of them.",
            )

    @classmethod
    def handed(cls, told: Mapping[str, Any]) -> Choice:
        """What `hand_over` of another process's choice became here."""
        from pydantic import SecretStr

        secrets = {name: SecretStr(told[name]) for name in ("client_secret", "token") if told.get(name)}
        return cls(
            told["method"],
            told.get("tenant"),
            told.get("client_id"),
            secrets.get("client_secret"),
            secrets.get("token"),
            int(told.get("expires_on") or 0),
        )

    def hand_over(self, token: AccessTokenInfo) -> dict[str, Any]:
        """This choice for another process, with its secrets. A person's sign-in goes as the token it gave."""
        if self.method in {"browser", "device-code", "token"}:
            return {"method": "token", "token": token.token, "expires_on": token.expires_on}
        told = {"method": self.method, "tenant": self.tenant, "client_id": self.client_id}
        if self.client_secret is not None:
            told["client_secret"] = self.client_secret.get_secret_value()
        return told

    @property
    def label(self) -> str:
        return LABELS[self.method]

    def credential(self, cloud: Cloud, options: dict[str, Any]) -> Any:
        """A credential of azure-identity's asynchronous kind; `options` are what its clients share.

        Raises UnreachableError where this method cannot work on this computer.
        """
        match self.method:
            case "service-principal":
                return self._principal(options)
            case "managed-identity":
                return _ManagedIdentity(self.client_id)
            case "token":
                return _Token(self)
        if self._kept is None:
            self._kept = self._device_code(cloud) if self.method == "device-code" else self._browser(cloud)
        return self._kept

    def close(self) -> None:
        """Let go of what a person's sign-in keeps open; it is over then."""
        if self._kept is not None:
            self._kept.end()

    def _principal(self, options: dict[str, Any]) -> Any:
        from azure.identity import aio

        assert self.tenant
        assert self.client_id
        assert self.client_secret
        return aio.ClientSecretCredential(self.tenant, self.client_id, self.client_secret.get_secret_value(), **options)

    def _device_code(self, cloud: Cloud) -> Any:
        from azure.identity import DeviceCodeCredential

        def prompt(url: str, code: str, expires: datetime) -> None:
            if self.prompt is not None:
                self.prompt(url, code, expires)

        return _InThread(DeviceCodeCredential(prompt_callback=prompt, **self._interactive(cloud)))

    def _browser(self, cloud: Cloud) -> Any:
        from azure.identity import InteractiveBrowserCredential

        refuse_without_browser(os.environ)
        return _InThread(InteractiveBrowserCredential(**self._interactive(cloud)))

    def _interactive(self, cloud: Cloud) -> dict[str, Any]:
        options: dict[str, Any] = {
            "authority": cloud.authority,
            "disable_instance_discovery": not cloud.validate_authority,
        }
        if self.client_id:
            options["client_id"] = self.client_id
        if tenant := self.tenant or cloud.tenant:
            options["tenant_id"] = tenant
        # These clients would trust certifi's list alone; everything else here honours SSL_CERT_FILE.
        if trusted := cloud.ca or os.environ.get("SSL_CERT_FILE"):
            from azure.core.pipeline.transport import RequestsTransport

            options["transport"] = RequestsTransport(connection_verify=str(trusted))
        return options


_chosen: dict[str, Choice] = {}


def choose(cloud: str, choice: Choice | None) -> None:
    """Sign in to a cloud in this way from now on; None: in the way that is found."""
    if choice is None or choice.method in {"own", "environment"}:
        _chosen.pop(cloud, None)  # these are what is found
    else:
        _chosen[cloud] = choice


def chosen(cloud: str) -> Choice | None:
    """The way that was chosen for a cloud, or None."""
    return _chosen.get(cloud)


def refuse_without_browser(environment: Mapping[str, str]) -> None:
    """UnreachableError where no browser could be opened. A text browser would take the terminal from the wizard."""
    shown = any(environment.get(name) for name in ("BROWSER", "DISPLAY", "WAYLAND_DISPLAY", "WSL_DISTRO_NAME"))
    if sys.platform.startswith("linux") and not shown:
        why = "This session has no display."
    else:
        import webbrowser

        try:
            webbrowser.get()
        except webbrowser.Error:
            why = "No browser was found."
        else:
            return
    raise UnreachableError(
        "No browser can be opened on this computer.",
        why,
        "Sign in with a device code: a browser on any other device will do.",
    )


class _InThread:
    """A credential without asyncio, asked from a thread of its own, so that nobody waits while a person signs in."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    async def get_token_info(self, *scopes: str, options: TokenRequestOptions | None = None) -> AccessTokenInfo:
        return await in_thread(lambda: self._inner.get_token_info(*scopes, options=options or {}))

    async def close(self) -> None:
        """Nothing: the sign-in lives on in the credential's memory, for the next connection."""

    def end(self) -> None:
        self._inner.close()


async def in_thread(call: Callable[[], T]) -> T:
    """Await a blocking call that may last for minutes. Its thread holds nothing up when the process ends.

    (The loop's own threads do: a process waits for them at its end.)
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def settle(result: T | None, error: BaseException | None) -> None:
        if future.done():  # nobody waits any more
            return
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(result)  # type: ignore[arg-type]

    def work() -> None:
        result, raised = None, None
        try:
            result = call()
        except BaseException as error:  # handed to whoever waits
            raised = error
        with contextlib.suppress(RuntimeError):  # the loop has ended
            loop.call_soon_threadsafe(settle, result, raised)

    threading.Thread(target=work, daemon=True).start()
    return await future


class _ManagedIdentity:
    """Azure's managed identity of this computer, given up on where there is none."""

    def __init__(self, client_id: str | None) -> None:
        from azure.identity import aio

        self._inner = aio.ManagedIdentityCredential(client_id=client_id)

    async def get_token_info(self, *scopes: str, options: TokenRequestOptions | None = None) -> AccessTokenInfo:
        try:
            async with asyncio.timeout(MANAGED_IDENTITY_S):
                token: AccessTokenInfo = await self._inner.get_token_info(*scopes, options=options or {})
                return token
        except TimeoutError:
            pass
        raise UnreachableError(
            "No managed identity answers on this computer.",
            f"Azure's metadata service was asked for {MANAGED_IDENTITY_S:.0f} s.",
            "It exists on machines in Azure that have an identity assigned; sign in in another way here.",
        )

    async def close(self) -> None:
        await self._inner.close()


class _Token:
    """A token that another process got, as long as it holds."""

    def __init__(self, choice: Choice) -> None:
        self._choice = choice

    async def get_token_info(self, *_scopes: str, options: TokenRequestOptions | None = None) -> AccessTokenInfo:
        from azure.core.credentials import AccessTokenInfo

        token = self._choice.token
        if token is None or self._choice.expires_on <= time.time() or (options and options.get("claims")):
            raise UnreachableError(
                "The sign-in that this run was started with does not hold any more.",
                "A run outlives the wizard, and a person's sign-in cannot be renewed without the person.",
                "Sign in again and start the run again: it continues from what is there.",
            )
        return AccessTokenInfo(token.get_secret_value(), self._choice.expires_on)

    async def close(self) -> None:
        """Nothing is open."""
