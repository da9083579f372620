"""Certificates for 127.0.0.1, and some that are amiss, made for this run of the tests."""

import atexit
import contextlib
import datetime
import functools
import ipaddress
import ssl
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

_ALL: Final = contextlib.ExitStack()  # folders, until the process ends
atexit.register(_ALL.close)

LOOPBACK = (x509.IPAddress(ipaddress.ip_address("127.0.0.1")), x509.DNSName("localhost"))
_START = datetime.timedelta(days=-2)


class Authority:
    """Vouches for names. `root` is the path of its certificate.

    With *identifies* off, its certificates lack the identifiers of keys, as many a how-to has them.
    """

    def __init__(self, identifies: bool = True) -> None:
        self._identifies = identifies
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _name("fastopts tests")
        self._folder = _folder()
        own = self._sign(self._name, self._key, LOOPBACK, 1, is_root=True)
        self.root, self.root_key = self._write("root", own, self._key)

    def issue(
        self, names: Sequence[x509.GeneralName] = LOOPBACK, days: float = 1
    ) -> tuple[str, str]:
        """Paths of a certificate for *names*, good for another *days*, and of its key."""
        key = ec.generate_private_key(ec.SECP256R1())
        signed = self._sign(_name("a server"), key, names, days, is_root=False)
        return self._write(f"server{signed.serial_number}", signed, key)

    def _sign(
        self,
        subject: x509.Name,
        key: ec.EllipticCurvePrivateKey,
        names: Sequence[x509.GeneralName],
        days: float,
        is_root: bool,
    ) -> x509.Certificate:
        now = datetime.datetime.now(datetime.UTC)
        own, theirs = self._key.public_key(), key.public_key()
        issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(own)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(theirs)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now + _START)
            .not_valid_after(now + datetime.timedelta(days=days))
            .add_extension(x509.SubjectAlternativeName(names), critical=False)
            .add_extension(x509.BasicConstraints(ca=is_root, path_length=None), critical=True)
            .add_extension(_usage(is_root), critical=True)
        )
        if self._identifies:
            subject_id = x509.SubjectKeyIdentifier.from_public_key(theirs)
            builder = builder.add_extension(subject_id, critical=False)
            builder = builder.add_extension(issuer, critical=False)
        return builder.sign(self._key, hashes.SHA256())

    def _write(
        self, stem: str, certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey
    ) -> tuple[str, str]:
        paths = self._folder / f"{stem}.pem", self._folder / f"{stem}-key.pem"
        paths[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        paths[1].write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        return str(paths[0]), str(paths[1])


def _folder() -> Path:
    return Path(_ALL.enter_context(tempfile.TemporaryDirectory(prefix="fastopts-tests-")))


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _usage(is_root: bool) -> x509.KeyUsage:
    """What Python 3.13 asks of a root, and of a server."""
    return x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=is_root,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )


@functools.cache
def authority() -> Authority:
    """The one that clients of the tests trust, if they are configured to."""
    return Authority()


@functools.cache
def faulty() -> dict[str, tuple[str, str]]:
    """Certificates that no client may accept, each with its key, by their fault."""
    stranger = Authority()
    return {
        "expired": authority().issue(days=-1),
        "wrong host": authority().issue([x509.DNSName("other.test")]),
        "self-signed": (stranger.root, stranger.root_key),
        "wrong CA": Authority().issue(),
    }


def context_of(paths: tuple[str, str]) -> ssl.SSLContext:
    """A server's context with a certificate and its key."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*paths)
    return context


def files(days: float = 1) -> tuple[str, str]:
    """Paths of a self-signed certificate, good for another *days*, and its key."""
    return _files(days)


@functools.cache
def _files(days: float) -> tuple[str, str]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "fastopts tests")])
    now = datetime.datetime.now(datetime.UTC)
    names: list[x509.GeneralName] = [
        x509.IPAddress(ipaddress.ip_address("127.0.0.1")),
        x509.DNSName("localhost"),
    ]
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=2))
        .not_valid_after(now + datetime.timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    folder = _folder()
    (folder / "cert.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return str(folder / "cert.pem"), str(folder / "key.pem")


def server_context(days: float = 1) -> ssl.SSLContext:
    return context_of(files(days))


def client_context() -> ssl.SSLContext:
    """Trusts the tests' certificate and nothing else."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(files()[0])
    return context
