"""Which proxy the environment names, and the way through a real one."""

import asyncio
import base64
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
import websockets.asyncio.server

from fastopts.core.pure import frames
from fastopts.errors import ConfigError, ConnectionLost
from fastopts.net import proxy, websocket
from tests.support.certificates import client_context, server_context
from tests.support.loops import LOOPS
from tests.support.raw import RawServer
from tests.support.waiting import PATIENCE_S

VARIABLES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "REQUEST_METHOD")
ESTABLISHED = b"HTTP/1.1 200 Connection established\r\n\r\n"


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """An environment that names no proxy."""
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    return monkeypatch


class ConnectProxy:
    """An HTTP proxy on loopback: whatever host a client wants, it reaches loopback's *target*."""

    def __init__(self, target: int = 0, answer: bytes = ESTABLISHED) -> None:
        self.requests: list[str] = []
        self._target = target
        self._answer = answer
        self._server = RawServer(self._serve)

    @property
    def port(self) -> int:
        return self._server.port

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def url_for(self, user: str) -> str:
        return f"http://{user}@127.0.0.1:{self.port}"

    async def __aenter__(self) -> "ConnectProxy":
        await self._server.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._server.__aexit__()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        self.requests.append(head.decode())
        writer.write(self._answer)
        if self._target and self._answer.startswith(ESTABLISHED):
            await self._relay(reader, writer)

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", self._target)

        async def copy(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
            try:
                while data := await source.read(65536):
                    target.write(data)
            finally:
                target.close()

        await asyncio.gather(copy(reader, inner_writer), copy(inner_reader, writer))


@pytest.mark.parametrize("scheme", ["http", "https", "ws", "wss"])
@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST", "127.0.0.1", "127.8.9.10", "[::1]", "localhost:8443"]
)
def test_loopback_is_never_proxied(environment: pytest.MonkeyPatch, scheme: str, host: str) -> None:
    environment.setenv("HTTP_PROXY", "http://proxy.test:3128")
    environment.setenv("HTTPS_PROXY", "http://proxy.test:3128")
    assert proxy.find(f"{scheme}://{host}/path") is None
    assert proxy.find(f"{scheme}://venue.test/path") == "http://proxy.test:3128"


def test_no_variable_is_no_proxy() -> None:
    assert proxy.find("wss://venue.test/v5") is None
    assert proxy.find("http://venue.test/v5") is None


@pytest.mark.parametrize("spelled", [str.upper, str.lower])
def test_secure_schemes_and_plain_ones_have_a_proxy_each(
    environment: pytest.MonkeyPatch, spelled: Callable[[str], str]
) -> None:
    environment.setenv(spelled("https_proxy"), "http://secure.test:1")
    environment.setenv(spelled("http_proxy"), "http://plain.test:2")
    assert proxy.find("https://venue.test") == "http://secure.test:1"
    assert proxy.find("wss://venue.test:9443/v5") == "http://secure.test:1"
    assert proxy.find("http://venue.test") == "http://plain.test:2"
    assert proxy.find("ws://venue.test:9080/v5") == "http://plain.test:2"


def test_a_proxy_for_one_kind_of_scheme_does_not_serve_the_other(
    environment: pytest.MonkeyPatch,
) -> None:
    environment.setenv("HTTPS_PROXY", "http://secure.test:1")
    assert proxy.find("ws://venue.test") is None
    environment.delenv("HTTPS_PROXY")
    environment.setenv("HTTP_PROXY", "http://plain.test:2")
    assert proxy.find("wss://venue.test") is None


def test_lower_case_comes_before_upper_case(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("HTTPS_PROXY", "http://upper.test:1")
    environment.setenv("https_proxy", "http://lower.test:1")
    assert proxy.find("wss://venue.test") == "http://lower.test:1"


@pytest.mark.parametrize("name", ["NO_PROXY", "no_proxy"])
def test_hosts_that_need_no_proxy_have_none(environment: pytest.MonkeyPatch, name: str) -> None:
    environment.setenv("HTTPS_PROXY", "http://proxy.test:3128")
    environment.setenv(name, "other.test, .venue.test")
    assert proxy.find("wss://venue.test/v5") is None
    assert proxy.find("https://stream.venue.test") is None
    assert proxy.find("https://other.test") is None
    assert proxy.find("wss://notvenue.test") == "http://proxy.test:3128"
    environment.setenv(name, "*")
    assert proxy.find("wss://notvenue.test") is None


@pytest.mark.parametrize("scheme", ["socks5", "socks5h", "socks4", "https"])
@pytest.mark.parametrize("url", ["wss://venue.test/v5", "https://venue.test"])
def test_a_proxy_of_another_kind_is_refused_in_one_line_without_its_password(
    environment: pytest.MonkeyPatch, scheme: str, url: str
) -> None:
    environment.setenv("HTTPS_PROXY", f"{scheme}://me:hunter2@proxy.test:1080")
    with pytest.raises(ConfigError) as caught:
        proxy.find(url)
    words = str(caught.value)
    assert f"venue.test would go through {scheme}://proxy.test:1080" in words
    assert "only http:// proxies" in words
    assert "NO_PROXY" in words
    assert "\n" not in words
    assert "hunter2" not in words
    environment.setenv("NO_PROXY", "venue.test")
    assert proxy.find(url) is None


@asynccontextmanager
async def venue() -> AsyncIterator[int]:
    """The port of a server that answers each line with itself."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            writer.write(b"venue: " + line)

    async with RawServer(serve) as server:
        yield server.port


async def received(sock: Any, size: int) -> bytes:
    got = b""
    async with asyncio.timeout(PATIENCE_S):
        while len(got) < size:
            data = await asyncio.get_running_loop().sock_recv(sock, size - len(got))
            if not data:
                break
            got += data
    return got


@pytest.mark.parametrize(
    ("user", "header"),
    [
        ("", None),
        ("me:s3cret@", "me:s3cret"),
        ("me@", "me:"),
        ("me%40work:p%3Aw%2F%C3%A4@", "me@work:p:w/ä"),
    ],
)
async def test_a_tunnel_is_asked_for_by_connect_and_carries_bytes_both_ways(
    user: str, header: str | None
) -> None:
    async with venue() as port, ConnectProxy(port) as way:
        sock = await proxy.tunnel(f"http://{user}127.0.0.1:{way.port}", "venue.test", 9443)
        try:
            await asyncio.get_running_loop().sock_sendall(sock, b"one\n")
            assert await received(sock, 11) == b"venue: one\n"
            assert sock.getblocking() is False
        finally:
            sock.close()
    [request] = way.requests
    first, *headers = request.split("\r\n")
    assert first == "CONNECT venue.test:9443 HTTP/1.1"
    assert "Host: venue.test:9443" in headers
    told = [line for line in headers if line.startswith("Proxy-Authorization: ")]
    if header is None:
        assert told == []
    else:
        encoded = base64.b64encode(header.encode()).decode()
        assert told == [f"Proxy-Authorization: Basic {encoded}"]


@pytest.mark.parametrize(
    "answer",
    [
        ESTABLISHED,
        b"HTTP/1.0 200 OK\r\nVia: 1.1 proxy\r\nX-Cache: MISS\r\n\r\n",
        b"HTTP/1.1 200\r\n\r\n",
    ],
)
async def test_bytes_in_the_packet_of_the_200_belong_to_the_tunnel(answer: bytes) -> None:
    first = b"\r\n\r\nfirst bytes of the tunnel"
    async with ConnectProxy(answer=answer + first) as way:
        sock = await proxy.tunnel(way.url, "venue.test", 9443)
        try:
            assert await received(sock, len(first)) == first
            assert await received(sock, 1) == b""
        finally:
            sock.close()


@pytest.mark.parametrize(
    "status",
    ["407 ConnectProxy Authentication Required", "502 Bad Gateway", "403 Forbidden", "301 Moved"],
)
async def test_an_error_about_a_refusal_quotes_the_proxy_without_its_password(status: str) -> None:
    answer = f"HTTP/1.1 {status}\r\nContent-Length: 3\r\n\r\nno\n".encode()
    async with ConnectProxy(answer=answer) as way:
        with pytest.raises(ConnectionLost) as caught:
            await proxy.tunnel(way.url_for("me:hunter2"), "venue.test", 9443)
        words = str(caught.value)
        assert words == f"proxy {way.url} refused venue.test:9443: {status}"


@pytest.mark.parametrize("answer", [b"", b"HT", b"SSH-2.0-OpenSSH_9.6\r\n", b"x" * 20_000])
async def test_a_peer_that_is_no_proxy_or_leaves_before_it_answers_is_reported(
    answer: bytes,
) -> None:
    async with ConnectProxy(answer=answer) as way:
        with pytest.raises(ConnectionLost, match=rf"proxy {way.url} refused venue\.test:9443"):
            await proxy.tunnel(way.url_for("me:hunter2"), "venue.test", 9443)


async def test_a_long_refusal_is_clipped() -> None:
    async with ConnectProxy(answer=b"HTTP/1.1 502 " + b"x" * 2000 + b"\r\n\r\n") as way:
        with pytest.raises(ConnectionLost) as caught:
            await proxy.tunnel(way.url, "venue.test", 9443)
        assert str(caught.value).endswith(" 502 " + "x" * 96)


class EchoClient:
    """A WebSocket connection and the messages that came over it."""

    def __init__(self) -> None:
        self.messages: asyncio.Queue[bytes] = asyncio.Queue()

    def scan(self, view: memoryview, start: int, end: int) -> int:
        taken, at = frames.split(view, start, end)
        for message in taken:
            self.messages.put_nowait(message)
        return at

    async def connect(
        self,
        url: str,
        tls: ssl.SSLContext | None,
        on_clock: bool = False,
        timeout_s: float = 5,
    ) -> websocket.WebSocket:
        return await websocket.connect(
            url,
            self.scan,
            self.messages.put_nowait,
            tls=tls,
            headers={"User-Agent": "t"},
            timeout_s=timeout_s,
            on_clock=on_clock,
        )


async def echo(connection: websockets.asyncio.server.ServerConnection) -> None:
    async for message in connection:
        assert isinstance(message, str)
        await connection.send(f"{connection.request.headers['Host']}: {message}")  # type: ignore[union-attr]


@pytest.mark.parametrize("anyio_backend", LOOPS)
@pytest.mark.parametrize("secure", [False, True])
@pytest.mark.parametrize("on_clock", [False, True])
async def test_a_websocket_goes_through_the_proxy_from_end_to_end(
    environment: pytest.MonkeyPatch, secure: bool, on_clock: bool
) -> None:
    names: list[str | None] = []

    server_tls = server_context() if secure else None
    if server_tls:
        server_tls.sni_callback = lambda sock, name, context: names.append(name)
    # The tests' certificate is not the venue's; that its name is checked is the next test's.
    client_tls = client_context() if secure else None
    if client_tls:
        client_tls.check_hostname = False
    async with websockets.asyncio.server.serve(echo, "127.0.0.1", 0, ssl=server_tls) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        async with ConnectProxy(port) as way:
            variable = "HTTPS_PROXY" if secure else "HTTP_PROXY"
            environment.setenv(variable, way.url_for("me:s3cret"))
            client = EchoClient()
            url = f"ws{'s' * secure}://venue.test:9999/v5"
            connection = await client.connect(url, client_tls, on_clock)
            for text in (b"one", b"two"):
                connection.send_text(text)
                async with asyncio.timeout(PATIENCE_S):
                    while on_clock and client.messages.empty():
                        connection.read()
                        await asyncio.sleep(0.001)
                    assert await client.messages.get() == b"venue.test:9999: " + text
            connection.close()
            async with asyncio.timeout(PATIENCE_S):
                assert "1000" in await connection.closed
            [request] = way.requests
            assert request.startswith("CONNECT venue.test:9999 HTTP/1.1\r\n")
            assert "\r\nProxy-Authorization: Basic bWU6czNjcmV0\r\n" in request
    assert names == (["venue.test"] if secure else [])


async def test_the_certificate_must_be_that_of_the_venue_not_of_the_proxy(
    environment: pytest.MonkeyPatch,
) -> None:
    async with websockets.asyncio.server.serve(
        echo, "127.0.0.1", 0, ssl=server_context()
    ) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        async with ConnectProxy(port) as way:
            environment.setenv("HTTPS_PROXY", way.url)
            with pytest.raises(ConnectionLost, match=r"'venue\.test'"):
                await EchoClient().connect("wss://venue.test/v5", client_context())


@pytest.mark.parametrize("answer", [b"HTTP/1.1 407 No\r\n\r\n", b"", ESTABLISHED])
@pytest.mark.parametrize("secure", [False, True])
async def test_a_proxy_that_refuses_or_closes_half_way_ends_the_attempt(
    environment: pytest.MonkeyPatch, answer: bytes, secure: bool
) -> None:
    async with ConnectProxy(answer=answer) as way:
        environment.setenv("HTTP_PROXY", way.url_for("me:hunter2"))
        environment.setenv("HTTPS_PROXY", way.url_for("me:hunter2"))
        tls = client_context() if secure else None
        with pytest.raises(ConnectionLost) as caught:
            await EchoClient().connect(f"ws{'s' * secure}://venue.test/v5", tls)
        assert "hunter2" not in str(caught.value)


async def test_a_proxy_that_never_answers_is_given_up(environment: pytest.MonkeyPatch) -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await reader.read())

    heard: list[bytes] = []
    async with RawServer(silent) as server:  # ends when the socket was closed on our side
        environment.setenv("HTTP_PROXY", f"http://127.0.0.1:{server.port}")
        with pytest.raises(ConnectionLost, match=r"did not answer in 0\.05 s"):
            await EchoClient().connect("ws://venue.test/", None, timeout_s=0.05)
    assert heard[0].startswith(b"CONNECT venue.test:80 ")


@pytest.mark.parametrize(
    "answer", [ESTABLISHED[:-2], b"HTTP/1.1 200 OK\r\nVia: 1.1 proxy\r\nX-Ca", b"HTTP/1.1 200"]
)
async def test_an_answer_that_breaks_off_after_its_status_is_no_tunnel(answer: bytes) -> None:
    async with ConnectProxy(answer=answer) as way:
        with pytest.raises(ConnectionLost) as caught:
            await proxy.tunnel(way.url_for("me:hunter2"), "venue.test", 9443)
        words = f"proxy {way.url} refused venue.test:9443: incomplete response"
        assert str(caught.value) == words


@pytest.mark.parametrize(
    "rest",
    [
        *("me:hunter2@proxy.test:99999", "me:hunter2@proxy.test:port", "me:hunter2@"),
        *("me:hunter2#x@proxy.test:1", "me:hunter2/x@proxy.test:1", "me:hunter2?x@proxy.test:1"),
        *("me:hunter2@proxy.test:1#x",),
    ],
)
@pytest.mark.parametrize("scheme", ["http://", ""])
def test_a_proxy_without_a_readable_host_and_port_is_refused_without_its_password(
    environment: pytest.MonkeyPatch, scheme: str, rest: str
) -> None:
    environment.setenv("HTTPS_PROXY", scheme + rest)
    with pytest.raises(ConfigError, match="is malformed") as caught:
        proxy.find("wss://venue.test/v5")
    assert "hunter2" not in str(caught.value)
    assert "\n" not in str(caught.value)


async def test_an_ipv6_target_stands_in_brackets() -> None:
    async with ConnectProxy() as way:
        sock = await proxy.tunnel(way.url, "2001:db8::7", 9443)
        sock.close()
        [request] = way.requests
        first, *headers = request.rstrip().split("\r\n")
        assert first == "CONNECT [2001:db8::7]:9443 HTTP/1.1"
        assert headers == ["Host: [2001:db8::7]:9443"]


@pytest.mark.parametrize("found", ["proxy.test:3128", "proxy.test", "me:pw@proxy.test:3128"])
def test_a_proxy_without_a_scheme_is_an_http_proxy(
    environment: pytest.MonkeyPatch, found: str
) -> None:
    environment.setenv("HTTPS_PROXY", found)
    assert proxy.find("wss://venue.test/v5") == f"http://{found}"
