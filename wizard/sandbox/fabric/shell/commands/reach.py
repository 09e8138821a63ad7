"""Programs that reach over the network: the virtual one, and nothing else."""

from __future__ import annotations

import asyncio
import contextlib
import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from wizard.sandbox.fabric.network import Dropped, Refused
from wizard.sandbox.fabric.shell.commands import options
from wizard.sandbox.fabric.shell.interpreter import Call, command
from wizard.sandbox.fabric.wire import WireEnd

if TYPE_CHECKING:
    from wizard.sandbox.fabric.machine import Machine

_CONNECT_SECONDS = 130.0  # Linux gives up on a handshake after about that long
_LARGEST = 1024 * 1024  # bytes of an answer that are kept


class _Exchange(asyncio.Protocol):
    """Collects what the other side sends."""

    def __init__(self) -> None:
        self.received = bytearray()
        self.ended = asyncio.Event()
        self.arrived = asyncio.Event()

    def data_received(self, data: bytes) -> None:
        if len(self.received) < _LARGEST:
            self.received += data
        self.arrived.set()

    def connection_lost(self, error: Exception | None) -> None:
        self.ended.set()
        self.arrived.set()


def _resolve(machine: Machine, host: str) -> str | None:
    """A name's address: this machine's own, another machine's name in the same network, or an address itself."""
    if re.fullmatch(r"\d+\.\d+\.\d+\.\d+", host):
        return host
    if host in ("localhost", "ip6-localhost", machine.guest.hostname):
        return "127.0.0.1"
    topology = machine.network.topology
    own = topology.by_vm.get(machine.guest.key, ())
    name = host.removesuffix(".internal.cloudapp.net").lower()
    for key, interfaces in topology.by_vm.items():
        other = machine.network.machines.get(key)
        hostname = getattr(getattr(other, "guest", None), "hostname", "")
        if own and hostname.lower() == name and interfaces[0].subnet.vnet == own[0].subnet.vnet:
            return interfaces[0].address
    return None


def _open(machine: Machine, address: str, port: int, protocol: asyncio.Protocol) -> WireEnd:
    """Connect from inside a machine; raises Dropped or Refused."""
    machine.next_port = 32768 + (machine.next_port - 32767) % 28000
    own = {one.address for one in machine.network.topology.by_vm.get(machine.guest.key, ())}
    if address.startswith("127.") or address in own:
        end = machine.accept(port, (address, machine.next_port), address, protocol)
        if end is None:
            raise Refused(f"nothing listens on port {port}")
        return end
    return machine.network.connect(machine.guest.key, address, port, protocol, machine.next_port)


@command("curl", "wget")
async def curl(call: Call) -> int:
    try:
        given, urls = options.read(
            call.args[1:], "sSfIvLkiOgq46", "owmHXAdue",
            ("silent", "show-error", "fail", "head", "location", "insecure", "include", "output=", "write-out=",
             "max-time=", "connect-timeout=", "header=", "request=", "user-agent=", "retry=", "noproxy=", "url="),
        )  # fmt: skip
    except options.UsageError as problem:
        return call.fail(str(problem), 2)
    if not urls and "url" not in given:
        return call.fail("try 'curl --help' for more information", 2)
    return await _fetch(call, given, given.get("url") or urls[0])


def _either(given: dict[str, str], *names: str) -> str | None:
    return next((given[name] for name in names if name in given), None)


async def _fetch(call: Call, given: dict[str, str], url: str) -> int:
    parts = urlsplit(url if "://" in url else f"http://{url}")
    loud = not given.keys() & {"s", "silent"} or bool(given.keys() & {"S", "show-error"})

    def failed(code: int, why: str) -> int:
        if loud:
            call.error(f"curl: ({code}) {why}\n")
        if template := _either(given, "w", "write-out"):
            call.out(_written(template, b"", 0))
        return code

    if parts.scheme != "http":
        return failed(1, f'Protocol "{parts.scheme}" not supported')
    host, port = parts.hostname or "", parts.port or 80
    address = _resolve(call.machine, host)
    if address is None:
        return failed(6, f"Could not resolve host: {host}")
    limit = _either(given, "m", "max-time", "connect-timeout")
    try:
        seconds = float(limit) if limit else _CONNECT_SECONDS
    except ValueError:
        return failed(2, f"expected a proper numerical parameter: {limit}")
    exchange = _Exchange()
    try:
        wire = _open(call.machine, address, port, exchange)
    except Dropped:
        await asyncio.sleep(seconds)
        return failed(28, f"Connection timed out after {int(seconds * 1000)} milliseconds")
    except Refused:
        return failed(7, f"Failed to connect to {host} port {port} after 0 ms: Couldn't connect to server")
    method = _either(given, "X", "request") or ("HEAD" if given.keys() & {"I", "head"} else "GET")
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    header = _either(given, "H", "header")
    lines = [f"{method} {target} HTTP/1.1", f"Host: {parts.netloc}", "User-Agent: curl/8.5.0", "Accept: */*"]
    lines += [header] if header else []
    wire.write(("\r\n".join([*lines, "Connection: close", "", ""])).encode())
    try:
        await asyncio.wait_for(exchange.ended.wait(), seconds)
    except TimeoutError:
        return failed(28, f"Operation timed out after {int(seconds * 1000)} milliseconds")
    finally:
        wire.close()
    return _deliver(call, given, bytes(exchange.received), failed)


def _deliver(call: Call, given: dict[str, str], received: bytes, failed: object) -> int:
    head, found, body = received.partition(b"\r\n\r\n")
    words = head.split(b"\r\n", 1)[0].split(b" ")
    if not found or len(words) < 2 or not words[1].isdigit():
        call.error("curl: (52) Empty reply from server\n")
        return 52
    status = int(words[1])
    if status >= 400 and given.keys() & {"f", "fail"}:
        call.error(f"curl: (22) The requested URL returned error: {status}\n")
        return 22
    shown = (head + b"\r\n\r\n") if given.keys() & {"I", "head", "i", "include"} else b""
    shown += b"" if given.keys() & {"I", "head"} else body
    text = shown.decode("utf-8", "replace")
    target = _either(given, "o", "output")
    if target is None or target == "-":
        call.out(text)
    elif target != "/dev/null":
        path = call.shell.path(target)
        call.shell.check(path, 2)
        call.machine.guest.disk.write(path, text, owner=call.shell.user)
    if template := _either(given, "w", "write-out"):
        call.out(_written(template, body, status))
    return 0


def _written(template: str, body: bytes, status: int) -> str:
    from wizard.sandbox.fabric.shell.commands.builtins import unescape

    values = {"http_code": f"{status:03d}", "response_code": f"{status:03d}", "size_download": str(len(body)),
              "time_total": "0.001"}  # fmt: skip
    return re.sub(r"%\{(\w+)\}", lambda match: values.get(match[1], ""), unescape(template))


@command("nc", "ncat", "netcat")
async def nc(call: Call) -> int:
    try:
        given, operands = options.read(call.args[1:], "zvn4N", "wq")
    except options.UsageError as problem:
        return call.fail(str(problem))
    if len(operands) < 2 or not operands[1].isdigit():
        return call.fail("missing port number")
    host, port = operands[0], int(operands[1])
    address = _resolve(call.machine, host)
    if address is None:
        call.error(f'nc: getaddrinfo for host "{host}" port {port}: Name or service not known\n')
        return 1
    exchange = _Exchange()
    try:
        wire = _open(call.machine, address, port, exchange)
    except Dropped:
        await asyncio.sleep(float(given.get("w") or _CONNECT_SECONDS))
        call.error(f"nc: connect to {host} port {port} (tcp) timed out: Operation now in progress\n")
        return 1
    except Refused:
        call.error(f"nc: connect to {host} port {port} (tcp) failed: Connection refused\n")
        return 1
    if "v" in given:
        call.error(f"Connection to {host} {port} port [tcp/*] succeeded!\n")
    if "z" not in given:
        wire.write((await call.stdin.read()).encode())
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(exchange.arrived.wait(), float(given.get("w") or 5))
        call.out(bytes(exchange.received).decode("utf-8", "replace"))
    wire.close()
    return 0


@command("ping")
async def ping(call: Call) -> int:
    """ICMP answers are not modelled per rule: an address answers when its machine runs in the same network."""
    try:
        given, operands = options.read(call.args[1:], "qn4", "cWiw")
    except options.UsageError as problem:
        return call.fail(str(problem), 2)
    address = _resolve(call.machine, operands[0]) if operands else None
    if address is None:
        return call.fail(f"{operands[0] if operands else ''}: Name or service not known", 2)
    topology = call.machine.network.topology
    own = topology.by_vm.get(call.machine.guest.key, ())
    target = topology.find(own[0].subnet.vnet, address) if own else None
    count = min(int(given.get("c", "4")) if given.get("c", "4").isdigit() else 4, 20)
    alive = address.startswith("127.") or (target is not None and call.machine.network.running(target))
    call.out(f"PING {operands[0]} ({address}) 56(84) bytes of data.\n")
    for number in range(1, count + 1):
        if alive:
            call.out(f"64 bytes from {address}: icmp_seq={number} ttl=64 time=0.9 ms\n")
        await call.machine.pause(1.0)
    lost = 0 if alive else 100
    call.out(f"\n--- {operands[0]} ping statistics ---\n{count} packets transmitted, {count if alive else 0} received, "
             f"{lost}% packet loss\n")  # fmt: skip
    return 0 if alive else 1


@command("ss", "netstat")
async def ss(call: Call) -> int:
    call.out("State  Recv-Q Send-Q Local Address:Port Peer Address:Port\n")
    for address, port in call.machine.ports():
        shown = "0.0.0.0" if address == "*" else address  # noqa: S104 - text inside the machine
        call.out(f"LISTEN 0      511    {shown}:{port}      0.0.0.0:*\n")
    return 0
