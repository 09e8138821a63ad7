"""Azure's VMAccess extension: the request behind the portal's "Reset password".

One instance of a handler may be on a VM (`MultipleExtensionsPerHandlerNotAllowed`), so an existing one is used under
its own name. A configuration that did not change is not run again, hence a fresh `forceUpdateTag` each time. What is
in `protectedSettings` is encrypted for the VM and never told again by ARM.
"""

from __future__ import annotations

import asyncio
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from wizard import ids
from wizard.blueprint.resource import Resource
from wizard.deploy import waiting
from wizard.deploy.retry import Patience
from wizard.errors import AzureError, WizardError

if TYPE_CHECKING:
    from pydantic import SecretStr

    from wizard.azure.clients import Azure

EXTENSION = "Microsoft.Compute/virtualMachines/extensions"
NAME = "enablevmaccess"
"""As the portal names it."""


@dataclass(frozen=True)
class Handler:
    """What one system's VMAccess is called."""

    publisher: str
    type: str
    version: str


LINUX = Handler("Microsoft.OSTCExtensions", "VMAccessForLinux", "1.5")
WINDOWS = Handler("Microsoft.Compute", "VMAccessAgent", "2.4")


class Unsettled(WizardError):  # noqa: N818 - told as a fact, as the events are
    """The request left, and it has no answer or no end yet: what was asked may still happen."""


async def set_password(azure: Azure, vm_id: str, user: str, password: SecretStr, *, windows: bool = False) -> None:
    """Set a user's password. The user is made, with sudo or as an administrator, when missing.

    On Linux password login is turned on; on Windows the account is enabled and Remote Desktop opened. Raises AzureError
    with the extension's own message when it fails.
    """
    if windows:
        secret = {"password": password.get_secret_value()}
        await _apply(azure, vm_id, secret, settings={"username": user}, handler=WINDOWS)
        return
    await _apply(azure, vm_id, {"username": user, "password": password.get_secret_value()})


async def add_key(azure: Azure, vm_id: str, user: str, public_key: str, *, replace: bool = False) -> None:
    """Append a public key to a user's authorized keys, or with `replace` put it in place of all others.

    The user is made, with sudo, when missing. Raises AzureError.
    """
    prior: dict[str, Any] = {"remove_prior_keys": True} if replace else {}
    await _apply(azure, vm_id, {"username": user, "ssh_key": public_key, **prior})


async def reset_configuration(azure: Azure, vm_id: str, *, windows: bool = False) -> None:
    """Put the image's own SSH configuration back and restart sshd; users and their logins stay. Raises AzureError.

    On Windows: turn Remote Desktop on and open its port in the firewall.
    """
    if windows:
        await _apply(azure, vm_id, {}, handler=WINDOWS)
        return
    await _apply(azure, vm_id, {"reset_ssh": True})


async def remove_user(azure: Azure, vm_id: str, user: str) -> None:
    """Remove a user; the handler takes it together with nothing else. Raises AzureError.

    The home folder stays: somebody made anew under the name may find the former one's keys there.
    """
    await _apply(azure, vm_id, {"remove_user": user})


async def _apply(
    azure: Azure,
    vm_id: str,
    protected: dict[str, Any],
    *,
    settings: dict[str, Any] | None = None,
    handler: Handler = LINUX,
) -> None:
    vm = ids.parse(vm_id)
    live = await azure.get(vm_id)
    if live is None:
        raise WizardError(f"There is no VM {vm.name}.", "", "Deploy the plan again.")
    name = await _existing(azure, vm, handler) or NAME
    body: dict[str, Any] = {
        "location": live["location"],
        "properties": {
            "publisher": handler.publisher,
            "type": handler.type,
            "typeHandlerVersion": handler.version,
            "autoUpgradeMinorVersion": True,
            "settings": settings or {},
            "protectedSettings": protected,
        },
    }
    try:
        await _write(azure, Resource(f"{vm_id}/extensions/{name}", EXTENSION, name, {}), body)
    except AzureError as error:
        raise _without(error, protected) from None


async def _write(azure: Azure, extension: Resource, body: dict[str, Any]) -> None:
    """Send it until nothing else is in its way.

    The tag that says when to run stays over refusals, so that it runs once. After an operation that Azure ended without
    carrying it out it is a new one: what was accepted under the old one counts as run.
    """
    floor = azure.cloud.poll_floor_s
    patience = Patience.with_writes(floor)
    while True:
        body["properties"]["forceUpdateTag"] = uuid.uuid4().hex
        operation = None
        while operation is None:
            try:
                operation = await azure.begin_put(extension, body)
                if operation is not None:
                    await waiting.ended(operation, extension.name, floor, _silent)
                return
            except AzureError as error:
                if (wait := patience.next_wait_s(error)) is None:
                    raise
            except WizardError as error:
                raise Unsettled(error.what, error.why, error.remedy) from None
            await asyncio.sleep(wait)


def _silent(_seconds: float) -> None:
    pass


async def _existing(azure: Azure, vm: ids.ResourceId, wanted: Handler) -> str | None:
    """The name under which this handler is on the VM already."""
    told: Any = await azure.ask(azure.compute.virtual_machine_extensions.list(vm.group, vm.name))
    for extension in told.as_dict().get("value") or ():
        properties = extension.get("properties") or {}
        handler = (str(properties.get("publisher")).lower(), str(properties.get("type")).lower())
        if handler == (wanted.publisher.lower(), wanted.type.lower()):
            return str(extension["name"])
    return None


def _without(error: AzureError, protected: dict[str, Any]) -> AzureError:
    """The error, should an extension's message ever repeat what it was given."""
    secret = protected.get("password")
    if secret is None or secret not in str(error):
        return error
    texts = [text.replace(secret, "***") for text in (error.what, error.why, error.remedy)]
    return AzureError(*texts, code=error.code, status=error.status)
