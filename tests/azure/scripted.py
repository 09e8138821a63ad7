"""An ARM endpoint and token authority over TLS that answers as a test writes down: what a healthy cloud never says."""

from __future__ import annotations

import asyncio
import base64
import ipaddress
import json
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from wizard.azure.clouds import Cloud

TENANT = "11111111-2222-3333-4444-555555555555"
SUBSCRIPTION = "99999999-8888-7777-6666-555555555555"
SECRET = "a-client-secret-of-the-scripted-cloud"

Answer = Callable[[web.Request], web.StreamResponse]


@dataclass
class Scripted:
    """Answers by `METHOD /path` (lower case, without the query); what is not written down is ARM's 404."""

    url: str = ""
    ca: Path = Path()
    secret_file: Path = Path()
    answers: dict[str, Answer] = field(default_factory=dict)
    seen: list[str] = field(default_factory=list)
    connections: set[tuple[str, int]] = field(default_factory=set)
    transports: set[asyncio.BaseTransport] = field(default_factory=set)

    def on(self, request: str, body: Any, status: int = 200, **headers: str) -> None:
        """Answer a request with JSON."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.answers[request.lower()] = lambda _request: web.json_response(body, status=status, headers=named)

    def refuse(self, request: str, status: int, code: str, message: str, **more: Any) -> None:
        """Answer a request with ARM's error body."""
        self.on(request, {"error": {"code": code, "message": message, **more}}, status)

    @property
    def cloud(self) -> Cloud:
        return Cloud(
            name=self.url,
            arm=self.url,
            authority=self.url,
            audience=self.url,
            poll_floor_s=0.05,
            ca=self.ca,
            tenant=TENANT,
            client_id="a-client",
            client_secret_file=self.secret_file,
            subscription=SUBSCRIPTION,
            validate_authority=False,
        )

    async def handle(self, request: web.Request) -> web.StreamResponse:
        key = f"{request.method} {request.path}".lower()
        self.seen.append(key)
        assert request.transport is not None
        self.connections.add(request.transport.get_extra_info("peername"))
        self.transports.add(request.transport)
        if answer := self.answers.get(key):
            return answer(request)
        return web.json_response({"error": {"code": "ResourceNotFound", "message": f"no {request.path}"}}, status=404)

    def token(self, _request: web.Request) -> web.StreamResponse:
        claims = base64.urlsafe_b64encode(json.dumps({"tid": TENANT}).encode()).decode().rstrip("=")
        return web.json_response(
            {"token_type": "Bearer", "expires_in": 3600, "access_token": f"eyJhbGciOiJub25lIn0.{claims}.sig"}
        )


@asynccontextmanager
async def serve(folder: Path) -> AsyncIterator[Scripted]:
    """Run one on 127.0.0.1 with a fresh certificate."""
    script = Scripted(ca=folder / "ca.pem", secret_file=folder / "secret")
    script.secret_file.write_text(SECRET)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(_certificate(script.ca))
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", script.handle)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context)
    await site.start()
    script.url = f"https://127.0.0.1:{runner.addresses[0][1]}"
    root = f"{script.url}/{TENANT}"
    openid = {
        "token_endpoint": f"{root}/oauth2/v2.0/token",
        "authorization_endpoint": f"{root}/oauth2/v2.0/authorize",
        "issuer": f"{root}/v2.0",
    }
    script.on(f"GET /{TENANT}/v2.0/.well-known/openid-configuration", openid)
    script.answers[f"post /{TENANT}/oauth2/v2.0/token"] = script.token
    try:
        yield script
    finally:
        for transport in script.transports:  # a client in a thread says no goodbye that a server could wait for
            transport.abort()  # type: ignore[attr-defined]
        await runner.cleanup()


def _certificate(path: Path) -> Path:
    """A self-signed certificate for 127.0.0.1, and its key, in one file that is its own authority's too."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "scripted")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    both = path.with_name("server.pem")
    both.write_bytes(path.read_bytes() + private)
    return both
