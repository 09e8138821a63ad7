"""What carries the load's bytes. Each function gives a maker: called once per connection, it returns a transport.

`stock` is httpx as it comes, with a transport per connection: httpcore's pool is quadratic in its connections (646
requests a second at 50 of them), and with one connection in it there is nothing to search.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable
from typing import TYPE_CHECKING

from wizard.errors import InputError

if TYPE_CHECKING:
    import httpx

SPARE_FILES = 256
"""Open files that the rest of the process may want beside the load's sockets."""


def stock(url: str, keep_alive: bool) -> Callable[[], httpx.AsyncBaseTransport]:
    """httpx's own transport. All connections share one TLS context: making one costs 17 ms of CPU."""
    import httpx

    # For http the context is never used, and an empty one costs nothing.
    # Proxies of the environment are left out on purpose: a load through a proxy measures the proxy.
    context = (
        httpx.create_ssl_context() if httpx.URL(url).scheme == "https" else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    )
    limits = httpx.Limits(max_connections=1, max_keepalive_connections=1 if keep_alive else 0)
    return lambda: httpx.AsyncHTTPTransport(verify=context, limits=limits, trust_env=False)


def allow_open_files(connections: int) -> None:
    """Raise this process's soft limit of open files as far as the load needs; InputError when it may not."""
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return
    needed = connections + SPARE_FILES
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= needed:
        return
    if hard != resource.RLIM_INFINITY and hard < needed:
        raise InputError(
            f"{connections} connections are more than this computer allows one program.",
            f"The limit of open files is {hard}, and {needed} are needed.",
            f"Give --connections {max(1, hard - SPARE_FILES)} or fewer, or raise the limit (ulimit -Hn).",
        )
    resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))
