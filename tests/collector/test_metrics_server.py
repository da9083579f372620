"""What answers `GET /metrics`, and what it makes of those who ask for something else."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress

import pytest

from fastopts.collector.operation.metrics_server import CONNECTIONS_MAX, MetricsServer
from fastopts.errors import ConfigError
from tests.collector.scrapes import REQUEST, ask
from tests.support.collector_limits import current, quicken
from tests.support.loops import LOOPS

TEXT = b"a_metric 1\n"
LOCAL = "127.0.0.1"

pytestmark = [
    pytest.mark.usefixtures("strict_loop"),
    pytest.mark.parametrize("anyio_backend", LOOPS),
]


Render = Callable[[], bytes]


def serving(render: Render = lambda: TEXT, host: str = LOCAL) -> MetricsServer:
    """A server of *render*'s text; for `async with`."""
    return MetricsServer(host, 0, render, current())


@pytest.fixture
async def server() -> AsyncIterator[MetricsServer]:
    async with serving() as server:
        yield server


def get(path: str = "/metrics", *headers: str) -> bytes:
    lines = (f"GET {path} HTTP/1.1", *headers, "", "")
    return "\r\n".join(lines).encode()


async def rest_of(reader: asyncio.StreamReader) -> bytes:
    """What still comes; nothing where the connection was aborted."""
    with suppress(ConnectionError):
        return await reader.read()
    return b""


def status(head: bytes) -> int:
    return int(head.split(b" ", 2)[1])


async def test_the_metrics_have_their_types(server: MetricsServer) -> None:
    head, body = await ask(server.port)
    assert head.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"Content-Type: text/plain; version=0.0.4; charset=utf-8" in head
    assert b"Server:" not in head
    assert body == TEXT


async def test_a_large_answer_is_complete_however_slowly_it_is_read() -> None:
    large = b"x" * 3_000_000

    async with serving(lambda: large) as server:
        reader, writer = await asyncio.open_connection(LOCAL, server.port, limit=1024)
        writer.write(REQUEST)
        answer = b""
        while data := await reader.read(5000):
            answer += data
            await asyncio.sleep(0)
        writer.close()
        assert answer.partition(b"\r\n\r\n")[2] == large


@pytest.mark.parametrize("path", ["/", "/metrics/", "/metricsx", "//metrics", "/../metrics", "*"])
async def test_there_is_nothing_else(server: MetricsServer, path: str) -> None:
    head, body = await ask(server.port, get(path, f"Host: {LOCAL}"))
    assert status(head) == 404
    assert TEXT not in body
    head, body = await ask(server.port, get("/metrics?a=b", f"Host: {LOCAL}"))
    assert (status(head), body) == (200, TEXT)


@pytest.mark.parametrize(
    "headers",
    [
        (),
        ("Host: ",),
        ("Host: evil.example",),
        ("Host: evil.example:8051",),
        ("Host: 127.0.0.1.evil.example",),
        ("Host: localhost.evil.example",),
        ("Host: 127.0.0.1@evil.example",),
        ("Host: 127.0.0.1:8051:8051",),
        ("Host: 127.0.0.1", "Host: evil.example"),
        ("X-Forwarded-Host: localhost",),
    ],
)
async def test_loopback_is_answered_only_under_its_own_names(
    server: MetricsServer, headers: tuple[str, ...]
) -> None:
    head, body = await ask(server.port, get("/metrics", *headers))
    assert status(head) == 403
    assert TEXT not in body


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "127.0.0.1:1", "localhost", "LocalHost:65535", "[::1]", "[::1]:8051"]
)
async def test_loopback_has_several_names(server: MetricsServer, host: str) -> None:
    head, _ = await ask(server.port, get("/metrics", f"Host: {host}"))
    assert status(head) == 200


async def test_other_addresses_go_by_any_name() -> None:
    async with serving(host="0.0.0.0") as server:
        head, body = await ask(server.port, get("/metrics", "Host: collector:8051"))
        assert (status(head), body) == (200, TEXT)


HOSTILE = {
    "nothing": b"",
    "line ends": b"\r\n" * 1000,
    "zeros": bytes(100_000),
    "every byte": bytes(range(256)) * 400,
    "TLS": bytes.fromhex("16030100c8010000c403") + bytes(200),
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "a Redis command": b"*1\r\n$8\r\nFLUSHALL\r\n",
    "POST": b"POST /metrics HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}",
    "HEAD": b"HEAD /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "a body": b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n",
    "chunks": b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n",
    "a long path": b"GET /" + b"x" * 1_000_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "a long header": b"GET /metrics HTTP/1.1\r\nHost: " + b"x" * 1_000_000 + b"\r\n\r\n",
    "many headers": b"GET /metrics HTTP/1.1\r\n" + b"X: y\r\n" * 100_000 + b"\r\n",
    "a header without a colon": b"GET /metrics HTTP/1.1\r\nHost\r\n\r\n",
    "no header's end": b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n",
    "an absolute address": b"GET http://localhost/metrics HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "no version": b"GET /metrics\r\n\r\n",
}


@pytest.mark.parametrize("name", HOSTILE)
async def test_invalid_requests_get_no_metrics_and_are_not_logged(
    server: MetricsServer, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)

    _, writer = await asyncio.open_connection(LOCAL, server.port)
    writer.write(HOSTILE[name])
    writer.transport.abort()
    reader, writer = await asyncio.open_connection(LOCAL, server.port)
    writer.write(HOSTILE[name])
    writer.write_eof()
    assert TEXT not in await rest_of(reader)
    writer.close()
    assert (await ask(server.port))[1] == TEXT
    told = [record for record in caplog.records if record.name != "asyncio"]
    assert [record.getMessage() for record in told if "metrics at" not in record.msg] == []


async def test_a_request_for_a_websocket_gets_the_text(server: MetricsServer) -> None:
    head, body = await ask(
        server.port,
        get(
            "/metrics",
            "Host: localhost",
            "Upgrade: websocket",
            "Connection: Upgrade",
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
            "Sec-WebSocket-Version: 13",
        ),
    )
    assert (status(head), body) == (200, TEXT)


@pytest.mark.limits(metrics_request_within_s=0.1)
async def test_clients_that_take_too_long_to_ask_are_disconnected(server: MetricsServer) -> None:
    head, body = await ask(server.port, b"GET /metrics HTTP/1.1\r\nHost: loc")
    assert (head, body) == (b"", b"")


async def test_a_request_may_come_byte_by_byte(server: MetricsServer) -> None:
    _, body = await ask(server.port, (bytes([byte]) for byte in REQUEST))
    assert body == TEXT


# Those that are held must outlast the thousand, however busy the machine is.
@pytest.mark.limits(metrics_request_within_s=60.0)
async def test_a_thousand_connections_are_not_kept(server: MetricsServer) -> None:
    held = [await asyncio.open_connection(LOCAL, server.port) for _ in range(CONNECTIONS_MAX)]
    for _ in range(10):
        refused = [asyncio.create_task(ask(server.port, b"")) for _ in range(100)]
        assert {await each for each in refused} == {(b"", b"")}
    for _, writer in held:
        writer.write(REQUEST)
    for reader, writer in held:
        assert (await reader.read()).endswith(TEXT)
        writer.close()
        await writer.wait_closed()
    answer = b""
    while not answer:  # the server may not have detected yet that those have gone
        _, answer = await ask(server.port)
    assert answer == TEXT


async def test_a_flood_of_scrapes_reads_the_state_once(monkeypatch: pytest.MonkeyPatch) -> None:
    quicken(monkeypatch, metrics_cache_s=3600.0)
    looks: list[None] = []

    def render() -> bytes:
        looks.append(None)
        return b"a_metric %d\n" % len(looks)

    async with serving(render) as server:
        for _ in range(50):
            assert (await ask(server.port))[1] == b"a_metric 1\n"
    assert len(looks) == 1


async def test_a_failed_check_is_logged_once_and_the_next_may_succeed(
    caplog: pytest.LogCaptureFixture,
) -> None:
    faults: Iterator[Exception | None] = iter([ZeroDivisionError("no"), OSError(24, "no"), None])

    def render() -> bytes:
        fault = next(faults)
        if fault is not None:
            raise fault
        return TEXT

    caplog.set_level(logging.INFO, "fastopts")
    async with serving(render) as server:
        heads = [(await ask(server.port))[0] for _ in range(3)]
    assert [status(head) for head in heads] == [500, 500, 200]
    assert caplog.text.count("metrics cannot be rendered: ZeroDivisionError('no')") == 1
    assert "metrics are rendered again" in caplog.text


async def test_the_end_waits_for_no_client(monkeypatch: pytest.MonkeyPatch) -> None:
    quicken(monkeypatch, metrics_request_within_s=3600.0)

    async with MetricsServer(LOCAL, 0, lambda: TEXT, current()) as server:
        slow = [await asyncio.open_connection(LOCAL, server.port) for _ in range(3)]
        for _, writer in slow[1:]:
            writer.write(REQUEST[:-2])
        assert (await ask(server.port))[1] == TEXT
    for reader, writer in slow:
        assert await rest_of(reader) == b""
        writer.close()


async def test_a_port_that_is_taken_is_named(server: MetricsServer) -> None:
    with pytest.raises(ConfigError, match=f"127.0.0.1, port {server.port}: .*in use"):
        await MetricsServer(LOCAL, server.port, lambda: TEXT).__aenter__()


async def test_a_host_that_is_none_of_this_machine_is_named(server: MetricsServer) -> None:
    with pytest.raises(ConfigError, match=r"--metrics-port: cannot listen on 192.0.2.1"):
        await MetricsServer("192.0.2.1", server.port, lambda: TEXT).__aenter__()
