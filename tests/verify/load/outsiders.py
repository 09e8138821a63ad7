"""Servers that nobody here wrote: nginx and haproxy as subprocesses on loopback, and certificates for them."""

from __future__ import annotations

import datetime
import ipaddress
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.verify.servers import free_port

NGINX = shutil.which("nginx") or ("/usr/sbin/nginx" if Path("/usr/sbin/nginx").exists() else None)
HAPROXY = shutil.which("haproxy") or ("/usr/sbin/haproxy" if Path("/usr/sbin/haproxy").exists() else None)

NGINX_HEAD = """
{user} worker_processes 1; daemon off; pid {folder}/nginx.pid; error_log {folder}/error.log;
events {{ worker_connections 1024; }}
http {{
  access_log {folder}/access.log; default_type text/plain;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
"""


@contextmanager
def running(command: list[str], ports: list[int], log: Path) -> Iterator[None]:
    with log.open("wb") as said:
        process = subprocess.Popen(command, stdout=said, stderr=said)
    try:
        until = time.monotonic() + 20
        for port in ports:
            while True:
                try:
                    socket.create_connection(("127.0.0.1", port), timeout=1).close()
                    break
                except OSError:
                    if process.poll() is not None or time.monotonic() > until:
                        raise RuntimeError(log.read_text()) from None
                    time.sleep(0.01)
        yield
    finally:
        process.terminate()
        process.wait(timeout=10)


@contextmanager
def nginx(folder: Path, servers: str, ports: list[int]) -> Iterator[None]:
    """`servers` are the `server { ... }` blocks; answers are logged in FOLDER/access.log."""
    assert NGINX is not None
    user = "user root;" if os.geteuid() == 0 else ""  # its worker must read pytest's folder
    config = folder / "nginx.conf"
    config.write_text(NGINX_HEAD.format(folder=folder, user=user) + servers + "\n}\n")
    with running([NGINX, "-c", str(config), "-e", str(folder / "error.log")], ports, folder / "nginx.out"):
        yield


@contextmanager
def haproxy(folder: Path, sections: str, ports: list[int]) -> Iterator[None]:
    assert HAPROXY is not None
    config = folder / "haproxy.cfg"
    limits = "timeout connect 2s\n timeout client 30s\n timeout server 30s"
    config.write_text(f"global\n maxconn 500\ndefaults\n mode http\n {limits}\n{sections}\n")
    with running([HAPROXY, "-db", "-f", str(config)], ports, folder / "haproxy.out"):
        yield


@dataclass(frozen=True)
class Certificates:
    """PEM files: an authority's certificate, and servers' certificates with their keys."""

    authority: Path
    good: tuple[Path, Path]
    expired: tuple[Path, Path]
    other_name: tuple[Path, Path]


def certificates(folder: Path) -> Certificates:
    """An authority of our own, and what it signed for 127.0.0.1: a good one, an expired one, one for another host."""
    now = datetime.datetime.now(datetime.UTC)
    day = datetime.timedelta(days=1)
    authority_key = ec.generate_private_key(ec.SECP256R1())
    authority_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Test authority")])

    def builder(name: x509.Name, key: ec.EllipticCurvePrivateKey, until: datetime.datetime) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(authority_name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - 10 * day)
            .not_valid_after(until)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        )

    # Key identifiers and key usage: from Python 3.13 on the default context is strict about RFC 5280.
    usage = dict.fromkeys(
        (
            *("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement"),
            *("crl_sign", "encipher_only", "decipher_only"),
        ),
        False,
    )
    authority = (
        builder(authority_name, authority_key, now + day)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.KeyUsage(key_cert_sign=True, **usage), critical=True)
        .sign(authority_key, hashes.SHA256())
    )
    (folder / "ca.pem").write_bytes(authority.public_bytes(serialization.Encoding.PEM))

    def server(file: str, names: list[x509.GeneralName], until: datetime.datetime) -> tuple[Path, Path]:
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, file)])
        signed = (
            builder(name, key, until)
            .add_extension(x509.SubjectAlternativeName(names), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key()), critical=False
            )
            .sign(authority_key, hashes.SHA256())
        )
        paths = folder / f"{file}.pem", folder / f"{file}.key"
        paths[0].write_bytes(signed.public_bytes(serialization.Encoding.PEM))
        paths[1].write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        return paths

    here: list[x509.GeneralName] = [x509.IPAddress(ipaddress.ip_address("127.0.0.1")), x509.DNSName("localhost")]
    return Certificates(
        folder / "ca.pem",
        server("good", here, now + day),
        server("expired", here, now - day),
        server("other", [x509.DNSName("elsewhere.example")], now + day),
    )


def ports(count: int) -> list[int]:
    return [free_port() for _ in range(count)]
