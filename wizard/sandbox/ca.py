"""The sandbox's own certificate authority: made at first start, trusted by nobody but who is told of it.

Both certificates have what strict verification asks for (Python 3.13 sets VERIFY_X509_STRICT): key identifiers, key
usage, basic constraints and a subject alternative name.
"""

from __future__ import annotations

import datetime
import ipaddress
import ssl
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from wizard.home import write_atomically

CA_LIFE = datetime.timedelta(days=3650)
SERVER_LIFE = datetime.timedelta(days=397)  # what browsers and Apple's trust evaluation take at most is 398
RENEW_BEFORE = datetime.timedelta(days=30)
_SKEW = datetime.timedelta(hours=1)


@dataclass(frozen=True)
class Certificates:
    """Where the files are: the authority's certificate for clients, the server's chain and key for the server."""

    authority: Path
    bundle: Path  # the system's authorities and ours, for programs that take one file for all
    chain: Path
    key: Path

    def server_context(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.load_cert_chain(self.chain, self.key)
        return context


def prepare(folder: Path, address: str) -> Certificates:
    """Make what is missing and renew what is old; `address` is the one that the server listens at."""
    files = Certificates(folder / "ca.pem", folder / "ca-bundle.pem", folder / "server.pem", folder / "server.key")
    ca_key_file = folder / "ca.key"
    ca = _load(files.authority)
    if ca is None or not ca_key_file.is_file() or _old(ca):
        ca_key = ec.generate_private_key(ec.SECP256R1())
        ca = _make_authority(ca_key)
        write_atomically(ca_key_file, _pem(ca_key))
        write_atomically(files.authority, ca.public_bytes(serialization.Encoding.PEM), mode=0o644)
        files.chain.unlink(missing_ok=True)
    server = _load(files.chain)
    if server is None or not files.key.is_file() or _old(server) or not _names(server, address):
        loaded = serialization.load_pem_private_key(ca_key_file.read_bytes(), password=None)
        assert isinstance(loaded, ec.EllipticCurvePrivateKey)
        server_key = ec.generate_private_key(ec.SECP256R1())
        server = _make_server(server_key, ca, loaded, address)
        write_atomically(files.key, _pem(server_key))
        write_atomically(files.chain, server.public_bytes(serialization.Encoding.PEM), mode=0o644)
    write_atomically(files.bundle, _system_authorities() + files.authority.read_bytes(), mode=0o644)
    return files


def _make_authority(key: ec.EllipticCurvePrivateKey) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "multivm-wizard sandbox CA")])
    return (
        _builder(name, name, key, CA_LIFE)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(key_cert_sign=True, crl_sign=True), critical=True)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )


def _make_server(
    key: ec.EllipticCurvePrivateKey, ca: x509.Certificate, ca_key: ec.EllipticCurvePrivateKey, address: str
) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "multivm-wizard sandbox")])
    names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address)), x509.DNSName("localhost")])
    return (
        _builder(name, ca.subject, key, SERVER_LIFE)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(digital_signature=True), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(names, critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key()), critical=False)
        .sign(ca_key, hashes.SHA256())
    )


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, life: datetime.timedelta
) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _SKEW)
        .not_valid_after(now + life)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _usage(*, digital_signature: bool = False, key_cert_sign: bool = False, crl_sign: bool = False) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=digital_signature,
        key_cert_sign=key_cert_sign,
        crl_sign=crl_sign,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _load(path: Path) -> x509.Certificate | None:
    try:
        return x509.load_pem_x509_certificate(path.read_bytes())
    except (OSError, ValueError):
        return None


def _old(certificate: x509.Certificate) -> bool:
    return certificate.not_valid_after_utc < datetime.datetime.now(datetime.UTC) + RENEW_BEFORE


def _names(certificate: x509.Certificate, address: str) -> bool:
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return ipaddress.ip_address(address) in names.get_values_for_type(x509.IPAddress)


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _system_authorities() -> bytes:
    found = ssl.get_default_verify_paths().cafile
    return Path(found).read_bytes() + b"\n" if found and Path(found).is_file() else b""
