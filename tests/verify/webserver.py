"""A web server with known manners, in a process of its own. Each connection belongs to one VM, as a balancer has it.

Reads one JSON object: `weights` of the VMs. Prints its port. Paths: / (a page), /nameless, /status/503, /reset,
/truncate, /garbage, /slow (0.3 s), /stall (from 0.5 to 1.3 s after the first request all wait).
"""

from __future__ import annotations

import asyncio
import itertools
import json
import socket
import struct
import sys
import time


def spread(weights: dict[str, int]) -> itertools.cycle[str]:
    return itertools.cycle([vm for vm, weight in weights.items() for _ in range(weight)])


class Web:
    def __init__(self, weights: dict[str, int]) -> None:
        self.turns = spread(weights)
        self.first: float | None = None

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        vm = next(self.turns)
        try:
            while await self.answer(vm, reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def answer(self, vm: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        first = await reader.readexactly(1)
        if first == b"\x16":  # a TLS handshake, which this server does not speak
            writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            return False
        head = (first + await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        path = head.split()[1]
        close = "connection: close" in head.lower()
        status, named, length, body = 200, f"X-Served-By: {vm}\r\n", 5, b"hello"
        if path == "/nameless":
            named = ""
        elif path.startswith("/status/"):
            status = int(path.rpartition("/")[2])
            if status == 204:  # by definition without a body
                length, body = 0, b""
        elif path == "/reset":
            sock = writer.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            return False
        elif path == "/truncate":
            length, close = 500, True
        elif path == "/garbage":
            writer.write(b"this is not HTTP\r\n\r\n")
            return False
        elif path == "/slow":
            await asyncio.sleep(0.3)
        elif path == "/stall":
            await self.stall()
        end = "Connection: close\r\n" if close else ""
        writer.write(f"HTTP/1.1 {status} X\r\n{named}{end}Content-Length: {length}\r\n\r\n".encode() + body)
        await writer.drain()
        return not close

    async def stall(self) -> None:
        self.first = self.first or time.monotonic()
        age = time.monotonic() - self.first
        if 0.5 <= age < 1.3:
            await asyncio.sleep(1.3 - age)


async def main() -> None:
    setup = json.loads(sys.stdin.readline())
    server = await asyncio.start_server(Web(setup["weights"]).serve, "127.0.0.1", 0, backlog=1000)
    sys.stdout.write(json.dumps({"port": server.sockets[0].getsockname()[1]}) + "\n")
    sys.stdout.flush()
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    server.close()


asyncio.run(main())
