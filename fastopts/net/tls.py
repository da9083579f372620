"""TLS contexts for venue and Redis, and explanations of handshakes that fail.

Certificates are always verified, except those of a loopback peer with --insecure. A handshake with
Redis that no retry can cure raises `TlsFault`, which names the fault and the remedy: waiting for
such a server would look like an outage.
"""

import ssl
from pathlib import Path
from typing import Final, NoReturn

import certifi

from fastopts.errors import ConfigError
from fastopts.hosts import is_loopback
from fastopts.net.redis.address import Address, TlsFiles

__all__ = ("TlsFault", "context", "explained", "of")


class TlsFault(OSError):
    """A handshake that fails the same way each time; `remedy` says what the operator can do."""

    def __init__(self, fault: str, remedy: str) -> None:
        super().__init__(f"TLS: {fault}: {remedy}")
        self.remedy = remedy


def context(host: str, insecure: bool, files: TlsFiles | None = None) -> ssl.SSLContext:
    """Return a context that trusts the system's roots and Mozilla's, or only the CA of *files*.

    *insecure* accepts any certificate; *host* must be loopback then. Raises ConfigError for another
    host and for unusable files.
    """
    context = ssl.create_default_context(cafile=_readable(files.ca) if files else None)
    if files is None or files.ca is None:
        # In addition to the system's: minimal containers have no roots at all.
        context.load_verify_locations(certifi.where())
    if files is not None and files.cert is not None:
        _load(context, files.cert, files.key)
    if insecure:
        if not is_loopback(host):
            raise ConfigError(f"--insecure works for loopback only, not for {host}")
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def of(address: Address, insecure: bool = False) -> ssl.SSLContext | None:
    """Return the context for the Redis at *address*, None without TLS. Raises ConfigError."""
    return context(address.host, insecure, address.files) if address.tls else None


def _readable(path: str | None) -> str | None:
    """Return *path*. Raises ConfigError unless the file holds something in PEM form."""
    if path is None:
        return None
    try:
        text = Path(path).read_bytes()
    except OSError as error:
        raise ConfigError(f"TLS for Redis: {path}: {error.strerror or error}") from None
    if b"-----BEGIN" not in text:
        raise ConfigError(f"TLS for Redis: {path}: it is not in PEM form")
    return path


def _load(context: ssl.SSLContext, cert: str, key: str | None) -> None:
    _readable(cert)
    _readable(key)
    try:
        context.load_cert_chain(cert, key, password=_refuse)
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            fault = f"the key in {key or cert} does not belong to the certificate in {cert}"
        else:
            fault = f"{cert} and {key or cert} hold no certificate and its key: {error}"
        raise ConfigError(f"TLS for Redis: {fault}") from None
    except _HasPassphrase:
        raise ConfigError(
            f"TLS for Redis: the key in {key or cert} has a passphrase, which nobody could enter:"
            " remove it with `openssl pkey`"
        ) from None


class _HasPassphrase(Exception):
    """The key needs a passphrase."""


def _refuse() -> NoReturn:
    """Refuse the passphrase of a key; without this callback, OpenSSL prompts on the terminal."""
    raise _HasPassphrase


_CLIENT: Final = (
    "name a client certificate and its key with --redis-cert and --redis-key"
    " (FASTOPTS_REDIS_CERT; ssl_certfile= and ssl_keyfile= in the URL)"
)
_AUTHORITY: Final = (
    "name the CA's file with --redis-ca (FASTOPTS_REDIS_CA; ssl_ca_certs= in the URL)"
)
_STRICT: Final = (
    "Python 3.13 and later verify strictly (RFC 5280): issue it again with the extensions"
    " subjectKeyIdentifier=hash and authorityKeyIdentifier=keyid, for a CA also a critical"
    " basicConstraints and keyUsage=keyCertSign"
)
# X509_V_ERR_*: reasons of a failed verification
_EXPIRED, _NOT_YET, _NAME, _IP = 10, 9, 62, 64
_UNKNOWN_AUTHORITY: Final = (2, 18, 19, 20, 21)
_STRICTLY: Final = range(79, 95)
# Alerts of the server: the part of OpenSSL's reason behind ALERT_.
_ALERT: Final = "ALERT_"
_RENEW: Final = "renew the certificate that --redis-cert names"
_REFUSALS: Final = {
    "CERTIFICATE_REQUIRED": ("it asks for a client certificate", _CLIENT),
    "UNKNOWN_CA": (
        "it does not trust the CA of our client certificate",
        "have it signed by a CA that the server's tls-ca-cert-file holds",
    ),
    "BAD_CERTIFICATE": ("it considers our client certificate invalid", _RENEW),
    "UNSUPPORTED_CERTIFICATE": (
        "our client certificate is not for client authentication",
        "issue it with extendedKeyUsage=clientAuth",
    ),
    "CERTIFICATE_REVOKED": ("our client certificate was revoked", _RENEW),
    "CERTIFICATE_EXPIRED": ("our client certificate has expired", _RENEW),
    "CERTIFICATE_UNKNOWN": ("it refuses our client certificate", _RENEW),
    "ACCESS_DENIED": ("it refuses our client certificate", "see the server's log"),
    "DECRYPT_ERROR": ("it refuses the signature of our client certificate", _RENEW),
    "HANDSHAKE_FAILURE": ("it refuses the handshake", f"if it asks for a certificate, {_CLIENT}"),
    "PROTOCOL_VERSION": ("it supports neither TLS 1.2 nor 1.3", "enable TLS 1.2 or 1.3 there"),
}
# What OpenSSL makes of bytes that are not TLS.
_NO_TLS: Final = (
    "WRONG_VERSION_NUMBER",
    "HTTP_REQUEST",
    "RECORD_LAYER_FAILURE",
    "PACKET_LENGTH_TOO_LONG",
)
_OLD: Final = ("UNSUPPORTED_PROTOCOL", "NO_PROTOCOLS_AVAILABLE", "VERSION_TOO_LOW")


def explained(error: BaseException) -> BaseException:
    """Return a TlsFault if *error* is a permanent fault of TLS; else *error* itself."""
    explanation = _explain(error) if isinstance(error, ssl.SSLError) else None
    if explanation is None:
        return error
    fault = TlsFault(*explanation)
    fault.__cause__ = error
    return fault


def _explain(error: ssl.SSLError) -> tuple[str, str] | None:
    if isinstance(error, ssl.SSLCertVerificationError):
        return _explain_verification(error.verify_code, error.verify_message.rstrip("."))
    reason = error.reason or ""
    if _ALERT in reason:
        return _REFUSALS.get(reason.partition(_ALERT)[2])
    if reason in _NO_TLS:
        return "the server has no TLS on this port", "write redis://, or use its TLS port"
    if reason in _OLD:
        return _REFUSALS["PROTOCOL_VERSION"]
    return None


def _explain_verification(code: int, message: str) -> tuple[str, str]:
    if code == _EXPIRED:
        return "the server's certificate has expired", "renew it"
    if code == _NOT_YET:
        return "the server's certificate is not valid yet", "check its dates and this host's clock"
    if code in (_NAME, _IP):
        return message, "use a host name of the certificate, or issue it for this one"
    if code in _UNKNOWN_AUTHORITY:
        return f"the server's certificate is from an unknown CA ({message})", _AUTHORITY
    if code in _STRICTLY:
        return f"the server's certificate is malformed ({message})", _STRICT
    return f"the server's certificate does not verify ({message})", _AUTHORITY
