"""RDP as evidence: what a server negotiates, the certificate it shows, and whether it wants a login before a session.

The first two messages of a connection are enough ([MS-RDPBCGR] 2.2.1.1 and 2.2.1.2): a client names the security
protocols it speaks in an X.224 Connection Request, and the server chooses one or says why not. A server that wants
network-level authentication refuses a client that offers TLS alone with HYBRID_REQUIRED_BY_SERVER. Nobody signs in and
nothing that authenticates is sent.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import struct
import time
from dataclasses import dataclass
from datetime import datetime
from enum import IntFlag
from typing import Literal

from wizard.verify.events import CheckDone, CheckState

TIMEOUT_S = 10.0
"""A Windows server under load takes seconds to its first answer."""

EXPIRES_SOON_DAYS = 14


class Protocol(IntFlag):
    """Security protocols, as both messages number them ([MS-RDPBCGR] 2.2.1.1.1)."""

    RDP = 0
    SSL = 1
    HYBRID = 2
    RDSTLS = 4
    HYBRID_EX = 8
    RDSAAD = 16


_NAMES = {
    Protocol.RDP: "standard RDP security",
    Protocol.SSL: "TLS",
    Protocol.HYBRID: "CredSSP (HYBRID)",
    Protocol.RDSTLS: "RDSTLS",
    Protocol.HYBRID_EX: "CredSSP (HYBRID_EX)",
    Protocol.RDSAAD: "Microsoft Entra ID (RDSAAD)",
}

FAILURES = {
    1: "SSL_REQUIRED_BY_SERVER",
    2: "SSL_NOT_ALLOWED_BY_SERVER",
    3: "SSL_CERT_NOT_ON_SERVER",
    4: "INCONSISTENT_FLAGS",
    5: "HYBRID_REQUIRED_BY_SERVER",
    6: "SSL_WITH_USER_AUTH_REQUIRED_BY_SERVER",
}
"""Why a server takes none of what was offered ([MS-RDPBCGR] 2.2.1.2.2)."""

_NLA = Protocol.HYBRID | Protocol.HYBRID_EX
_TLS_INSIDE = Protocol.SSL | _NLA | Protocol.RDSTLS | Protocol.RDSAAD

_TPKT = struct.Struct(">BBH")  # RFC 1006: version 3, reserved, length of all
_X224 = struct.Struct(">BBHHB")  # ITU-T X.224: length of what follows, TPDU code, two references, class
_NEGOTIATION = struct.Struct("<BBHI")  # type, flags, length 8, protocols or failure code
_REQUEST, _CONFIRM = 0xE0, 0xD0
_NEG_REQUEST, _NEG_RESPONSE, _NEG_FAILURE = 1, 2, 3
_LONGEST = 1024  # bytes of a Connection Confirm: 19 in practice


class NotRdpError(Exception):
    """What came is no X.224 Connection Confirm."""


@dataclass(frozen=True)
class Negotiated:
    """A server's answer: the protocol it chose, or the failure code it gave instead."""

    protocol: Protocol | None
    failure: int | None = None

    @property
    def failure_name(self) -> str:
        return FAILURES.get(self.failure, f"code {self.failure}") if self.failure is not None else ""


@dataclass(frozen=True)
class Certificate:
    """What the server shows. Windows makes its own: it is shown, not vouched for."""

    subject: str
    issuer: str
    sha256: str  # of the DER form, as `openssl x509 -fingerprint -sha256` prints it
    not_before: datetime
    not_after: datetime

    @property
    def self_signed(self) -> bool:
        return self.subject == self.issuer


NetworkLevelAuthentication = Literal["required", "offered", "not-offered", "unknown"]
Outcome = Literal["ok", "unreachable", "silent", "not-rdp"]


@dataclass(frozen=True)
class RdpFacts:
    """What one server showed.

    outcome      ok           it speaks RDP
                 unreachable  no TCP connection
                 silent       it accepted the connection and did not answer, or hung up
                 not-rdp      it answered something else
    protocol     what it chose when everything was offered; None when it gave `failure` instead
    nla          whether it wants network-level authentication
    certificate  None without TLS, or when the handshake failed (`detail` says why)
    """

    outcome: Outcome
    detail: str
    protocol: Protocol | None = None
    failure: str = ""
    nla: NetworkLevelAuthentication = "unknown"
    tls: str = ""
    certificate: Certificate | None = None
    seconds: float = 0.0

    @property
    def ok(self) -> bool:
        return self.outcome == "ok"


def request(offered: Protocol) -> bytes:
    """An X.224 Connection Request with an RDP Negotiation Request, without a cookie: 19 bytes."""
    negotiation = _NEGOTIATION.pack(_NEG_REQUEST, 0, _NEGOTIATION.size, offered)
    length = _X224.size - 1 + len(negotiation)
    return _TPKT.pack(3, 0, _TPKT.size + 1 + length) + _X224.pack(length, _REQUEST, 0, 0, 0) + negotiation


def confirm_length(head: bytes) -> int:
    """How many bytes follow a TPKT header. Raises NotRdpError when it is none."""
    version, _, length = _TPKT.unpack(head)
    if version != 3 or not _TPKT.size + _X224.size <= length <= _LONGEST:
        raise NotRdpError(f"the answer begins with {head.hex(' ')}, which is no RDP")
    return int(length) - _TPKT.size


def read_confirm(body: bytes) -> Negotiated:
    """Read a Connection Confirm behind its TPKT header. Raises NotRdpError when it is none.

    Without a negotiation in it (an old server, or one that does not negotiate) it means standard RDP security.
    """
    if len(body) < _X224.size:
        raise NotRdpError("the answer is too short for RDP")
    length, code, _, _, _ = _X224.unpack_from(body)
    if code & 0xF0 != _CONFIRM or length != len(body) - 1:
        raise NotRdpError(f"the answer's X.224 code is {code:#04x}, not {_CONFIRM:#04x}")
    rest = body[_X224.size :]
    if not rest:
        return Negotiated(Protocol.RDP)
    if len(rest) < _NEGOTIATION.size:
        raise NotRdpError("the answer's negotiation is cut off")
    kind, _, size, value = _NEGOTIATION.unpack_from(rest)
    if size != _NEGOTIATION.size or kind not in {_NEG_RESPONSE, _NEG_FAILURE}:
        raise NotRdpError(f"the answer's negotiation is of type {kind}")
    if kind == _NEG_FAILURE:
        return Negotiated(None, value)
    try:
        return Negotiated(Protocol(value))
    except ValueError:
        raise NotRdpError(f"the server chose a protocol that does not exist: {value:#x}") from None


async def probe(host: str, port: int, timeout: float = TIMEOUT_S) -> RdpFacts:
    """Negotiate twice (TLS alone, then everything) and shake hands once. Each connection has `timeout` seconds.

    Whatever the server does is in the result; nothing is raised for it.
    """
    began = time.perf_counter()

    def seconds() -> float:
        return time.perf_counter() - began

    try:
        everything = await _negotiate(host, port, Protocol.SSL | _NLA, timeout, handshake=True)
        tls_alone = await _negotiate(host, port, Protocol.SSL, timeout, handshake=False)
    except NotRdpError as error:
        return RdpFacts("not-rdp", str(error), seconds=seconds())
    except _SilentError as error:
        return RdpFacts("silent", str(error), seconds=seconds())
    except OSError as error:  # a TimeoutError while connecting is one
        why = error.strerror or str(error) or f"none within {timeout:g} s"
        return RdpFacts("unreachable", f"no connection: {why}", seconds=seconds())
    chosen = everything.negotiated
    return RdpFacts(
        "ok",
        _detail(everything),
        protocol=chosen.protocol,
        failure=chosen.failure_name,
        nla=network_level_authentication(chosen, tls_alone.negotiated),
        tls=everything.tls,
        certificate=everything.certificate,
        seconds=seconds(),
    )


def network_level_authentication(everything: Negotiated, tls_alone: Negotiated) -> NetworkLevelAuthentication:
    """What two answers say together: to a client that offers all, and to one that offers TLS alone."""
    if tls_alone.failure == 5:
        return "required"
    if everything.protocol is None:
        return "unknown"
    return "offered" if everything.protocol & _NLA else "not-offered"


class _SilentError(Exception):
    """The server accepted, and then said nothing."""


@dataclass(frozen=True)
class _Met:
    negotiated: Negotiated
    tls: str = ""
    certificate: Certificate | None = None
    handshake_problem: str = ""


async def _negotiate(host: str, port: int, offered: Protocol, timeout: float, *, handshake: bool) -> _Met:
    async with asyncio.timeout(timeout):
        reader, writer = await asyncio.open_connection(host, port)
    try:
        try:
            async with asyncio.timeout(timeout):
                writer.write(request(offered))
                await writer.drain()
                body = await reader.readexactly(confirm_length(await reader.readexactly(_TPKT.size)))
        except TimeoutError:
            raise _SilentError(f"it accepts the connection and does not answer within {timeout:g} s") from None
        except asyncio.IncompleteReadError as error:
            if error.partial:
                raise NotRdpError(f"the answer ends after {error.partial.hex(' ')}") from None
            raise _SilentError("it accepts the connection and hangs up without an answer") from None
        except ConnectionError:
            raise _SilentError("it resets the connection without an answer") from None
        negotiated = read_confirm(body)
        if not handshake or not (negotiated.protocol or 0) & _TLS_INSIDE:
            return _Met(negotiated)
        return await _shake_hands(writer, negotiated, timeout)
    finally:
        writer.transport.abort()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


async def _shake_hands(writer: asyncio.StreamWriter, negotiated: Negotiated, timeout: float) -> _Met:
    try:
        async with asyncio.timeout(timeout):
            await writer.start_tls(any_certificate())
    except (OSError, ssl.SSLError) as error:  # TimeoutError and CertificateError are of these
        why = getattr(error, "reason", None) or error.strerror or str(error) or f"no end within {timeout:g} s"
        return _Met(negotiated, handshake_problem=str(why))
    shown = writer.get_extra_info("ssl_object")
    der = shown.getpeercert(binary_form=True)
    return _Met(negotiated, str(shown.version() or ""), read_certificate(der) if der else None)


def any_certificate() -> ssl.SSLContext:
    """Nobody vouches for what a Windows server makes for itself: it is shown to a person instead."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def read_certificate(der: bytes) -> Certificate:
    """A certificate's facts from its DER form."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes

    found = x509.load_der_x509_certificate(der)
    return Certificate(
        found.subject.rfc4514_string(),
        found.issuer.rfc4514_string(),
        found.fingerprint(hashes.SHA256()).hex(":").upper(),
        found.not_valid_before_utc,
        found.not_valid_after_utc,
    )


def _detail(met: _Met) -> str:
    if met.negotiated.protocol is None:
        return f"the server refuses every protocol offered: {met.negotiated.failure_name}"
    told = f"the server chose {_NAMES.get(met.negotiated.protocol, str(met.negotiated.protocol))}"
    if met.handshake_problem:
        return f"{told}, but its TLS handshake failed: {met.handshake_problem}"
    return f"{told} over {met.tls}" if met.tls else told


def judge(target: str, facts: RdpFacts, now: datetime) -> list[CheckDone]:
    """What the facts are worth."""
    if not facts.ok or facts.protocol is None:
        return [
            CheckDone("rdp.answers", target, "failed", facts.detail),
            *(CheckDone(name, target, "skipped", "it needs an answer") for name in ("rdp.certificate", "rdp.nla")),
        ]
    return [
        CheckDone("rdp.answers", target, "passed", f"{facts.detail} in {facts.seconds:.1f} s"),
        CheckDone("rdp.certificate", target, *_certificate(facts, now)),
        CheckDone("rdp.nla", target, *_nla(facts)),
    ]


def _certificate(facts: RdpFacts, now: datetime) -> tuple[CheckState, str]:
    shown = facts.certificate
    if shown is None:
        return "failed", facts.detail if facts.protocol else "standard RDP security shows no certificate"
    signed = "signed by itself" if shown.self_signed else f"signed by {shown.issuer}"
    told = f"{shown.subject}, {signed}, SHA-256 {shown.sha256}, valid {shown.not_before:%Y-%m-%d} to "
    told += f"{shown.not_after:%Y-%m-%d}"
    if not shown.not_before <= now <= shown.not_after:
        return "failed", f"{told}: not valid now"
    days = (shown.not_after - now).days
    return ("warned", f"{told}: ends in {days} days") if days < EXPIRES_SOON_DAYS else ("passed", told)


def _nla(facts: RdpFacts) -> tuple[CheckState, str]:
    match facts.nla:
        case "required":
            return "passed", "network-level authentication is required"
        case "offered":
            return "warned", "network-level authentication is offered, but a client without it is let in too"
        case "not-offered":
            return "warned", "network-level authentication is not offered: who connects sees the sign-in screen"
        case _:
            return "skipped", "whether network-level authentication is required is not known"
