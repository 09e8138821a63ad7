"""Fetches a machine's serial log from where boot diagnostics keep it.

Azure hands out a signed URL (SAS): whoever has it may read, so it is a secret. It goes to the transport and nowhere
else; httpx's client would log every URL at INFO, its transport does not. No token is sent there, and no redirect is
followed.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import ssl
import urllib.request
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from wizard.errors import AzureError, WizardError
from wizard.verify.machines import Machine

if TYPE_CHECKING:
    import httpx

    from wizard.azure.clients import Azure
    from wizard.azure.clouds import Cloud

MOST_BYTES = 1024 * 1024
"""Kept of the log's end; Azure's own limit is of that size, and a first boot writes about 100 KB."""
FETCH_S = 20.0
LINK_MINUTES = 5
"""How long the signed URL is good for; it is used at once."""


async def log(azure: Azure, machine: Machine) -> str:
    """The serial log's end as text.

    Raises AzureError when boot diagnostics are off or the VM is not there, WizardError when the log cannot be read.
    """
    call = azure.compute.virtual_machines.retrieve_boot_diagnostics_data(
        machine.group, machine.vm_name, sas_uri_expiration_time_in_minutes=LINK_MINUTES
    )
    address = str((await azure.ask(call)).as_dict().get("serialConsoleLogBlobUri") or "")
    if not address:
        raise AzureError(f"{machine.name} has no serial log.", "Boot diagnostics name none.", "Set diagnostics.boot.")
    try:
        async with asyncio.timeout(FETCH_S):
            return await _read(azure.cloud, address)
    except TimeoutError:
        raise _unreadable(machine, f"It did not come within {FETCH_S:.0f} s.") from None
    except (_RefusedError, OSError, ssl.SSLError) as problem:
        raise _unreadable(machine, f"{problem}.") from None


class _RefusedError(Exception):
    """What the storage said instead of the log; never with the URL."""


def _unreadable(machine: Machine, why: str) -> WizardError:
    return WizardError(f"The serial log of {machine.name} could not be read.", why, "")


async def _read(cloud: Cloud, address: str) -> str:
    import httpx

    transport = _transport(cloud, address)
    try:
        request = httpx.Request("GET", address, extensions={"timeout": httpx.Timeout(FETCH_S).as_dict()})
        response = await transport.handle_async_request(request)
        if response.status_code != 200:
            raise _RefusedError(f"the storage answered {response.status_code}")
        kept = bytearray()
        async for chunk in response.aiter_raw():
            kept += chunk
            del kept[:-MOST_BYTES]
        return kept.decode("utf-8", "replace")
    except (httpx.HTTPError, httpx.InvalidURL) as error:  # their words may hold the URL: only the kind is told
        raise _RefusedError(type(error).__name__) from None
    finally:
        with contextlib.suppress(Exception):
            await transport.aclose()


def _transport(cloud: Cloud, address: str) -> httpx.AsyncHTTPTransport:
    """Trusts the system's authorities and the cloud's own; through the environment's proxy, except to this computer."""
    import httpx

    context = ssl.create_default_context()
    if cloud.ca:
        context.load_verify_locations(cafile=cloud.ca)
    host = urlsplit(address).hostname or ""
    try:
        direct = ipaddress.ip_address(host).is_loopback
    except ValueError:
        direct = host == "localhost"
    proxy = None if direct or urllib.request.proxy_bypass(host) else urllib.request.getproxies().get("https")
    return httpx.AsyncHTTPTransport(verify=context, proxy=proxy, trust_env=False)
