"""Bytes that no honest client sends, and bytes that hardly come: an answer of 4xx, or the end."""

import contextlib
import itertools
import json
import logging
import random
import re
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from fastopts.serve.settings import Limits
from tests.serve.http_server import KEY, HttpServerThread, Raw, frame, strict, until
from tests.serve.live_market import LiveMarket

BIG = "/page/vendor/echarts.common.min.js"
SEED = 20
CASES = 400
AT_ONCE = 100
INSIDE = rb"Traceback|File \"|uvicorn|websockets/|httptools|Python/|\nserver:"
LEAKS = re.compile(INSIDE, re.IGNORECASE)


@pytest.fixture
def http_server(
    live_market: LiveMarket, caplog: pytest.LogCaptureFixture
) -> Iterator[HttpServerThread]:
    """One that soon ends what goes on for too long; nothing that comes is an error of its own."""
    limits = Limits(request_s=1.0, stall_s=0.4, connections=700, connections_each=600)
    with HttpServerThread(live_market.store.url, limits=limits, buffer=4096) as made:
        made.server.config.timeout_keep_alive = 0.3  # type: ignore[assignment]
        with caplog.at_level(logging.INFO):
            yield made.ready()
            until(lambda: not made.connections and not len(made.admission))
            until(lambda: set(made.stats.streams.values()) <= {0})
            assert made.get("/v1/feed").status == 200
    assert not [one for one in caplog.records if one.levelno >= logging.ERROR]


def statuses(data: bytes) -> list[int]:
    """The statuses of all responses in *data*, none of which exposes internals of the server."""
    assert not LEAKS.search(data), data[:400]
    return [int(status) for status in re.findall(rb"HTTP/1\.1 (\d{3}) ", data)]


Trickle = Callable[[Raw], Iterator[bytes]]


def head(raw: Raw) -> Iterator[bytes]:
    for number in itertools.count():
        yield b"GET /v1/feed HTTP/1.1\r\nA: "[number : number + 1] or b"a"


def empty_lines(raw: Raw) -> Iterator[bytes]:
    yield from itertools.repeat(b"\r\n")


def body(raw: Raw) -> Iterator[bytes]:
    yield f"POST /v1/feed HTTP/1.1\r\nHost: {raw.host}\r\nContent-Length: 9999\r\n\r\n".encode()
    yield from itertools.repeat(b"x")


def second(raw: Raw) -> Iterator[bytes]:
    """The beginning of another request comes in one piece with the first."""
    yield f"GET /live HTTP/1.1\r\nHost: {raw.host}\r\n\r\nGET /li".encode()
    yield from itertools.repeat(b"")


def nothing(raw: Raw) -> Iterator[bytes]:
    yield from itertools.repeat(b"")


def upgrade(raw: Raw) -> Iterator[bytes]:
    yield f"GET /v1/stream HTTP/1.1\r\nHost: {raw.host}\r\nUpgrade: websocket\r\n".encode()
    yield from itertools.repeat(b"Connection: upgrade\r\n"[:1])


def test_AP_07_clients_that_send_byte_by_byte_are_cut_off_and_others_served(
    http_server: HttpServerThread,
) -> None:
    kinds: tuple[Trickle, ...] = (head, empty_lines, body, second, nothing, upgrade)
    http_server.server.config.timeout_keep_alive = 30  # it is not what cuts them off
    with ExitStack() as stack:
        left: dict[Raw, Iterator[bytes]] = {}
        for number in range(500):
            raw = stack.enter_context(http_server.raw())
            left[raw] = kinds[number % len(kinds)](raw)
            raw.socket.setblocking(False)
        served = 0
        while left:
            for raw, words in list(left.items()):
                raw.send(next(words))
                if is_over(raw):
                    del left[raw]
            assert http_server.get("/v1/feed", source="127.0.0.2").status == 200
            served += 1
        drops = http_server.stats.drops
    assert served > 1
    assert drops["idle"] >= sum(kinds[n % len(kinds)] is nothing for n in range(500))
    assert drops["idle"] + drops["request_timeout"] == 500


def is_over(raw: Raw) -> bool:
    try:
        return not raw.socket.recv(65536)
    except BlockingIOError:
        return False
    except ConnectionError:
        return True


def test_AP_07_clients_that_read_byte_by_byte_are_cut_off_and_others_served(
    http_server: HttpServerThread,
) -> None:
    with ExitStack() as stack:
        left = {stack.enter_context(http_server.raw(buffer=4096)) for _ in range(40)}
        for raw in left:
            raw.ask(BIG)
            raw.ask(BIG)
        while left:
            for raw in list(left):
                if not raw.socket.recv(1):
                    left.discard(raw)
            assert http_server.get("/v1/feed", source="127.0.0.2").status == 200
            if http_server.stats.drops["write_stall"] == 40:
                left.clear()


def test_AP_07_a_header_without_an_end_is_cut_off_by_its_size(
    http_server: HttpServerThread,
) -> None:
    for start in (
        b"GET / HTTP/1.1\r\nA: ",
        b"GET /",
        b"GET / HTTP/1.1\r\nA",
        b"POST / HTTP/1.1\r\n",
    ):
        with http_server.raw() as raw:
            raw.send(start)
            sent = 0
            while raw.send(b"a" * 16384):
                sent += 16384
                assert sent < 64e6
            assert http_server.get("/live", source="127.0.0.2").status == 204
    assert http_server.stats.drops["too_large"] + http_server.stats.drops["malformed_request"] == 4


SMUGGLED = b"GET /v1/feed HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
SMUGGLING = (
    b"Content-Length: 43\r\nTransfer-Encoding: chunked\r\n",
    b"Transfer-Encoding: chunked\r\nContent-Length: 0\r\n",
    b"Content-Length: 0\r\nContent-Length: 43\r\n",
    b"Content-Length: 43\r\nContent-Length: 43\r\n",
    *(
        b"Content-Length: %b\r\n" % size
        for size in (b"+0", b"-1", b"0x2b", b"4 3", b"43,0", b"1e1")
    ),
    b"Content-Length: 99999999999999999999999\r\n",
    *(
        b"Transfer-Encoding: %b\r\n" % form
        for form in (b"chunked, chunked", b"xchunked", b"identity")
    ),
    b"Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n",
    b"Transfer-Encoding : chunked\r\n",
    b"Transfer-Encoding:\x0bchunked\r\n",
    b"Transfer-Encoding\r\n : chunked\r\n",
    b"Content-Length: 0\r\n folded\r\n",
    b"A: b\nContent-Length: 43\r\n",
    b"A: b\rContent-Length: 43\r\n",
    b"A: \0\r\n",
    b": no name\r\n",
    b"no colon\r\n",
    b"\xff: x\r\n",
)


@pytest.mark.parametrize("method", [b"GET", b"POST", b"HEAD"])
def test_AP_13_nothing_is_smuggled_behind_a_request(
    http_server: HttpServerThread, method: bytes
) -> None:
    for lines in SMUGGLING:
        with http_server.raw() as raw:
            start = b"%b /v1/feed HTTP/1.1\r\nHost: %b\r\n" % (method, raw.host.encode())
            raw.send(start + lines + b"\r\n" + SMUGGLED.replace(b"127.0.0.1", raw.host.encode()))
            found = statuses(raw.rest())
            assert len(found) <= 1, lines
            assert all(400 <= status < 500 for status in found), lines


FIRST_LINES = (
    *(
        b"GET",
        b"GET /",
        b"GET / HTTP/1.1 x",
        b"GET  / HTTP/1.1",
        b"get / HTTP/1.1",
        b"\0",
        b"\xff\xfe",
    ),
    *(b"GET / HTTP/9.9", b"GET / HTTP/1.", b"GET / HTTP/11", b"GET / http/1.1", b"GET / ICY/1.0"),
    *(b"GET /\xc3\xa9 HTTP/1.1", b"GET /a b HTTP/1.1", b"GET /\0 HTTP/1.1", b"GET ?x HTTP/1.1"),
    *(b"GET * HTTP/1.1", b"OPTIONS * HTTP/1.1", b"CONNECT a:1 HTTP/1.1", b"TRACE / HTTP/1.1"),
    *(b"PRI * HTTP/2.0", b"FOO / HTTP/1.1", b"GET http:// HTTP/1.1", b"GET //a@b:1/ HTTP/1.1"),
    *(
        b"GET /%",
        b"GET /%zz HTTP/1.1",
        b"GET /v1/options/%ff%00 HTTP/1.1",
        b"GET /v1/%2e%2e HTTP/1.1",
    ),
    *(b"GET /v1/scan?%ff=%fe&limit=%00 HTTP/1.1", b"GET /v1/scan?limit=1&limit=2 HTTP/1.1"),
    *(b"GET /v1/events?subscribe={ HTTP/1.1", b"GET /v1/events?subscribe=%ff HTTP/1.1"),
    *(b"GET /v1/chains/BTC/27NOV99?settle=%0d%0aX:%20y HTTP/1.1", b"GET /v1/stream HTTP/1.1"),
    b"GET /" + b"a" * 9000 + b" HTTP/1.1",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",  # a hello of TLS
)


def test_AP_13_a_first_line_that_makes_no_sense_is_no_error_of_the_server_s(
    http_server: HttpServerThread,
) -> None:
    with ExitStack() as stack:
        pairs = [(line, stack.enter_context(http_server.raw())) for line in FIRST_LINES]
        for line, raw in pairs:
            raw.send(b"%b\r\nHost: %b\r\n\r\n" % (line, raw.host.encode()))
        for line, raw in pairs:
            found = statuses(raw.rest())
            assert all(status < 500 for status in found), line
            assert len(found) <= 1


def test_AP_13_oddities_that_are_allowed_are_answered(http_server: HttpServerThread) -> None:
    """Pipelined requests, Expect, an upgrade to an unsupported protocol, HTTP/1.0, a whole URL."""
    host = f"{http_server.host}:{http_server.port}".encode()
    one = b"GET /v1/feed HTTP/1.1\r\nHost: %b\r\n" % host
    closing = b"Connection: close\r\n\r\n"
    h2c = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n"
    for request, answers in (
        ((one + b"\r\n") * 60 + one + closing, [200] * 61),
        (b"\r\n\r\n" + one + closing, [200]),
        (one + b"Expect: 100-continue\r\n" + closing, [200]),
        (one + b"Expect: something\r\n" + closing, [200]),
        (one + h2c + one + closing, [200]),
        (one.replace(b"1.1", b"1.0") + b"\r\n", [200]),
        (one.replace(b"1.1", b"1.0") + b"Connection: keep-alive\r\n\r\n", [200]),
        (one.replace(b"/v1", b"http://%b/v1" % host) + closing, [200]),
        (one + b"Content-Length: 0\r\n" + closing, [200]),
        (one + b"X: \xff\xfe\r\n" + closing, [200]),
        (one + b"X: y\r\n" * 500 + closing, [200]),
        (one + b"X: y\r\n" * 5000 + closing, [431]),
        (one + b"X: " + b"y" * 20000 + b"\r\n" + closing, [431]),
    ):
        with http_server.raw() as raw:
            raw.send(request)
            assert statuses(raw.rest()) == answers, request[-200:]


def test_AP_13_requests_that_wait_for_a_stream_s_end_are_counted(
    http_server: HttpServerThread,
) -> None:
    host = f"{http_server.host}:{http_server.port}"
    with ExitStack() as stack:
        for _ in range(20):
            raw = stack.enter_context(http_server.raw(buffer=4096))
            raw.ask("/v1/events")
            raw.send(f"GET /live HTTP/1.1\r\nHost: {host}\r\n\r\n".encode() * 1000)
        until(lambda: http_server.stats.drops["pipeline_limit"] == 20)
        until(lambda: not http_server.stats.streams["sse"])


def test_AP_13_what_was_a_request_once_is_refused_or_answered(
    http_server: HttpServerThread,
) -> None:
    chance = random.Random(SEED)
    host = f"{http_server.host}:{http_server.port}"
    handshake = f"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: {KEY}\r\n"
    seeds = (
        ("GET /v1/scan?asset=BTC&limit=5", "Accept: text/csv\r\n\r\n"),
        ("GET /page/main.js", "Accept-Encoding: gzip\r\n\r\n"),
        ("POST /ready", "Content-Length: 3\r\n\r\nabc"),
        ("GET /live", "Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n"),
        ("GET /v1/stream", f"{handshake}Sec-WebSocket-Version: 13\r\n\r\n"),
    )
    requests = [f"{line} HTTP/1.1\r\nHost: {host}\r\n{rest}".encode() for line, rest in seeds]
    cases = [mangled(chance.choice(requests), chance) for _ in range(CASES)]
    for at in range(0, CASES, AT_ONCE):
        with ExitStack() as stack:
            pairs = [
                (case, stack.enter_context(http_server.raw())) for case in cases[at : at + AT_ONCE]
            ]
            for case, raw in pairs:
                raw.send(case)
            for case, raw in pairs:
                data = until_upgraded(raw)
                assert all(status < 500 for status in statuses(data)), case


def mangled(case: bytes, chance: random.Random) -> bytes:
    data = bytearray(case)
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(data))
        match chance.randrange(5):
            case 0:
                data[at] = chance.randrange(256)
            case 1:
                data[at:at] = bytes([chance.choice(b"\r\n\0 :;,%\xff\x80")])
            case 2:
                del data[at : at + chance.randint(1, 8)]
            case 3:
                data[at:at] = data[at : at + chance.randint(1, 80)]
            case 4:
                data[at:at] = chance.choice((b"\r\n\r\n", b"0" * 30, b"HTTP/1.1", b"\r\nHost: x"))
        data = data or bytearray(b"\n")
    return bytes(data)


def until_upgraded(raw: Raw) -> bytes:
    """What comes until the connection ends, or a stream begins."""
    data = b""
    while part := raw.take(1):
        data += part
        if data.endswith(b"\r\n\r\n") and data.startswith(b"HTTP/1.1 101"):
            break
    return data


FRAMES = {
    "unmasked": (frame("{}", masked=False), 1002),
    **{f"rsv {rsv}": (frame("{}", rsv=rsv), 1002) for rsv in range(1, 8)},
    **{f"opcode {code}": (frame("{}", code), 1002) for code in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15)},
    "a ping in parts": (frame(b"", 9, fin=False), 1002),
    "a long ping": (frame(b"x" * 126, 9), 1002),
    "the middle of nothing": (frame("{}", 0), 1002),
    "two beginnings": (frame("{", fin=False) + frame("}"), 1002),
    "no UTF-8": (frame(b"\xff\xfe"), 1007),
    "no UTF-8, in parts": (frame(b"\xc3", fin=False) + frame(b"(", 0), 1007),
    "surrogates": (frame(b"\xed\xa0\x80"), 1007),
    "larger than may be": (frame(b"x" * 70000), 1009),
    "in parts larger than may be": (frame(b"x" * 60000, fin=False) + frame(b"x" * 60000, 0), 1009),
    "as large as memory": (frame(b"", size=2**62), 1009),
    "larger than a size": (frame(b"", size=2**64 - 1), 1009),
    "endless parts": (frame(b"", fin=False) + frame(b"", 0, fin=False) * 100, 1008),
    "endless pings": (frame(b"x" * 100, 9) * 1000, 1008),
    "endless pongs": (frame(b"", 10) * 1000, 1008),
    "a close with half a code": (frame(b"\x03", 8), 1002),
    "a close with no code": (frame((999).to_bytes(2), 8), 1002),
    "a close that can't be said": (frame((1005).to_bytes(2), 8), 1002),
    "a close with no UTF-8": (frame((1000).to_bytes(2) + b"\xff", 8), 1007),
    "HTTP": (b"GET / HTTP/1.1\r\n\r\n" * 4, 1002),
}


def test_AP_13_frames_that_make_no_sense_end_the_stream_with_a_code(
    http_server: HttpServerThread,
) -> None:
    for name, (data, code) in FRAMES.items():
        with http_server.raw() as raw:
            assert raw.upgrade() == 101
            raw.send(data)
            *_, (opcode, payload) = raw.frames()
            assert (opcode, int.from_bytes(payload[:2])) == (8, code), name
            assert not LEAKS.search(payload)


def test_AP_13_a_handshake_that_makes_no_sense_is_refused(http_server: HttpServerThread) -> None:
    good = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": KEY,
    }
    bad = (
        *({**good, "Sec-WebSocket-Version": one} for one in ("12", "x", "", "13, 13", "\xff")),
        *({**good, "Sec-WebSocket-Key": one} for one in ("x", "", "A" * 200, "\xff", "====")),
        *({**good, "Connection": one} for one in ("keep-alive, Upgrade\xff", "Upgrade, \0")),
        {**good, "Content-Length": "5"},
        {**good, "Transfer-Encoding": "chunked"},
        {**good, "X" * 9000: "y"},
        {**good, **{f"X-{number}": "y" for number in range(200)}},
        {name: value for name, value in good.items() if name != "Sec-WebSocket-Key"},
    )
    for method in ("GET", "POST", "HEAD"):
        for headers in (*bad, *([good] if method != "GET" else [])):
            with http_server.raw() as raw:
                lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
                raw.ask("/v1/stream", lines, method=method)
                [status] = statuses(raw.rest())
                assert 400 <= status < 500, headers


def test_AP_13_random_frames_leave_the_server_as_it_was(http_server: HttpServerThread) -> None:
    chance = random.Random(SEED)
    with http_server.websocket() as witness:
        for _ in range(100):
            with http_server.raw() as raw:
                assert raw.upgrade() == 101
                for _ in range(chance.randint(1, 5)):
                    text = chance.randbytes(chance.randint(0, 200))
                    whole = frame(
                        text, chance.choice((0, 1, 1, 2, 8, 9)), fin=chance.random() < 0.8
                    )
                    raw.send(chance.choice((whole, text, mangled(whole, chance))))
                with contextlib.suppress(OSError):
                    raw.socket.shutdown(socket.SHUT_WR)
                assert not LEAKS.search(raw.rest())
        witness.send('{"op":"ping"}')
        assert any(strict(text)["type"] == "pong" for text in witness)


def test_AP_13_random_requests_are_answered_with_an_error(http_server: HttpServerThread) -> None:
    chance = random.Random(SEED)
    names = (
        *("asset", "expiry", "settle", "symbols", "scan", "expiries", "smile", "surface"),
        *("id", "op", "x"),
    )
    values: tuple[object, ...] = (
        *(None, True, -1, 0, 1.5, 10**30, 1e308, "", "BTC", "front", "USDT", "\0", "x" * 5000),
        *([], {}, [[]], ["BTC"], {"asset": "BTC"}, {"limit": "x"}, {"min_iv": {}}, {"sort": []}),
        *({"type": []}, {"expiry": 5}, {"settle": 7}, {"gate": 0}, {"asset": {}}),
    )
    asked = 0
    while asked < 300:
        with http_server.websocket() as stream:
            told = map(strict, stream)
            for number in range(30):
                wish = {name: chance.choice(values) for name in chance.sample(names, 3)}
                stream.send(json.dumps({"op": "subscribe", "id": f"{number}"} | wish))
                one = next(o for o in told if o["type"] in ("subscribed", "unsubscribed", "error"))
                assert one["type"] != "error" or one["reason"] in ("BadInput", "Unknown"), wish
                asked += 1
