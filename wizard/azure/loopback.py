"""Whether a port of a public address can be opened, on a cloud whose public addresses are loopback addresses here."""

from __future__ import annotations

import errno
import ipaddress
import socket


def conflict(network: str, port: int) -> str | None:
    """Why `port` cannot be bound within `network` ("127.18.4.0/24"; "": 127.0.0.1), or None.

    Bound on the network's last host address, which no public address is given before the 250th: a port that one
    address already serves is free on the next, but a listener on 0.0.0.0 takes it from all of them.
    """
    try:
        hosts = ipaddress.ip_network(network or "127.0.0.1/32")
        address = str(hosts[-2] if hosts.num_addresses > 2 else hosts[0])
    except ValueError:
        address = "127.0.0.1"
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            # Binding tells of every listener; to listen would take the port from who asks the same in this moment.
            probe.bind((address, port))
        except PermissionError:
            return "This user may not open ports below 1024."
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return "Another program on this computer listens on it."
            return f"This computer refuses it: {error.strerror}."
    return None
