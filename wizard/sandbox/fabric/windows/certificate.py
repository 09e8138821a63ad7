"""The certificate that Windows makes for Remote Desktop by itself: RSA 2048, CN the computer's name, half a year."""

from __future__ import annotations

import datetime
import os
import ssl
import tempfile
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

DAYS = 183


def make(computer: str) -> dict[str, str]:
    """`key` and `certificate` as PEM. Costs about 0.1 s of CPU, for the key."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, computer)])
    begins = datetime.datetime.now(datetime.UTC) - datetime.timedelta(minutes=5)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(begins + datetime.timedelta(days=DAYS))
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return {"key": private.decode(), "certificate": certificate.public_bytes(serialization.Encoding.PEM).decode()}


def der(kept: dict[str, str]) -> bytes:
    """The certificate as it goes over the wire."""
    found = x509.load_pem_x509_certificate(kept["certificate"].encode())
    return found.public_bytes(serialization.Encoding.DER)


def public_key(kept: dict[str, str]) -> bytes:
    """SubjectPublicKey of the certificate, as CredSSP binds itself to it: for RSA, PKCS #1."""
    key = x509.load_pem_x509_certificate(kept["certificate"].encode()).public_key()
    assert isinstance(key, rsa.RSAPublicKey), "made here"
    return key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.PKCS1)


def context(kept: dict[str, str]) -> ssl.SSLContext:
    """What answers a TLS handshake. Python's ssl takes a key from a file only: that file lives for the call."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    descriptor, path = tempfile.mkstemp(prefix="rdp-", suffix=".pem")  # mode 0600
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(kept["key"] + kept["certificate"])
        made.load_cert_chain(path)
    finally:
        Path(path).unlink(missing_ok=True)
    return made
