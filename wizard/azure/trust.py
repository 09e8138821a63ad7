"""Whom a connection to a cloud trusts, and whether it leaves this computer."""

from __future__ import annotations

import ipaddress
import ssl
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from wizard.errors import UnreachableError

if TYPE_CHECKING:
    from wizard.azure.clouds import Cloud


def context(cloud: Cloud) -> ssl.SSLContext:
    """The system's certificate authorities (SSL_CERT_FILE is honoured), and the cloud's own."""
    made = ssl.create_default_context()
    if cloud.ca:
        try:
            made.load_verify_locations(cafile=cloud.ca)
        except (OSError, ssl.SSLError) as error:
            raise UnreachableError(
                f"The certificate authority of {cloud.name} cannot be read.",
                f"{cloud.ca}: {error}.",
                "Run as the user whose state folder (MULTIVM_HOME) this is.",
            ) from None
    return made


def is_loopback(url: str) -> bool:
    """Whether an address is this computer's own, which no proxy can reach."""
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
