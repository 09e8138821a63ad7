"""curl.exe, which Windows Server has since 2019: HTTP over the virtual network, and nothing else."""

from __future__ import annotations

import asyncio
import re
from typing import Any
from urllib.parse import urlsplit

from wizard.sandbox.fabric.network import Dropped, Refused
from wizard.sandbox.fabric.windows.powershell.interpreter import Call, cmdlet
from wizard.sandbox.fabric.windows.powershell.syntax import NotUnderstood
from wizard.sandbox.fabric.windows.powershell.values import text
from wizard.sandbox.fabric.wire import WireEnd

_CONNECT_SECONDS = 21.0  # Windows gives up on a handshake after about that long
_LARGEST = 1024 * 1024  # bytes of an answer that are kept
_WITH_VALUE = frozenset(("-o", "-w", "-m", "--noproxy", "-H"))
_FLAGS = frozenset(("-s", "-S", "-sS", "-i", "-I"))


class _Answer(asyncio.Protocol):
    def __init__(self) -> None:
        self.received = bytearray()
        self.ended = asyncio.Event()

    def data_received(self, data: bytes) -> None:
        if len(self.received) < _LARGEST:
            self.received += data

    def connection_lost(self, error: Exception | None) -> None:
        self.ended.set()


@cmdlet("curl")
async def curl(call: Call) -> list[Any]:
    """Leaves its exit status in $LASTEXITCODE."""
    given: dict[str, str] = {}
    urls: list[str] = []
    words = [text(word) for word in call.placed]
    while words:
        word = words.pop(0)
        if word in _WITH_VALUE and words:
            given[word] = words.pop(0)
        elif word in _FLAGS:
            given[word] = ""
        elif word.startswith("-"):
            raise NotUnderstood(f"curl.exe {word}")
        else:
            urls.append(word)
    if len(urls) != 1:
        raise NotUnderstood("curl.exe takes one URL here")
    status, body, code = await _fetch(call, urls[0], float(given.get("-m", _CONNECT_SECONDS)), given.get("-H", ""))
    call.shell.variables["lastexitcode"] = code
    shown = [] if given.get("-o", "").upper() == "NUL" or not body else [body.decode("utf-8", "replace")]
    if template := given.get("-w"):
        shown.append(re.sub(r"%\{(http_code|response_code)\}", f"{status:03d}", template))
    return shown


async def _fetch(call: Call, url: str, seconds: float, header: str) -> tuple[int, bytes, int]:
    """HTTP status (0: none), body, and curl's exit status."""
    parts = urlsplit(url if "://" in url else f"http://{url}")
    if parts.scheme != "http":
        return 0, b"", 1
    host, port = parts.hostname or "", parts.port or 80
    if not re.fullmatch(r"\d+\.\d+\.\d+\.\d+", host) and host != "localhost":
        return 0, b"", 6
    answer = _Answer()
    try:
        wire = _open(call, "127.0.0.1" if host == "localhost" else host, port, answer)
    except Dropped:
        await asyncio.sleep(seconds)
        return 0, b"", 28
    except Refused:
        return 0, b"", 7
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    lines = [f"GET {target} HTTP/1.1", f"Host: {parts.netloc}", "User-Agent: curl/8.13.0", "Accept: */*"]
    wire.write("\r\n".join([*lines, *([header] if header else []), "Connection: close", "", ""]).encode())
    try:
        await asyncio.wait_for(answer.ended.wait(), seconds)
    except TimeoutError:
        return 0, b"", 28
    finally:
        wire.close()
    head, found, body = bytes(answer.received).partition(b"\r\n\r\n")
    words = head.split(b"\r\n", 1)[0].split(b" ")
    if not found or len(words) < 2 or not words[1].isdigit():
        return 0, b"", 52 if not answer.received else 1
    return int(words[1]), body, 0


def _open(call: Call, address: str, port: int, protocol: asyncio.Protocol) -> WireEnd:
    machine = call.machine
    machine.next_port = 49152 + (machine.next_port - 49151) % 16000
    own = {one.address for one in machine.network.topology.by_vm.get(machine.guest.key, ())}
    if address.startswith("127.") or address in own:
        end = machine.accept_from_inside(port, address, protocol)
        if end is None:
            raise Refused(f"nothing listens on port {port}")
        return end
    return machine.network.connect(machine.guest.key, address, port, protocol, machine.next_port)
