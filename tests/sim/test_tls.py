import shutil
import socket
import ssl
import sys
import threading
from pathlib import Path

import pytest

from fastopts.errors import ConfigError
from fastopts.sim import tls
from tests.support.programs import missing


def shake_hands(context: ssl.SSLContext, certificate: Path) -> None:
    """Let a client that trusts only *certificate* meet the server."""
    client_side, server_side = socket.socketpair()

    def serve() -> None:
        with context.wrap_socket(server_side, server_side=True) as server:
            server.sendall(b"hello")

    thread = threading.Thread(target=serve)
    thread.start()
    client = ssl.create_default_context(cafile=certificate)
    client.verify_flags |= ssl.VERIFY_X509_STRICT  # the default from Python 3.13 on
    with client.wrap_socket(client_side, server_hostname="127.0.0.1") as secured:
        assert secured.recv(5) == b"hello"
    thread.join(10)


@pytest.mark.skipif(not shutil.which("openssl"), reason=missing("openssl"))
def test_a_certificate_by_openssl(tmp_path: Path) -> None:
    shake_hands(tls.server_context(tmp_path), tmp_path / "cert.pem")


def test_a_certificate_by_cryptography(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda program: None)
    shake_hands(tls.server_context(tmp_path), tmp_path / "cert.pem")


def test_neither_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda program: None)
    monkeypatch.setitem(sys.modules, "cryptography", None)
    with pytest.raises(ConfigError, match="openssl or the package cryptography"):
        tls.server_context(tmp_path)
