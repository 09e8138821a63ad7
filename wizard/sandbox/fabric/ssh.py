"""A machine's SSH server: asyncssh over the virtual network, the machine's own users, keys and sshd configuration.

Every command runs in the machine's interpreter. Forwarding, agents and file transfer are not offered.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import TYPE_CHECKING, Any

from wizard.sandbox.fabric import sshdconfig
from wizard.sandbox.fabric.shell.interpreter import Shell
from wizard.sandbox.fabric.shell.session import Exhausted, LoopControl, ShellExit

if TYPE_CHECKING:
    import asyncssh

    from wizard.sandbox.fabric.machine import Machine

_LOGIN_SECONDS = 120  # sshd's LoginGraceTime
_PROTOCOL_ERROR = 2  # SSH_DISCONNECT_PROTOCOL_ERROR: what OpenSSH sends after too many failures


class SshService:
    """Makes one server connection after the other; host keys are read once."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._options: asyncssh.SSHServerConnectionOptions | None = None
        self._version = -1
        self.config: sshdconfig.SshdConfig | None = None
        self._sessions: set[asyncio.Task[None]] = set()

    def close(self) -> None:
        """The machine goes down: what runs in its sessions ends."""
        for session in list(self._sessions):
            if session is not asyncio.current_task():
                session.cancel()

    async def serve(self, process: asyncssh.SSHServerProcess[str]) -> None:
        """One session, for as long as its connection lasts."""
        task = asyncio.get_running_loop().create_task(_serve(self._machine, process))
        self._sessions.add(task)
        task.add_done_callback(self._sessions.discard)
        closed = asyncio.get_running_loop().create_task(process.wait_closed())
        await asyncio.wait((task, closed), return_when=asyncio.FIRST_COMPLETED)
        for one in (task, closed):
            one.cancel()
        await asyncio.gather(task, closed, return_exceptions=True)

    def settings(self) -> sshdconfig.SshdConfig:
        """The configuration as the machine's files have it now."""
        disk = self._machine.guest.disk
        if self.config is None or self._version != disk.version:
            self.config, self._version = sshdconfig.read(disk), disk.version
        return self.config

    def connection(self) -> asyncio.Protocol:
        """The protocol for a new connection to port 22."""
        import asyncssh

        if self._options is None:
            asyncssh.set_log_level("WARNING")  # below it, every command line would be logged, secrets and all
            guest = self._machine.guest
            keys = [asyncssh.import_private_key(text) for text in guest.host_keys.values()]
            self._options = asyncssh.SSHServerConnectionOptions(
                server_factory=lambda: _server(self._machine, self),
                server_host_keys=keys,
                process_factory=self.serve,
                server_version=guest.image.ssh_version,
                login_timeout=_LOGIN_SECONDS,
                kbdint_auth=False,
                host_based_auth=False,
                gss_host=None,
                agent_forwarding=False,
                x11_forwarding=False,
                compression_algs=None,
                errors="replace",
            )
        loop = asyncio.get_running_loop()
        return asyncssh.SSHServerConnection(loop, self._options)


def _server(machine: Machine, service: SshService) -> asyncssh.SSHServer:
    import asyncssh

    class Server(asyncssh.SSHServer):
        """One connection's authentication."""

        def __init__(self) -> None:
            self._failures = 0
            self._connection: asyncssh.SSHServerConnection | None = None
            self._user = ""

        def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
            self._connection = conn

        def begin_auth(self, username: str) -> bool:
            self._user = username
            return True

        def password_auth_supported(self) -> bool:
            return service.settings().password_login

        def public_key_auth_supported(self) -> bool:
            return service.settings().key_login

        def _failed(self) -> bool:
            self._failures += 1
            if self._failures >= service.settings().max_auth_tries and self._connection is not None:
                self._connection.disconnect(_PROTOCOL_ERROR, "Too many authentication failures")
            return False

        def _may(self, username: str, *, by_password: bool) -> bool:
            settings = service.settings()
            if username == "root" and (settings.root_login == "no" or (by_password and settings.root_login != "yes")):
                return False
            return not settings.allow_users or username in settings.allow_users

        async def validate_password(self, username: str, password: str) -> bool:
            good = await machine.guest.accounts.password_opens(username, password)
            if good and self._may(username, by_password=True) and service.settings().password_login:
                _note_login(machine, "password", username)
                return True
            machine.guest.record["auth_failures"] = machine.guest.record.get("auth_failures", 0) + 1
            return self._failed()

        def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
            accounts = machine.guest.accounts
            blob = key.export_public_key().decode("ascii").split()[1]
            known = any(blob in line.split() for line in accounts.keys(username).splitlines() if line[:1] != "#")
            if known and self._may(username, by_password=False) and not accounts.expired(username):
                return True
            return self._failed()

    return Server()


def _note_login(machine: Machine, how: str, user: str) -> None:
    machine.guest.record["last_login"] = {"user": user, "how": how, "at": time.time()}
    machine.guest.save_soon()


class _SessionInput:
    """A session's standard input."""

    def __init__(self, process: asyncssh.SSHServerProcess[str]) -> None:
        self._process = process

    async def read(self) -> str:
        return await self._process.stdin.read()

    async def readline(self) -> str:
        return await self._process.stdin.readline()


async def _serve(machine: Machine, process: asyncssh.SSHServerProcess[str]) -> None:
    """One exec or shell session."""
    import asyncssh

    user = str(process.get_extra_info("username"))
    shell = Shell(machine, user)
    source = _SessionInput(process)
    if process.term_type:
        shell.environment["TERM"] = process.term_type
    if process.subsystem:
        process.exit(1)
        return
    if machine.guest.accounts.get(user) is None:
        process.exit(1)
        return
    with contextlib.suppress(asyncssh.ConnectionLost, BrokenPipeError, ConnectionError):
        if process.command is not None:
            process.exit(await shell.script(process.command, source, process.stdout.write, process.stderr.write))
        else:
            process.exit(await _interactive(shell, process, source))


def _prompt(shell: Shell) -> str:
    where = shell.cwd
    if where == shell.home or where.startswith(shell.home + "/"):
        where = "~" + where[len(shell.home) :]
    return f"{shell.user}@{shell.machine.guest.hostname}:{where}{'#' if shell.user == 'root' else '$'} "


async def _interactive(shell: Shell, process: Any, source: _SessionInput) -> int:
    """Read, run, repeat, until `exit` or the end of input."""
    import asyncssh

    terminal = bool(process.term_type)
    guest = shell.machine.guest
    if terminal:
        process.stdout.write(f"Welcome to {guest.image.pretty} (GNU/Linux {guest.image.kernel} x86_64)\n\n")
    while True:
        if terminal:
            process.stdout.write(_prompt(shell))
        try:
            line = await source.readline()
        except asyncssh.BreakReceived:
            process.stdout.write("^C\n")
            continue
        except (asyncssh.SignalReceived, asyncssh.TerminalSizeChanged) as event:
            if isinstance(event, asyncssh.TerminalSizeChanged):
                continue
            line = ""
        if not line:
            if terminal:
                process.stdout.write("logout\n")
            return shell.status
        try:
            await shell.run(line, source, process.stdout.write, process.stderr.write)
        except ShellExit as ended:
            if terminal:
                process.stdout.write("logout\n")
            return ended.code
        except (LoopControl, asyncssh.BreakReceived):
            shell.status = 130
        except Exhausted:
            process.stderr.write("Killed\n")
            return 137
