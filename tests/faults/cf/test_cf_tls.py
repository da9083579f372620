"""TLS to Redis with certificates of our own, and each fault of it by name and remedy."""

import asyncio
import contextlib
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest
import redis
from cryptography.hazmat.primitives import serialization

from fastopts import config
from fastopts.errors import ConfigError, StoreUnavailable
from fastopts.net import tls
from fastopts.net.redis import address
from fastopts.net.redis.address import TlsFiles
from fastopts.reader import AsyncOptionReader, OptionReader
from tests.cli.process import fastopts_process as fastopts
from tests.support import certificates
from tests.support.certificates import Authority, authority
from tests.support.processes import environ, finish, sim_venue, start, wait_for_line
from tests.support.store import CALL, Store
from tests.support.tlsfront import TlsFront

CLIENT: Final = "--redis-cert and --redis-key"
VERSIONS: Final = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}
NO_VENUE: Final = ("--rest-url", "http://127.0.0.1:1", "--ws-url", "ws://127.0.0.1:1/")


def asking(version: str = "1.3", trusted: Authority | None = None) -> ssl.SSLContext:
    """A server's context that asks for a client certificate of an authority that it trusts."""
    context = certificates.context_of(authority().issue())
    context.minimum_version = context.maximum_version = VERSIONS[version]
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations((trusted or authority()).root)
    return context


def url_of(port: int, ca: str | None = None, pair: tuple[str, str] | None = None) -> str:
    query = f"?ssl_ca_certs={ca or authority().root}"
    if pair is not None:
        query += f"&ssl_certfile={pair[0]}&ssl_keyfile={pair[1]}"
    return f"rediss://127.0.0.1:{port}/0{query}"


@pytest.fixture
def live(store: Store) -> Store:
    store.feed(heartbeat_limit_ms=600_000, watchdog_limit_ms=600_000)
    store.option(CALL)
    return store


@contextmanager
def handshakes(context: ssl.SSLContext) -> Iterator[int]:
    """A port where handshakes are made as Redis makes them: refusals reach the client."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(60)
        thread = threading.Thread(target=shake_hands, args=(listener, context))
        thread.start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()


def shake_hands(listener: socket.socket, context: ssl.SSLContext) -> None:
    while True:
        try:
            client, _ = listener.accept()
        except OSError:
            return
        with client.dup() as raw:
            raw.settimeout(10)
            with context.wrap_socket(client, True, do_handshake_on_connect=False) as secure:
                with contextlib.suppress(OSError):
                    secure.settimeout(10)
                    secure.do_handshake()
                with contextlib.suppress(OSError):
                    raw.shutdown(socket.SHUT_WR)
                    while raw.recv(1024):  # until the client has read why
                        pass


@contextmanager
def front(store: Store, context: ssl.SSLContext) -> Iterator[int]:
    with TlsFront(int(store.url.rpartition(":")[2]), context) as made:
        yield made.port


@pytest.mark.parametrize("version", VERSIONS)
async def test_CF_16_readers_show_their_certificate(live: Store, version: str) -> None:
    with front(live, asking(version)) as port:
        url = url_of(port, pair=authority().issue())
        with OptionReader(url) as reader:
            assert reader.get(CALL).live
        async with AsyncOptionReader(url) as async_reader:
            assert (await async_reader.get(CALL)).live


async def test_CF_16_collector_and_commands_take_it_from_the_settings(
    store: Store, tmp_path: Path
) -> None:
    store.client.flushall()
    cert, key = authority().issue()
    variables = {"FASTOPTS_REDIS_CERT": cert, "FASTOPTS_REDIS_KEY": key}
    (tmp_path / "fastopts.toml").write_text(f'redis_ca = "{authority().root}"\n')
    with front(store, asking()) as port, sim_venue() as words:
        url = ("--redis-url", f"rediss://127.0.0.1:{port}/0")
        process = start(*words, *url, "--status-s", "0.2", cwd=tmp_path, **variables)
        try:
            wait_for_line(process.stderr, "written")
            done = fastopts("status", *url, "--venue", "sim", cwd=tmp_path, **variables)
            assert done.code == 0, done.err
            checks = fastopts("doctor", "--offline", *url, cwd=tmp_path, **variables)
            assert "127.0.0.1" in checks.out
            assert "client certificate" not in checks.out
            reader_url = url_of(port, pair=(cert, key))
            assert follow(reader_url) == await follow_async(reader_url)
        finally:
            process.terminate()
            code, _, err = finish(process)
        assert code == 0, err


@pytest.mark.parametrize("way", ["URL", "settings"])
def test_CF_16_the_readers_module_shows_its_certificate(
    live: Store, tmp_path: Path, way: str
) -> None:
    cert, key = authority().issue()
    with front(live, asking()) as port:
        variables = {"FASTOPTS_REDIS_URL": url_of(port, pair=(cert, key))}
        if way == "settings":
            (tmp_path / "fastopts.toml").write_text(f'redis_ca = "{authority().root}"\n')
            variables = {
                "FASTOPTS_REDIS_URL": f"rediss://127.0.0.1:{port}/0",
                "FASTOPTS_REDIS_CERT": cert,
                "FASTOPTS_REDIS_KEY": key,
            }
        shown = read_module(tmp_path, **variables)
        assert (shown.returncode, shown.stderr) == (0, "")
        assert shown.stdout.startswith("feed")
        bare = read_module(tmp_path, FASTOPTS_REDIS_URL=url_of(port))
        assert bare.returncode == 1
        assert "client certificate" in bare.stderr
        assert "Traceback" not in bare.stderr


def read_module(cwd: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    words = [sys.executable, "-m", "fastopts.reader"]
    return subprocess.run(
        words, cwd=cwd, env=environ(**variables), capture_output=True, text=True, check=False
    )


def follow(url: str) -> str:
    with OptionReader(url, venue="sim") as reader, reader.mirror("BTC") as mirror:
        return mirror.feed().venue


async def follow_async(url: str) -> str:
    async with AsyncOptionReader(url, venue="sim") as reader, await reader.mirror("BTC") as mirror:
        return mirror.feed().venue


def refusals(url: str, tmp_path: Path) -> Iterator[str]:
    """What the ways to connect say, each of which must end."""

    async def read() -> None:
        async with AsyncOptionReader(url) as reader:
            await reader.get(CALL)

    with OptionReader(url) as reader, pytest.raises(StoreUnavailable) as blocking:
        reader.get(CALL)
    yield str(blocking.value)
    with pytest.raises(StoreUnavailable) as caught:
        asyncio.run(read())
    yield str(caught.value)
    code, _, err = finish(start(*NO_VENUE, "--redis-url", url, cwd=tmp_path))
    assert code == 1, err
    yield err.splitlines()[-1]
    served = fastopts("serve", "--port", "0", "--redis-url", url, "--venue", "sim", cwd=tmp_path)
    assert served.code == 1, served.err
    yield served.err


def test_CF_17_a_fault_that_no_retry_cures_is_named_with_its_remedy(tmp_path: Path) -> None:
    stranger, own = Authority(), authority().issue()
    faulty = certificates.faulty()
    cases: tuple[tuple[ssl.SSLContext, dict[str, object], str], ...] = (
        (asking("1.3"), {}, f"it asks for a client certificate: .*{CLIENT}"),
        (asking("1.2"), {}, CLIENT),
        (asking("1.3"), {"pair": stranger.issue()}, "does not trust the CA of our client"),
        (asking("1.3"), {"pair": faulty["expired"]}, "client certificate has expired"),
        (asking("1.3"), {"pair": own, "ca": stranger.root}, "unknown CA .*--redis-ca"),
        (certificates.context_of(faulty["wrong host"]), {}, "use a host name of the cert"),
        (certificates.context_of(faulty["expired"]), {}, "certificate has expired: renew"),
    )
    for context, files, said in cases:
        with handshakes(context) as port:
            for words in refusals(url_of(port, **files), tmp_path):  # type: ignore[arg-type]
                assert_matches(words, said)


def assert_matches(words: str, pattern: str) -> None:
    with pytest.raises(ValueError, match=pattern):
        raise ValueError(words)


def test_CF_17_errors_distinguish_ports_with_and_without_tls(live: Store) -> None:
    port = int(live.url.rpartition(":")[2])
    with OptionReader(url_of(port)) as reader, pytest.raises(StoreUnavailable) as caught:
        reader.get(CALL)
    assert str(caught.value).endswith("if it speaks no TLS on this port, write redis://")
    with (
        handshakes(asking()) as secure,
        OptionReader(f"redis://127.0.0.1:{secure}") as reader,
        pytest.raises(StoreUnavailable, match="if it speaks TLS, write rediss://"),
    ):
        reader.get(CALL)


def test_CF_17_strict_verification_names_what_the_certificate_lacks(
    live: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Python 3.13 has the flag set by default."""
    usual = ssl.create_default_context

    def strict(cafile: str | None = None) -> ssl.SSLContext:
        made = usual(cafile=cafile)
        made.verify_flags |= ssl.VERIFY_X509_STRICT
        return made

    monkeypatch.setattr("ssl.create_default_context", strict)
    good = certificates.context_of(authority().issue())
    with front(live, good) as port, OptionReader(url_of(port)) as reader:
        assert reader.get(CALL).live
    plain = Authority(identifies=False)
    with (
        handshakes(certificates.context_of(plain.issue())) as port,
        OptionReader(url_of(port, plain.root)) as reader,
        pytest.raises(StoreUnavailable, match=r"Missing .*verify strictly .*keyid"),
    ):
        reader.get(CALL)


def test_CF_17_files_that_cannot_be_used_end_the_start(tmp_path: Path) -> None:
    cert, key = authority().issue()
    other = authority().issue()[1]
    text = tmp_path / "text.pem"
    text.write_text("no PEM")
    locked = tmp_path / "locked.pem"
    secret = serialization.BestAvailableEncryption(b"secret")
    loaded = serialization.load_pem_private_key(Path(key).read_bytes(), None)
    pem, form = serialization.Encoding.PEM, serialization.PrivateFormat
    locked.write_bytes(loaded.private_bytes(pem, form.PKCS8, secret))
    for files, said in (
        (TlsFiles(cert=str(tmp_path / "none.pem"), key=key), "none.pem: No such file"),
        (TlsFiles(ca=str(tmp_path)), "Is a directory"),
        (TlsFiles(ca=str(text)), "text.pem: it is not in PEM form"),
        (TlsFiles(cert=cert, key=other), "does not belong to the certificate in"),
        (TlsFiles(cert=cert), "hold no certificate and its key"),
        (TlsFiles(cert=cert, key=str(locked)), "has a passphrase"),
    ):
        with pytest.raises(ConfigError, match=said):
            tls.context("127.0.0.1", insecure=False, files=files)
    with pytest.raises(ConfigError, match="does not belong"):
        OptionReader(url_of(1, pair=(cert, other)))
    words = ("--redis-url", url_of(1, pair=(cert, other)))
    code, _, err = finish(start(*NO_VENUE, *words, cwd=tmp_path))
    assert (code, "does not belong" in err) == (2, True)


def test_CF_16_settings_and_url_name_the_same_files() -> None:
    given = {"redis_url": "rediss://u:p%40s@h:1/2", "redis_cert": "/a b/c+d.pem", "redis_ca": "e@f"}
    loaded = config.load(given, {"FASTOPTS_REDIS_KEY": "/k#1.pem"}, {})
    assert loaded.redis_url is not None
    found = address.parse(loaded.redis_url.reveal())
    assert found.files == TlsFiles("e@f", "/a b/c+d.pem", "/k#1.pem")
    assert (found.username, found.password, found.db) == ("u", "p@s", 2)
    assert (
        redis.Redis.from_url(loaded.redis_url.reveal()).connection_pool.connection_kwargs[
            "ssl_certfile"
        ]
        == "/a b/c+d.pem"
    )
    wins = config.load({**given, "redis_url": "rediss://h?ssl_certfile=own"}, {}, {})
    assert wins.redis_url is not None
    assert address.parse(wins.redis_url.reveal()).files == TlsFiles("e@f", "own")


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("redis://h?ssl_certfile=c", "files for TLS need rediss://"),
        ("unix:///s?ssl_ca_certs=c", "files for TLS need rediss://"),
        ("rediss://h?ssl_certfile=", "has no path"),
        ("rediss://h?ssl_keyfile=k", "ssl_keyfile needs ssl_certfile"),
        ("rediss://h?ssl_cert=k", "unknown option"),
        ("rediss://h?ssl_certfile=a&ssl_certfile=b", "an option occurs twice"),
    ],
)
def test_CF_17_a_url_that_names_files_in_vain_is_refused(url: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        address.parse(url)


def test_CF_17_settings_that_name_files_in_vain_are_refused() -> None:
    for url in ({}, {"redis_url": "redis://h"}):
        with pytest.raises(
            ConfigError, match=r"--redis-cert: needs a server with TLS: .* rediss://"
        ):
            config.load({"redis_cert": "c", **url}, {}, {})
