"""A loopback network of its own for each sandbox, so that two of them and whatever else runs never meet.

Linux answers on all of 127.0.0.0/8 without any set-up. The /24 is derived from the state folder's path, and held by a
socket in the abstract namespace: it goes with the process, works between users, and has the same scope as the
addresses themselves (the network namespace). Where a system has only 127.0.0.1, everything shares that.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import socket
import sys
from dataclasses import dataclass
from pathlib import Path

from wizard.errors import WizardError

SHARED = "127.0.0.1/32"
ARM_HOST = 1
"""The last number of ARM's address in its /24; public IPs begin at .4, as Azure begins in a subnet."""
PORTS = range(8443, 8463)
TRIES = 64


@dataclass
class Held:
    """The network and what holds it until `release`."""

    network: str
    lock: socket.socket | None

    @property
    def arm(self) -> str:
        """ARM's address."""
        return arm_address(self.network)

    def release(self) -> None:
        if self.lock is not None:
            self.lock.close()


def arm_address(network: str) -> str:
    return "127.0.0.1" if network == SHARED else f"{network.rsplit('.', 1)[0]}.{ARM_HOST}"


def hold(folder: Path, kept: str | None, *, must_keep: bool) -> Held:
    """The network of this state folder: the one it had, or a free one.

    With `must_keep` (there are public IPs in it) another one will not do: WizardError tells who is in the way.
    """
    if kept is not None:
        if held := _try(kept):
            return held
        if must_keep:
            raise WizardError(
                f"The sandbox's network {kept} is not free.",
                "Another sandbox holds it, perhaps one whose state folder is a copy of this one.",
                "Stop the other sandbox, or use another MULTIVM_HOME.",
            )
    if not _has_network("127.18.0.0/24"):
        return Held(SHARED, None)
    for number in range(TRIES):
        digest = hashlib.sha256(f"{folder} {number}".encode()).digest()
        # 127.0 and 127.255 stay free: they are everybody's, and 127.0.53.53 and 127.0.1.1 have meanings of their own.
        network = f"127.{1 + digest[0] % 254}.{digest[1]}.0/24"
        if held := _try(network):
            return held
    raise WizardError(
        "No loopback network is free for the sandbox.",
        f"{TRIES} networks in 127.0.0.0/8 were tried.",
        "Stop sandboxes that are no longer needed.",
    )


def free_port(address: str, kept: int | None) -> int:
    """A port ARM can listen at: the one it had, the first of PORTS that is free, or any."""
    wanted = [kept] if kept else []
    for port in (*wanted, *PORTS, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((address, port))
            except OSError:
                continue
            found: int = probe.getsockname()[1]
            return found
    raise WizardError("No port is free for the sandbox.", f"Nothing can be bound at {address}.", "Check this computer.")


def _try(network: str) -> Held | None:
    if network == SHARED:
        return Held(SHARED, None)
    if not _has_network(network):
        return None
    lock = None
    if sys.platform == "linux":
        lock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            lock.bind(f"\0multivm-wizard {network}")
        except OSError as error:
            lock.close()
            if error.errno == errno.EADDRINUSE:
                return None
            raise
    return Held(network, lock)


def _has_network(network: str) -> bool:
    """Whether addresses of this network can be listened at."""
    with socket.socket() as probe, contextlib.suppress(OSError):
        probe.bind((arm_address(network), 0))
        return True
    return False
