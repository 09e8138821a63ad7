"""An SSH server of asyncssh in a process of its own, which writes down what it was asked.

In its own process because asyncssh works in the loop's default executor, which paramiko logins of the same process
would starve. Reads one JSON object from standard input, prints `{"port": ...}`, and then one line per question:
`{"asked": "password", "user": ..., "length": ...}`; never a password itself.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Sequence
from typing import Any

import asyncssh


def tell(**fact: Any) -> None:
    sys.stdout.write(json.dumps(fact) + "\n")
    sys.stdout.flush()


class Server(asyncssh.SSHServer):
    def __init__(self, setup: dict[str, Any]) -> None:
        self.setup = setup

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self.connection = conn
        tell(met=True)

    def begin_auth(self, username: str) -> bool:
        tell(asked="begin", user=username)
        return True

    def password_auth_supported(self) -> bool:
        return bool(self.setup.get("password_login", True))

    def validate_password(self, username: str, password: str) -> bool:
        tell(asked="password", user=username, length=len(password))
        if self.setup.get("hang_up"):
            self.connection.abort()
        return bool(self.setup["users"].get(username) == password)

    def kbdint_auth_supported(self) -> bool:
        return bool(self.setup.get("keyboard_interactive", False))

    def get_kbdint_challenge(self, username: str, lang: str, submethods: str) -> Any:
        return "", "", "", [("Password: ", False)]

    def validate_kbdint_response(self, username: str, responses: Sequence[str]) -> bool:
        tell(asked="keyboard-interactive", user=username)
        return bool(self.setup["users"].get(username) == responses[0])


async def run_command(process: asyncssh.SSHServerProcess[str], setup: dict[str, Any]) -> None:
    process.stdout.write(setup.get("hostname", "vm1") + "\n" if process.command == "hostname" else "")
    process.exit(0)


async def main() -> None:
    setup = json.loads(sys.stdin.readline())
    key = asyncssh.generate_private_key("ssh-ed25519")
    listener = await asyncssh.create_server(
        lambda: Server(setup),
        "127.0.0.1",
        0,
        server_host_keys=[key],
        process_factory=lambda process: run_command(process, setup),
        login_timeout=20,
    )
    tell(port=listener.get_port(), type="ssh-ed25519", fingerprint=key.get_fingerprint())
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)  # until the test closes our input
    listener.close()


asyncio.run(main())
