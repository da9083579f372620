"""Self-signed certificate for loopback, created on demand in a temporary folder."""

import shutil
import ssl
import subprocess
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path

from fastopts.errors import ConfigError

__all__ = ("CERTIFICATE", "load", "make", "server_context")

CERTIFICATE = "cert.pem"
KEY = "key.pem"
_DAYS = 30


def server_context(folder: Path) -> ssl.SSLContext:
    """Create a certificate in *folder*; return a server context. Raises like `make`."""
    make(folder)
    return load(folder)


def make(folder: Path) -> None:
    """Write a certificate and its key into *folder*.

    Raises ConfigError if neither the program openssl nor the package cryptography is installed.
    """
    certificate, key = folder / CERTIFICATE, folder / KEY
    if program := shutil.which("openssl"):
        _by_openssl(program, certificate, key)
    else:
        _by_cryptography(certificate, key)


def load(folder: Path) -> ssl.SSLContext:
    """Return a server context with the files that `make` wrote."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / CERTIFICATE, folder / KEY)
    return context


def _by_openssl(program: str, certificate: Path, key: Path) -> None:
    command = [program, "req", "-x509", "-nodes", "-newkey", "ec"]
    command += ["-pkeyopt", "ec_paramgen_curve:prime256v1", "-days", str(_DAYS)]
    command += ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
    # Since Python 3.13, verification requires keyUsage of a CA certificate.
    command += ["-addext", "keyUsage=critical,digitalSignature,keyCertSign"]
    command += ["-keyout", str(key), "-out", str(certificate)]
    completed = subprocess.run(command, capture_output=True, text=True, check=False)
    if completed.returncode:
        raise ConfigError(
            f"openssl failed to create a certificate: {completed.stderr.strip().splitlines()[-1:]}"
        )


def _by_cryptography(certificate: Path, key: Path) -> None:
    try:
        from cryptography import x509
        from cryptography.hazmat.primitives import hashes, serialization
        from cryptography.hazmat.primitives.asymmetric import ec
    except ImportError as error:
        raise ConfigError(
            "TLS needs the program openssl or the package cryptography to create a certificate"
        ) from error
    secret = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    names = x509.SubjectAlternativeName(
        [x509.DNSName("localhost"), x509.IPAddress(IPv4Address("127.0.0.1"))]
    )
    usage = x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )
    identity = x509.SubjectKeyIdentifier.from_public_key(secret.public_key())
    issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(secret.public_key())
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(secret.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + timedelta(days=_DAYS))
        .add_extension(names, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(identity, critical=False)
        .add_extension(issuer, critical=False)
        .sign(secret, hashes.SHA256())
    )
    certificate.write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    key.write_bytes(
        secret.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
