"""Which address this computer comes from, as far as it can be known without asking anybody.

A service that tells "your address" would learn who deploys what, and when. The local route tells the source address of
an outgoing connection; where that one is public, it is what the other side sees.
"""

from __future__ import annotations

import ipaddress
import socket

_ANYWHERE = ("192.0.2.1", 9)
"""An address of the documentation range (RFC 5737): routed like any other of the Internet, and nobody's."""


def local_address() -> ipaddress.IPv4Address | None:
    """The source address of this computer's default route; None without one. No packet is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(_ANYWHERE)  # of UDP: looks the route up, and sends nothing
            return ipaddress.IPv4Address(probe.getsockname()[0])
        except OSError:
            return None


def public_range() -> str | None:
    """This computer's own public address as a range (`203.0.113.7/32`), or None: it is behind a translation, or off."""
    address = local_address()
    return f"{address}/32" if address is not None and address.is_global else None
