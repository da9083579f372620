"""GETs against a real server that answers, byte for byte, as a test specifies."""

import asyncio
import gzip
import random
import ssl
import threading
import time
import tracemalloc
import warnings
import zlib
from pathlib import Path

import pytest

from fastopts.errors import ConfigError, ConnectionLost
from fastopts.net import http
from fastopts.net.http import HttpClient, HttpResponse
from fastopts.net.threads import in_daemon_thread
from tests.net.test_proxy import VARIABLES, ConnectProxy
from tests.support.certificates import files, server_context
from tests.support.raw import RawServer

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """An environment that says nothing about proxies, roots or passwords."""
    for name in (*VARIABLES, "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "NETRC"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    return monkeypatch


class HttpServerStub:
    """Gives the answers in turn, repeats the last one, and records the requests."""

    def __init__(self, *answers: bytes, tls: ssl.SSLContext | None = None) -> None:
        self.requests: list[str] = []
        self.connections = 0
        self._answers = list(answers)
        self._scheme = "http" if tls is None else "https"
        self._server = RawServer(self._serve, tls)

    @property
    def url(self) -> str:
        return f"{self._scheme}://127.0.0.1:{self.port}"

    @property
    def port(self) -> int:
        return self._server.port

    async def __aenter__(self) -> "HttpServerStub":
        await self._server.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.cut()
        await self._server.__aexit__()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        while True:
            self.requests.append((await reader.readuntil(b"\r\n\r\n")).decode())
            answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
            writer.write(answer)
            await writer.drain()
            if answer != OK:
                return


def answer(status: str, body: bytes = b"", *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + body


async def get(
    url: str, path: str = "/v5/market/time", insecure: bool = False, **params: str
) -> HttpResponse:
    def work() -> HttpResponse:
        client = HttpClient(url, "fastopts/test", insecure)
        try:
            return client.get(path, params)
        finally:
            client.close()

    return await asyncio.to_thread(work)


async def test_a_get_carries_the_parameters_the_user_agent_and_no_body() -> None:
    async with HttpServerStub(OK) as server:
        answer = await get(server.url, "/v5/x", category="option", cursor="a%3D1&b c")
        assert (answer.status, answer.body) == (200, b"{}")
        assert answer.headers == {"content-length": "2"}
        assert 0 < answer.sent_at <= answer.received_at <= time.monotonic()
        [request] = server.requests
        first, *headers = request.rstrip().split("\r\n")
        assert first == "GET /v5/x?category=option&cursor=a%253D1%26b+c HTTP/1.1"
        assert "User-Agent: fastopts/test" in headers
        assert f"Host: 127.0.0.1:{server.port}" in headers
        names = {line.split(":")[0].lower() for line in headers}
        # Bybit answers 403 to a GET with a body.
        assert not names & {"content-length", "transfer-encoding", "content-type"}
        assert not names & {"authorization", "cookie"}


async def test_a_base_url_may_have_a_path_and_end_in_a_slash() -> None:
    async with HttpServerStub(OK) as server:
        await get(server.url + "/mirror/", "/v5/x")
        assert server.requests[0].startswith("GET /mirror/v5/x HTTP/1.1\r\n")


async def test_requests_share_one_connection() -> None:
    async with HttpServerStub(OK) as server:

        def work() -> None:
            client = HttpClient(server.url, "t")
            for i in range(3):
                assert client.get(f"/{i}", {}).status == 200
            client.close()

        await asyncio.to_thread(work)
        assert server.connections == 1
        assert [text.split(" ")[1] for text in server.requests] == ["/0", "/1", "/2"]


@pytest.mark.parametrize(
    "status",
    ["200 OK", "403 Forbidden", "404 Not Found", "429 Too Many", "500 Oops", "503 Busy"],
)
async def test_every_status_is_an_answer_with_its_headers_in_lower_case(status: str) -> None:
    body = b'{"retCode":10006}'
    headers = ("Retry-After: 7", "X-Bapi-Limit-Reset-Timestamp: 1795000000000")
    async with HttpServerStub(answer(status, body, *headers)) as server:
        found = await get(server.url)
        assert found.status == int(status[:3])
        assert found.body == body
        assert found.headers["retry-after"] == "7"
        assert found.headers["x-bapi-limit-reset-timestamp"] == "1795000000000"
        assert len(server.requests) == 1


async def test_a_body_that_is_no_json_is_handed_over_as_it_is() -> None:
    async with HttpServerStub(answer("200 OK", b"<html>\xff\x00")) as server:
        assert (await get(server.url)).body == b"<html>\xff\x00"


async def test_a_redirect_is_an_answer_and_not_followed() -> None:
    async with HttpServerStub(OK) as other:
        location = f"Location: {other.url}/elsewhere"
        async with HttpServerStub(answer("302 Found", b"", location)) as server:
            found = await get(server.url)
            assert found.status == 302
            assert found.headers["location"] == f"{other.url}/elsewhere"
            assert len(server.requests) == 1
        assert other.requests == []


@pytest.mark.parametrize(
    "words",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"SSH-2.0-OpenSSH_9.6\r\n", id="no http"),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{", id="truncated body"),
        pytest.param(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n",
            id="missing last chunk",
        ),
        pytest.param(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n",
            id="chunk of no size",
        ),
        pytest.param(answer("200 OK", b"{}", "Content-Encoding: gzip"), id="not zipped"),
        pytest.param(answer("200 OK", b"{}", *["A: b"] * 200), id="too many headers"),
        pytest.param(answer("99999 OK"), id="no such status"),
    ],
)
async def test_half_an_answer_or_none_is_a_lost_connection(words: bytes) -> None:
    async with HttpServerStub(words) as server:
        with pytest.raises(ConnectionLost) as caught:
            await get(server.url, "/v5/x", category="option")
        assert str(caught.value).startswith(f"GET {server.url}/v5/x: ")
        assert len(server.requests) == 1


async def test_a_missing_server_is_a_lost_connection_with_a_short_message() -> None:
    async with HttpServerStub(OK) as server:
        pass
    with pytest.raises(ConnectionLost) as caught:
        await get(server.url)
    words = str(caught.value)
    assert words.startswith(f"GET {server.url}/v5/market/time: [Errno ")
    assert "HTTPConnectionPool" not in words


@pytest.mark.parametrize("words", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{"])
async def test_a_server_that_falls_silent_is_given_up(
    monkeypatch: pytest.MonkeyPatch, words: bytes
) -> None:
    monkeypatch.setattr(http, "READ_TIMEOUT_S", 0.05)

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(words)
        await reader.read()

    async with RawServer(silent) as server:
        with pytest.raises(ConnectionLost, match="timed out"):
            await get(f"http://127.0.0.1:{server.port}")


async def test_after_a_lost_connection_the_client_makes_another() -> None:
    async with HttpServerStub(b"", OK) as server:

        def work() -> HttpResponse:
            client = HttpClient(server.url, "t")
            with pytest.raises(ConnectionLost):
                client.get("/1", {})
            found = client.get("/2", {})
            client.close()
            return found

        assert (await asyncio.to_thread(work)).body == b"{}"
        assert server.connections == 2


async def test_an_untrusted_certificate_is_refused() -> None:
    async with HttpServerStub(OK, tls=server_context()) as server:
        with pytest.raises(ConnectionLost, match="CERTIFICATE_VERIFY_FAILED"):
            await get(server.url)
        assert server.requests == []


async def test_a_certificate_that_the_system_trusts_is_accepted(
    environment: pytest.MonkeyPatch,
) -> None:
    environment.setenv("SSL_CERT_FILE", files()[0])
    async with HttpServerStub(OK, tls=server_context()) as server:
        assert (await get(server.url)).body == b"{}"


async def test_roots_named_by_variables_of_the_http_library_are_not_trusted(
    environment: pytest.MonkeyPatch,
) -> None:
    environment.setenv("REQUESTS_CA_BUNDLE", files()[0])
    environment.setenv("CURL_CA_BUNDLE", files()[0])
    async with HttpServerStub(OK, tls=server_context()) as server:
        with pytest.raises(ConnectionLost, match="CERTIFICATE_VERIFY_FAILED"):
            await get(server.url)


async def test_without_verification_any_certificate_is_accepted_silently() -> None:
    async with HttpServerStub(OK, tls=server_context()) as server:
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            assert (await get(server.url, insecure=True)).status == 200
        assert [str(one.message) for one in said] == []


def test_certificates_of_other_hosts_are_always_verified() -> None:
    with pytest.raises(ConfigError, match=r"works for loopback only, not for venue\.test"):
        HttpClient("https://venue.test", "t", insecure=True)


@pytest.mark.parametrize("user", ["", "me:s3cret@"])
async def test_plain_http_goes_through_the_proxy_of_the_environment(
    environment: pytest.MonkeyPatch, user: str
) -> None:
    async with HttpServerStub(OK) as server:
        environment.setenv("HTTP_PROXY", f"http://{user}127.0.0.1:{server.port}")
        assert (await get("http://venue.test:8080", "/v5/x", a="1")).body == b"{}"
        [request] = server.requests
        assert request.startswith("GET http://venue.test:8080/v5/x?a=1 HTTP/1.1\r\n")
        assert ("Proxy-Authorization: Basic bWU6czNjcmV0" in request) is bool(user)


async def test_https_goes_through_a_tunnel_and_is_the_venues_from_end_to_end(
    environment: pytest.MonkeyPatch,
) -> None:
    async with HttpServerStub(OK, tls=server_context()) as server, ConnectProxy(server.port) as way:
        environment.setenv("SSL_CERT_FILE", files()[0])
        environment.setenv("HTTPS_PROXY", way.url_for("me:s3cret"))
        with pytest.raises(ConnectionLost, match=r"'venue\.test'"):
            await get("https://venue.test")
        assert server.requests == []
        assert way.requests[0].startswith("CONNECT venue.test:443 HTTP/1.")
        assert "Proxy-Authorization: Basic bWU6czNjcmV0" in way.requests[0]


async def test_an_answer_comes_back_through_the_tunnel(environment: pytest.MonkeyPatch) -> None:
    async with HttpServerStub(OK, tls=server_context()) as server, ConnectProxy(server.port) as way:
        environment.setenv("SSL_CERT_FILE", files()[0])
        environment.setenv("HTTPS_PROXY", way.url)
        # Loopback, which the certificate is for, is never proxied by us.
        environment.setattr("fastopts.net.proxy.is_loopback", lambda host: False)
        assert (await get(f"https://localhost:{server.port}", "/v5/x")).body == b"{}"
        assert way.requests[0].startswith(f"CONNECT localhost:{server.port} HTTP/1.")
        assert server.requests[0].startswith("GET /v5/x HTTP/1.1\r\n")


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_loopback_is_reached_past_the_proxy(
    environment: pytest.MonkeyPatch, scheme: str
) -> None:
    tls = server_context() if scheme == "https" else None
    async with HttpServerStub(OK, tls=tls) as server, ConnectProxy() as way:
        environment.setenv("HTTP_PROXY", way.url)
        environment.setenv("HTTPS_PROXY", way.url)
        environment.setenv("ALL_PROXY", way.url)
        assert (await get(server.url, insecure=True)).status == 200
        assert way.requests == []


@pytest.mark.parametrize("status", ["407 ConnectProxy Authentication Required", "502 Bad Gateway"])
async def test_an_error_about_a_proxy_that_refuses_hides_its_password(
    environment: pytest.MonkeyPatch, status: str
) -> None:
    async with ConnectProxy(answer=answer(status)) as way:
        environment.setenv("HTTPS_PROXY", way.url_for("me:hunter2"))
        with pytest.raises(ConnectionLost, match=status) as caught:
            await get("https://venue.test")
        assert "hunter2" not in str(caught.value)


def test_a_proxy_of_another_kind_is_refused_at_once(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("HTTPS_PROXY", "socks5://127.0.0.1:1080")
    with pytest.raises(ConfigError, match="only http:// proxies"):
        HttpClient("https://venue.test", "t")


async def test_a_netrc_file_is_not_read(environment: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = tmp_path / "netrc"
    path.write_text("machine 127.0.0.1 login me password hunter2\n")
    path.chmod(0o600)
    environment.setenv("NETRC", str(path))

    async with HttpServerStub(OK) as server:
        await get(server.url)
        assert "authorization" not in server.requests[0].lower()


@pytest.mark.parametrize("target", ["http://[::1", "//["])
async def test_a_redirect_whose_target_can_not_be_read_is_an_answer_too(target: str) -> None:
    async with HttpServerStub(answer("302 Found", b"", f"Location: {target}"), OK) as server:
        assert (await get(server.url)).status == 302


def until_threads_are_at_most(count: int) -> None:
    while threading.active_count() > count:
        time.sleep(0.01)


HEADERS_DRIP = (b"HTTP/1.1 200 OK\r\nX-Slow: ", b"a")
DRIPS = {
    "status line": (b"HTTP/1.1 20", b"0"),
    "headers": HEADERS_DRIP,
    "lines": (b"HTTP/1.1 200 OK\r\n", b"A: b\r\n"),
    "interim answers": (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "body": (b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n", b"x"),
    "body to the end": (b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n", b"x"),
    "chunks": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
    "chunk size": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"0"),
    "redirect": (b"HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 1000\r\n\r\n", b"x"),
}


class Dripping:
    """Begins an answer with *head*, then sends *drop* again and again; `left` once each client
    has closed its end."""

    def __init__(self, head: bytes, drop: bytes, tls: ssl.SSLContext | None = None) -> None:
        self.left = asyncio.Event()
        self._head, self._drop = head, drop
        self._server = RawServer(self._serve, tls)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(self._head)
        try:
            while not reader.at_eof():
                writer.write(self._drop)
                await writer.drain()
                await asyncio.sleep(0.02)
        except ConnectionError:
            pass
        finally:
            self.left.set()

    @property
    def port(self) -> int:
        return self._server.port

    async def __aenter__(self) -> "Dripping":
        await self._server.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._server.__aexit__()


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("kind", DRIPS)
async def test_an_answer_that_only_drips_is_given_up_with_its_socket(
    kind: str, scheme: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "RESPONSE_WITHIN_S", 0.3)

    tls = server_context() if scheme == "https" else None
    async with Dripping(*DRIPS[kind], tls) as server:
        threads = threading.active_count()
        # too many interim answers are another fault of the answer
        words = "no complete response in 0.3 s|header"
        client = HttpClient(f"{scheme}://127.0.0.1:{server.port}", "t", insecure=bool(tls))
        with pytest.raises(ConnectionLost, match=words):
            await in_daemon_thread(lambda: client.get("/", {}))
        await server.left.wait()  # before the client is closed
        client.close()
        await asyncio.to_thread(until_threads_are_at_most, threads + 1)  # its own


async def test_a_proxy_that_only_drips_is_given_up(
    environment: pytest.MonkeyPatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "RESPONSE_WITHIN_S", 0.3)

    async with Dripping(*HEADERS_DRIP) as way:
        environment.setenv("HTTPS_PROXY", f"http://127.0.0.1:{way.port}")
        with pytest.raises(ConnectionLost, match=r"no complete response in 0\.3 s"):
            await get("https://venue.test")
        await way.left.wait()


async def test_the_deadline_is_of_one_exchange_and_begins_anew(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(http, "RESPONSE_WITHIN_S", 0.5)

    async with HttpServerStub(OK) as server:

        def work() -> None:
            client = HttpClient(server.url, "t")
            for _ in range(4):
                assert client.get("/", {}).status == 200
                time.sleep(0.2)
            client.close()

        await asyncio.to_thread(work)
        assert server.connections == 1


async def test_cookies_are_neither_kept_nor_sent_back() -> None:
    set_cookie = b"Set-Cookie: visit=1; Path=/; Max-Age=9999\r\nConnection: close\r\n"
    body = OK.replace(b"\r\n\r\n", b"\r\n" + set_cookie + b"\r\n")
    async with HttpServerStub(body, OK) as server:

        def work() -> None:
            client = HttpClient(server.url, "t")
            for _ in range(3):
                assert client.get("/", {}).status == 200
            assert not client._session.cookies
            client.close()

        await asyncio.to_thread(work)
        assert len(server.requests) == 3
        assert "cookie" not in "".join(server.requests).lower()


async def test_an_answer_without_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "BODY_SIZE_MAX", 100_000)

    async with HttpServerStub(answer("200 OK", b"x" * 200_000)) as server:
        with pytest.raises(ConnectionLost, match="more than 100000 bytes"):
            await get(server.url)


@pytest.mark.parametrize("size", [0, 1, 65_535, 65_536, 65_537, 3_000_000])
@pytest.mark.parametrize("members", [1, 3])
async def test_a_packed_body_is_unpacked(size: int, members: int) -> None:
    text = random.Random(5).randbytes(size // 8) * 8
    packed = b"".join(
        gzip.compress(text[len(text) * i // members : len(text) * (i + 1) // members])
        for i in range(members)
    )

    async with HttpServerStub(answer("200 OK", packed, "Content-Encoding: gzip")) as server:
        assert (await get(server.url)).body == text
        assert "Accept-Encoding: gzip\r\n" in server.requests[0]


@pytest.mark.parametrize(
    ("body", "encoding", "words"),
    [
        (gzip.compress(b"x" * 1000)[:-1], "gzip", "incomplete gzip body"),
        (b"", "gzip", "incomplete gzip body"),
        (gzip.compress(b"{}") + b"junk", "gzip", "while decompressing data"),
        (zlib.compress(b"{}"), "deflate", "was not requested: 'deflate'"),
        (b"x", "br", "was not requested: 'br'"),
        (gzip.compress(gzip.compress(b"{}")), "gzip, gzip", "was not requested"),
        (gzip.compress(b"") * 3_000, "gzip", "more than 100 members"),
        (gzip.compress(bytes(7_000_000)) + gzip.compress(bytes(2_000_000)), "gzip", "more than"),
    ],
    ids=["cut", "nothing", "junk", "deflate", "brotli", "twice", "members", "two members"],
)
async def test_a_body_that_can_not_be_unpacked_is_a_lost_connection(
    body: bytes, encoding: str, words: str
) -> None:
    async with HttpServerStub(answer("200 OK", body, f"Content-Encoding: {encoding}")) as server:
        with pytest.raises(ConnectionLost, match=words):
            await get(server.url)


@pytest.mark.parametrize("status", ["200 OK", "302 Found", "500 Oops"])
async def test_a_bomb_costs_no_more_memory_than_an_answer_may_have(status: str) -> None:
    packer = zlib.compressobj(9, wbits=31)
    bomb = b"".join(packer.compress(bytes(1 << 20)) for _ in range(200)) + packer.flush()
    assert len(bomb) < 300_000
    headers = ("Content-Encoding: gzip", "Location: http://127.0.0.1:9/")

    async with HttpServerStub(answer(status, bomb, *headers)) as server:
        tracemalloc.start()
        try:
            with pytest.raises(ConnectionLost, match="more than 8388608 bytes"):
                await get(server.url)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert peak < 12e6
