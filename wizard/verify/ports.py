"""Ports that should be closed, and sources that should get nowhere: asked with real connections, all side by side.

Closed is whatever keeps a stranger out: a refusal, a time-out (Azure drops in silence), and a connection that ends
without a byte (a listener in user space cannot judge a source before it has accepted it).
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import ipaddress
import random
from collections.abc import Iterable, Sequence
from typing import Literal

CONNECT_S = 3.0
LISTEN_S = 1.0
"""How long an accepted connection is listened to: a server that means us speaks or waits, a filter hangs up."""

SAMPLE = (21, 22, 23, 80, 443, 445, 3389, 8080)
"""What scanners try first and misconfigurations open."""

EVERYBODY = frozenset({"*", "internet", "0.0.0.0/0", "any"})

Reach = Literal["open", "closed", "cannot-try"]


async def reach(host: str, port: int, source: str | None = None) -> Reach:
    """Whether a TCP connection gets anywhere. `cannot-try`: this computer cannot send from `source`."""
    try:
        async with asyncio.timeout(CONNECT_S):
            reader, writer = await asyncio.open_connection(
                host, port, local_addr=(source, 0) if source is not None else None
            )
    except OSError as error:  # TimeoutError is one
        # told when binding, before anything is sent
        return "cannot-try" if source is not None and error.errno == errno.EADDRNOTAVAIL else "closed"
    try:
        async with asyncio.timeout(LISTEN_S):
            return "open" if await reader.read(1) else "closed"
    except TimeoutError:
        return "open"
    except OSError:
        return "closed"
    finally:
        writer.transport.abort()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


async def open_among(host: str, ports: Iterable[int]) -> tuple[list[int], list[int]]:
    """Of these ports of an address: those that are open, and those that cannot be told.

    A program of this computer that listens on every address answers on a loopback address too, whoever that address
    belongs to. So an open port of a loopback address is compared with another such address that nobody was given:
    open there as well, it says nothing about this one.
    """
    wanted = sorted(set(ports))
    found = await asyncio.gather(*(reach(host, port) for port in wanted))
    open_ports = [port for port, state in zip(wanted, found, strict=True) if state == "open"]
    if not open_ports or not ipaddress.ip_address(host).is_loopback:
        return open_ports, []
    elsewhere = str(_some_loopback_address(apart_from=[host]))
    also = await asyncio.gather(*(reach(elsewhere, port) for port in open_ports))
    untold = [port for port, state in zip(open_ports, also, strict=True) if state == "open"]
    return [port for port in open_ports if port not in untold], untold


def foreign_source(host: str, allowed: Sequence[str]) -> str | None:
    """An address that this computer can try to send from towards `host` and that no entry of `allowed` covers.

    Towards a loopback address there are many (on Linux any of 127.0.0.0/8); towards any other this computer has one,
    the one it is allowed by, so None. None also when everybody is allowed. Service tags cover no loopback address.
    """
    if not ipaddress.ip_address(host).is_loopback or any(entry.lower() in EVERYBODY for entry in allowed):
        return None
    networks = []
    for entry in allowed:
        try:
            networks.append(ipaddress.ip_network(entry, strict=False))
        except ValueError:
            continue
    for _ in range(100):
        candidate = _some_loopback_address(apart_from=[host])
        if not any(candidate in network for network in networks):
            return str(candidate)
    return None


def _some_loopback_address(apart_from: Sequence[str]) -> ipaddress.IPv4Address:
    """One in 127.128.0.0/9 that nobody else is likely to use, and not the /24 of those named."""
    taken = {ipaddress.ip_network(f"{address}/24", strict=False) for address in apart_from}
    while True:
        found = ipaddress.IPv4Address(0x7F800000 + random.randrange(256, 0x7FFF00))  # noqa: S311 - no secret
        if not any(found in network for network in taken):
            return found
