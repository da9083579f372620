"""A self-signed certificate for 127.0.0.1, made by the program openssl."""

import ssl
import subprocess
from pathlib import Path

__all__ = ("CERTIFICATE", "make", "server_context")

CERTIFICATE = "cert.pem"
KEY = "key.pem"


def make(folder: Path) -> None:
    """Write the certificate and its key into *folder*."""
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-nodes", "-days", "2", "-newkey", "ec"),
            *("-pkeyopt", "ec_paramgen_curve:prime256v1", "-subj", "/CN=127.0.0.1"),
            *("-addext", "subjectAltName=IP:127.0.0.1"),
            *("-keyout", str(folder / KEY), "-out", str(folder / CERTIFICATE)),
        ],
        check=True,
        capture_output=True,
    )


def server_context(folder: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / CERTIFICATE, folder / KEY)
    return context
