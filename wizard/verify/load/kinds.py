"""Errors told apart by what a person does about them."""

from __future__ import annotations

import ssl


def kind(error: BaseException) -> str:
    """`refused`, `reset`, `timeout`, `tls`, `protocol` or `connect`.

    The cause is looked for down the chain, since transports wrap what the system said.
    """
    import httpx

    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, ssl.SSLError):
            return "tls"
        if isinstance(seen, ConnectionRefusedError):
            return "refused"
        if isinstance(seen, ConnectionResetError | BrokenPipeError | ConnectionAbortedError):
            return "reset"
        seen = seen.__cause__ or seen.__context__
    if isinstance(error, TimeoutError | httpx.TimeoutException):
        return "timeout"
    if isinstance(error, httpx.ReadError | httpx.WriteError | httpx.CloseError):
        return "reset"
    if isinstance(error, httpx.ConnectError):
        return "connect"
    return "protocol"
