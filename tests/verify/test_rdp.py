"""RDP: xrdp as a server nobody here wrote, and byte for byte what Windows answers in cases that xrdp does not have."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from wizard.verify import rdp
from wizard.verify.rdp import Certificate, Negotiated, Protocol, RdpFacts

NEGOTIATED = "0300 0013 0e d0 0000 1234 00 02 1f 0800"
REFUSED = "0300 0013 0e d0 0000 1234 00 03 00 0800"
HYBRID, HYBRID_EX, SSL = "02000000", "08000000", "01000000"


def wire(text: str) -> bytes:
    return bytes.fromhex(text.replace(" ", ""))


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A key and a certificate in one file, made by openssl."""
    folder = tmp_path_factory.mktemp("tls")
    command = "openssl req -x509 -newkey rsa:2048 -nodes -days 90 -subj /CN=web1 -keyout key.pem -out cert.pem"
    subprocess.run(command.split(), cwd=folder, check=True, capture_output=True)
    both = folder / "both.pem"
    both.write_text((folder / "key.pem").read_text() + (folder / "cert.pem").read_text())
    return both


def fingerprint(certificate: Path) -> str:
    """As openssl prints it."""
    command = ["openssl", "x509", "-in", str(certificate), "-noout", "-fingerprint", "-sha256"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


@asynccontextmanager
async def server(answers: Mapping[int, bytes | None], tls: Path | None = None) -> AsyncIterator[int]:
    """Answers a request by what it offers (None: hangs up), then speaks TLS. An offer not listed gets nothing."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            offered = int.from_bytes((await reader.readexactly(19))[15:], "little")
            if offered not in answers:
                await reader.read()
            elif (answer := answers[offered]) is not None:
                writer.write(answer)
                await writer.drain()
                if tls is not None:
                    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
                    context.load_cert_chain(tls)
                    await writer.start_tls(context)
                    await reader.read()
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with listening:
        yield listening.sockets[0].getsockname()[1]


ALL, ALONE = 11, 1  # TLS, HYBRID and HYBRID_EX together, and TLS alone


def test_the_request_is_what_the_specification_shows() -> None:
    assert rdp.request(Protocol.SSL | Protocol.HYBRID) == wire("0300 0013 0e e0 0000 0000 00 01 00 0800 03000000")


async def test_windows_that_requires_network_level_authentication(certificate: Path) -> None:
    answers = {ALL: wire(NEGOTIATED + HYBRID_EX), ALONE: wire(REFUSED + "05000000")}
    async with server(answers, certificate) as port:
        facts = await rdp.probe("127.0.0.1", port, 5)
    assert (facts.outcome, facts.protocol, facts.nla) == ("ok", Protocol.HYBRID_EX, "required")
    printed = fingerprint(certificate)
    assert facts.certificate is not None
    assert printed.strip().endswith(facts.certificate.sha256)
    assert facts.certificate.subject == "CN=web1"
    assert facts.certificate.self_signed
    assert facts.tls.startswith("TLSv1.")
    states = [(check.name, check.state) for check in rdp.judge("web1", facts, datetime.now(UTC))]
    assert states == [("rdp.answers", "passed"), ("rdp.certificate", "passed"), ("rdp.nla", "passed")]


async def test_windows_that_offers_it_and_lets_others_in(certificate: Path) -> None:
    answers = {ALL: wire(NEGOTIATED + HYBRID), ALONE: wire(NEGOTIATED + SSL)}
    async with server(answers, certificate) as port:
        facts = await rdp.probe("127.0.0.1", port, 5)
    assert (facts.protocol, facts.nla) == (Protocol.HYBRID, "offered")


@pytest.mark.parametrize(("code", "name"), sorted(rdp.FAILURES.items()))
async def test_failure_codes(code: int, name: str) -> None:
    refused = wire(REFUSED) + code.to_bytes(4, "little")
    async with server({ALL: refused, ALONE: refused}) as port:
        facts = await rdp.probe("127.0.0.1", port, 5)
    assert (facts.outcome, facts.protocol, facts.failure) == ("ok", None, name)
    assert name in facts.detail
    assert [check.state for check in rdp.judge("web1", facts, datetime.now(UTC))] == ["failed", "skipped", "skipped"]


async def test_an_old_server_that_does_not_negotiate() -> None:
    plain = wire("0300 000b 06 d0 0000 1234 00")
    async with server({ALL: plain, ALONE: plain}) as port:
        facts = await rdp.probe("127.0.0.1", port, 5)
    assert (facts.protocol, facts.nla, facts.certificate) == (Protocol.RDP, "not-offered", None)


@pytest.mark.parametrize(
    "answer",
    [
        b"SSH-2.0-OpenSSH_9.6p1 Ubuntu-3ubuntu13\r\n",
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        wire("0300 0013 0e f0 0000 1234 00 02 00 0800 02000000"),  # not a Connection Confirm
        wire("0300 0013 0e d0 0000 1234 00 07 00 0800 02000000"),  # no such negotiation
        wire("0300 0013 0e d0 0000 1234 00 02 00 0900 02000000"),  # a length that is not 8
        wire("0300 000f 0a d0 0000 1234 00 02 00 0800"),  # cut off inside
        wire("0300 ffff 0e d0"),
        wire("0300 0013 0e d0 00"),  # and then hangs up
    ],
)
async def test_garbage_is_no_rdp(answer: bytes) -> None:
    async with server({ALL: answer, ALONE: answer}) as port:
        facts = await rdp.probe("127.0.0.1", port, 1)
    assert facts.outcome == "not-rdp", facts.detail
    assert [check.state for check in rdp.judge("web1", facts, datetime.now(UTC))] == ["failed", "skipped", "skipped"]


async def test_silence_hanging_up_and_nobody_there() -> None:
    async with server({}) as port:
        began = time.monotonic()
        facts = await rdp.probe("127.0.0.1", port, 0.5)
        assert time.monotonic() - began < 3
    assert (facts.outcome, facts.detail) == ("silent", "it accepts the connection and does not answer within 0.5 s")
    async with server({ALL: None}) as port:
        assert (await rdp.probe("127.0.0.1", port, 5)).detail.endswith("hangs up without an answer")
    assert (await rdp.probe("127.0.0.1", port, 5)).outcome == "unreachable"


async def test_a_handshake_that_fails_is_told() -> None:
    async with server({ALL: wire(NEGOTIATED + SSL) + b"this is no TLS", ALONE: wire(NEGOTIATED + SSL)}) as port:
        facts = await rdp.probe("127.0.0.1", port, 2)
    assert (facts.outcome, facts.certificate) == ("ok", None)
    assert "its TLS handshake failed" in facts.detail


def test_both_answers_together_tell_of_network_level_authentication() -> None:
    assert rdp.network_level_authentication(Negotiated(Protocol.HYBRID), Negotiated(None, 5)) == "required"
    assert rdp.network_level_authentication(Negotiated(Protocol.HYBRID), Negotiated(None, 3)) == "offered"
    assert rdp.network_level_authentication(Negotiated(Protocol.SSL), Negotiated(Protocol.SSL)) == "not-offered"
    assert rdp.network_level_authentication(Negotiated(None, 2), Negotiated(None, 2)) == "unknown"


@pytest.mark.parametrize(("days", "state"), [(90, "passed"), (3, "warned"), (-1, "failed")])
def test_a_certificate_that_ends(days: int, state: str) -> None:
    now = datetime.now(UTC)
    shown = Certificate("CN=web1", "CN=web1", "AB:CD", now - timedelta(days=30), now + timedelta(days=days))
    facts = RdpFacts("ok", "", Protocol.HYBRID, nla="required", certificate=shown)
    assert {check.name: check.state for check in rdp.judge("web1", facts, now)}["rdp.certificate"] == state


@pytest.fixture
def xrdp(certificate: Path, tmp_path: Path) -> Iterator[int]:
    """Debian's xrdp on a port of its own, under a configuration of its own."""
    program = shutil.which("xrdp") or ("/usr/sbin/xrdp" if Path("/usr/sbin/xrdp").exists() else None)
    if program is None:
        pytest.skip("xrdp is not installed: apt-get install xrdp")
    with socket.socket() as stream:
        stream.bind(("127.0.0.1", 0))
        port = stream.getsockname()[1]
    folder = certificate.parent
    configuration = tmp_path / "xrdp.ini"
    configuration.write_text(
        f"[Globals]\nini_version=1\nfork=false\nport=tcp://127.0.0.1:{port}\nsecurity_layer=negotiate\n"
        f"certificate={folder / 'cert.pem'}\nkey_file={folder / 'key.pem'}\nssl_protocols=TLSv1.2, TLSv1.3\n"
        f"[Logging]\nLogFile={tmp_path / 'xrdp.log'}\nLogLevel=INFO\nEnableSyslog=0\nEnableConsole=0\n"
        "[Xorg]\nname=Xorg\nlib=libxup.so\nip=127.0.0.1\nport=-1\n"
    )
    process = subprocess.Popen(
        [program, "--nodaemon", "--config", configuration],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        until = time.monotonic() + 10
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            if process.poll() is not None or time.monotonic() > until:
                pytest.skip(f"xrdp does not start here (exit status {process.poll()})")
            time.sleep(0.05)
        yield port
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, 15)
        process.wait(10)


async def test_xrdp(xrdp: int, certificate: Path) -> None:
    facts = await rdp.probe("127.0.0.1", xrdp, 10)
    assert (facts.outcome, facts.protocol) == ("ok", Protocol.SSL), facts.detail
    assert facts.nla == "not-offered"
    assert facts.certificate is not None
    assert facts.certificate.subject == "CN=web1"
    assert [check.state for check in rdp.judge("web1", facts, datetime.now(UTC))] == ["passed", "passed", "warned"]
