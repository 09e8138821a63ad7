"""One SSH login as evidence: what the server is, what it said to a credential, and what a command printed there.

Written on paramiko's Transport and not its SSHClient, because here nothing may be guessed: no agent, no keys found in
home folders, no policy that adds an unknown host key. The order is what protects a password: the connection is
encrypted, the host key is compared with what Azure told, and only then is anything sent that authenticates. An
impostor learns neither the user's name nor a byte of the password.

A refusal is evidence too (an old password must be *refused*, not merely unanswered), so the two are kept apart:
`refused` is SSH_MSG_USERAUTH_FAILURE (RFC 4252, 5.1) and nothing else. paramiko raises AuthenticationException for a
lost connection and for a time-out as well; see `_Verdict`.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
import time
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import SecretStr

from wizard.errors import InputError

if TYPE_CHECKING:
    import paramiko

Outcome = Literal["ok", "refused", "wrong-host-key", "unreachable", "unclear"]

CONNECT_S = 10.0
BANNER_S = 10.0
HANDSHAKE_S = 15.0
AUTH_S = 30.0
"""sshd waits about 2 s after a wrong password (pam_faildelay), and looks the client's name up before it answers."""
COMMAND_S = 20.0

SIDE_BY_SIDE = 32
"""Logins at one time. paramiko needs a thread each beside ours; 200 VMs pass through in seven turns."""

WEAK_ALGORITHMS = {
    "ciphers": ["aes128-cbc", "aes192-cbc", "aes256-cbc", "3des-cbc"],
    "macs": ["hmac-sha1", "hmac-md5", "hmac-sha1-96", "hmac-md5-96"],
    "kex": ["diffie-hellman-group14-sha1", "diffie-hellman-group-exchange-sha1", "diffie-hellman-group1-sha1"],
    "keys": ["ssh-rsa", "ssh-dss"],
    "pubkeys": ["ssh-rsa", "ssh-dss"],
}
"""CBC modes, SHA-1 and MD5. paramiko 5 still offers the first two lines by itself; a later one may drop more."""

_MOST_OUTPUT = 64 * 1024

Credential = SecretStr | Path
"""A password, or the file of a private key."""


@dataclass(frozen=True)
class HostKey:
    """A server's key as OpenSSH names it: `ssh-ed25519` and `SHA256:...` without padding."""

    type: str
    fingerprint: str


@dataclass(frozen=True)
class LoginResult:
    """What one connection showed.

    outcome   ok              the server let the credential in (and `output` holds what the command printed)
              refused         the server said no to this user and credential, or does not take such a credential
              wrong-host-key  the server is not the pinned one; nothing was sent that authenticates
              unreachable     no SSH server was met: connection, banner or key exchange failed
              unclear         an SSH server was met, but it said neither yes nor no
    """

    outcome: Outcome
    detail: str
    host_key: HostKey | None = None
    offered: tuple[str, ...] = ()  # what the server takes instead, when it does not take this kind of credential
    output: str = ""
    exit_status: int | None = None
    seconds: float = 0.0

    @property
    def ok(self) -> bool:
        return self.outcome == "ok"


async def login(
    host: str,
    port: int,
    user: str,
    credential: Credential,
    *,
    pinned: Collection[HostKey],
    command: str = "hostname",
) -> LoginResult:
    """Log in with one credential at a server whose key is among `pinned`, and run one command there.

    Raises InputError when `credential` is a key file that cannot be used; whatever the server does is in the result.
    """
    key = load_key(credential) if isinstance(credential, Path) else None
    secret = credential if isinstance(credential, SecretStr) else None

    def ask(interactively: bool) -> Callable[[_Connection], LoginResult]:
        def work(connection: _Connection) -> LoginResult:
            if connection.host_key not in pinned:
                return connection.result("wrong-host-key", _wrong_key_detail(connection.host_key, pinned))
            result = connection.authenticate(user, key, secret, interactively)
            return connection.run(command, result.detail) if result.ok else result

        return work

    result = await _in_thread(host, port, ask(interactively=False))
    if secret is not None and result.outcome == "refused" and "keyboard-interactive" in result.offered:
        # The password has not been looked at yet: a server that takes passwords by PAM alone would seem to refuse one
        # that it accepts. On a connection of its own, since asyncssh (rightly, RFC 4253, 10) ends one on which
        # paramiko asks for the authentication service a second time.
        return await _in_thread(host, port, ask(interactively=True))
    return result


async def meet(host: str, port: int) -> LoginResult:
    """The key that a server proves to hold, without signing in: outcome `ok` and `host_key`, or why not."""
    return await _in_thread(host, port, lambda connection: connection.result("ok", "answered"))


def load_key(path: Path) -> paramiko.PKey:
    """Read a private key file; InputError when it is missing, no key, or protected by a passphrase."""
    import paramiko

    remedy = "Name another private key with --identity, or leave it out to use the one this deployment was made with."
    try:
        return paramiko.PKey.from_path(path)
    except FileNotFoundError:
        raise InputError(f"There is no private key file {path}.", "", remedy) from None
    except (paramiko.PasswordRequiredException, TypeError):  # TypeError: cryptography's word for a missing passphrase
        raise InputError(
            f"The private key {path} is protected by a passphrase.", "It cannot be asked for here.", remedy
        ) from None
    except Exception as error:  # whatever paramiko and cryptography make of a broken file
        raise InputError(f"{path} is not a private key that can be used.", f"{error}", remedy) from None


def _wrong_key_detail(shown: HostKey | None, pinned: Collection[HostKey]) -> str:
    told = ", ".join(sorted(f"{key.type} {key.fingerprint}" for key in pinned)) or "no key at all"
    seen = f"{shown.type} {shown.fingerprint}" if shown else "no key"
    return f"the server shows {seen}, but the VM told {told}; nothing was sent that authenticates"


class _Verdict(threading.Event):
    """paramiko sets this once authentication ends, by the server's word or by the connection's death.

    Only at that moment the two can be told apart: the connection is still active when the server has spoken. A moment
    later a server that refuses and then hangs up looks as if it had only hung up.
    """

    def __init__(self, transport: paramiko.Transport) -> None:
        super().__init__()
        self._transport = transport
        self.server_spoke = False

    def set(self) -> None:
        self.server_spoke = self._transport.is_active()
        super().set()


@dataclass
class _Connection:
    """A connection after key exchange, before authentication."""

    transport: paramiko.Transport
    host_key: HostKey
    began: float = field(default_factory=time.perf_counter)

    def result(self, outcome: Outcome, detail: str, **more: Any) -> LoginResult:
        return LoginResult(outcome, detail, self.host_key, seconds=time.perf_counter() - self.began, **more)

    def authenticate(
        self, user: str, key: paramiko.PKey | None, secret: SecretStr | None, interactively: bool
    ) -> LoginResult:
        """Ask once, with one credential."""
        import paramiko
        from paramiko.auth_handler import AuthHandler

        verdict = _Verdict(self.transport)
        if key is not None:
            self.transport.auth_publickey(user, key, verdict)
            return self._heard(verdict, "the key")
        assert secret is not None
        password = secret.get_secret_value()
        if not interactively:
            self.transport.auth_password(user, password, verdict, fallback=False)
            return self._heard(verdict, "the password")

        def answer(_title: str, _instructions: str, prompts: list[tuple[str, bool]]) -> list[str]:
            if len(prompts) > 1:
                raise paramiko.SSHException("more than a password is asked for")
            return [password for _ in prompts]

        # Transport.auth_interactive takes no event and cannot tell a refusal from a lost connection.
        self.transport.auth_handler = AuthHandler(self.transport)
        self.transport.auth_handler.auth_interactive(user, answer, verdict)
        return self._heard(verdict, "the password (keyboard-interactive)")

    def _heard(self, verdict: _Verdict, what: str) -> LoginResult:
        import paramiko
        from paramiko.ssh_exception import PartialAuthentication

        if not verdict.wait(AUTH_S):
            return self.result("unclear", f"the server did not answer to {what} within {AUTH_S:.0f} s")
        if self.transport.is_authenticated():
            return self.result("ok", f"{what} was accepted")
        error = self.transport.get_exception()
        if isinstance(error, paramiko.BadAuthenticationType):
            offered = tuple(error.allowed_types)
            detail = f"{what} was refused: the server takes only {', '.join(offered) or 'nothing'}"
            return self.result("refused", detail, offered=offered)
        if isinstance(error, PartialAuthentication):
            return self.result("unclear", f"{what} was accepted, but the server wants more than that")
        if verdict.server_spoke:
            return self.result("refused", f"{what} was refused")
        return self.result("unclear", f"the connection was lost before the server answered to {what}")

    def run(self, command: str, detail: str) -> LoginResult:
        """Run one command; its output counts only when it ended by itself."""
        import paramiko

        try:
            channel = self.transport.open_session(timeout=COMMAND_S)
            channel.settimeout(COMMAND_S)
            channel.exec_command(command)
            output = channel.makefile("rb").read(_MOST_OUTPUT)
            # recv_exit_status would wait for ever for a server that never says
            ended = channel.status_event.wait(COMMAND_S)
            status = channel.recv_exit_status() if ended else None
            channel.close()
        except (paramiko.SSHException, OSError, EOFError) as error:
            return self.result(
                "unclear", f"{detail}, but {command!r} could not be run: {error or type(error).__name__}"
            )
        if status is None:
            return self.result("unclear", f"{detail}, but {command!r} did not end within {COMMAND_S:.0f} s")
        text = output.decode("utf-8", "replace").strip()
        return self.result("ok", detail, output=text, exit_status=status)


Work = Callable[[_Connection], LoginResult]

_pool: ThreadPoolExecutor | None = None


def _threads() -> ThreadPoolExecutor:
    """Our own: the loop's default pool has few threads, and whoever else uses it would wait for slow logins."""
    global _pool  # noqa: PLW0603 - made at the first login, since most commands never log in
    if _pool is None:
        _pool = ThreadPoolExecutor(SIDE_BY_SIDE, thread_name_prefix="ssh")
    return _pool


class _Socket:
    """A thread's socket, which another thread may shut: before it is there, too."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: socket.socket | None = None
        self._shut = False

    def opened(self, stream: socket.socket) -> None:
        with self._lock:
            self._open = stream
            if self._shut:
                stream.shutdown(socket.SHUT_RDWR)

    def shut(self) -> None:
        with self._lock, contextlib.suppress(OSError):  # closed by its thread already
            self._shut = True
            if self._open is not None:
                self._open.shutdown(socket.SHUT_RDWR)


async def _in_thread(host: str, port: int, work: Work) -> LoginResult:
    """Connect and work in a thread; when the caller is cancelled the socket is shut, so that the thread ends soon."""
    held = _Socket()
    running = asyncio.get_running_loop().run_in_executor(_threads(), _connect_and, host, port, work, held)
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        running.cancel()
        held.shut()
        raise


def _connect_and(host: str, port: int, work: Work, held: _Socket) -> LoginResult:
    import paramiko

    _silence()
    began = time.perf_counter()
    try:
        stream = socket.create_connection((host, port), timeout=CONNECT_S)
    except OSError as error:
        return LoginResult(
            "unreachable", f"no connection: {error.strerror or error}", seconds=time.perf_counter() - began
        )
    transport = paramiko.Transport(stream, disabled_algorithms=WEAK_ALGORITHMS)
    try:
        held.opened(stream)
        transport.banner_timeout, transport.handshake_timeout = BANNER_S, HANDSHAKE_S
        transport.start_client(timeout=BANNER_S + HANDSHAKE_S)
        if not transport.initial_kex_done:  # start_client returns without a word when its time is over
            return LoginResult("unreachable", "no key exchange in time", seconds=time.perf_counter() - began)
        shown = transport.get_remote_server_key()
        key = HostKey(shown.get_name(), shown.fingerprint)
        return work(_Connection(transport, key, began))
    except (paramiko.SSHException, OSError, EOFError) as error:
        seconds = time.perf_counter() - began
        return LoginResult("unreachable", f"no SSH: {error or type(error).__name__}", seconds=seconds)
    finally:
        transport.close()
        stream.close()


def _silence() -> None:
    """paramiko logs what it exchanges; nothing of that belongs on a person's screen or in a file."""
    import logging

    logging.getLogger("paramiko").setLevel(logging.CRITICAL + 1)
