"""The driver against a real server, on a clock that stands still until a test moves it."""

import asyncio
import threading
from collections.abc import Generator
from typing import Any

import orjson
import pytest

from fastopts.collector.venue.rest_driver import RestDriver
from fastopts.errors import ConnectionLost, VenueBanned, VenueError, VenueProtocolError
from fastopts.net import http
from fastopts.net.http import HttpClient
from fastopts.session.ban import Ban
from fastopts.venues.bybit import rest
from fastopts.venues.bybit.rest import Envelope, RestRequest, TemporaryFailure
from tests.support.raw import RawServer

pytestmark = pytest.mark.virtual_time

T0 = 1_795_000_000_000
LIST = "/v5/market/instruments-info"


class SetTimeLoop(asyncio.SelectorEventLoop):
    """An event loop whose time is set; `asyncio.sleep` moves it at once and is noted."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.waits: list[float] = []
        super().__init__()

    def time(self) -> float:
        return self.now

    async def sleep(self, delay: float) -> None:
        self.waits.append(delay)
        self.now += delay


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SetTimeLoop:
    """The loop of the test."""
    made = SetTimeLoop()
    monkeypatch.setattr("fastopts.collector.venue.rest_driver.asyncio.sleep", made.sleep)
    return made


@pytest.fixture
def anyio_backend(clock: SetTimeLoop) -> tuple[str, dict[str, Any]]:
    return "asyncio", {"loop_factory": lambda: clock}


def answer(body: bytes | object, status: str = "200 OK", **headers: str) -> bytes:
    content = body if isinstance(body, bytes) else orjson.dumps(body)
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(content)}", "Connection: close"]
    lines += [f"{name.replace('_', '-')}: {text}" for name, text in headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + content


def refusal(code: int, **headers: str) -> bytes:
    return answer({"retCode": code, "retMsg": "words", "result": {}, "time": T0}, **headers)


def page(*rows: str, cursor: str = "") -> bytes:
    listed = [{"symbol": symbol, "status": "Trading", "baseCoin": "BTC"} for symbol in rows]
    result = {"category": "option", "nextPageCursor": cursor, "list": listed}
    return answer({"retCode": 0, "retMsg": "", "result": result, "time": T0})


CALL, PUT = "BTC-27NOV99-90000-C-USDT", "BTC-27NOV99-90000-P-USDT"
GOOD = page(CALL)


class RestServerStub:
    """Gives the answers in turn, then the last one again."""

    def __init__(self, *answers: bytes) -> None:
        self.targets: list[str] = []
        self.arrived = asyncio.Event()
        self.may_answer = asyncio.Event()
        self.may_answer.set()
        self._answers = list(answers)
        self._server = RawServer(self._serve)

    async def __aenter__(self) -> "RestServerStub":
        await self._server.__aenter__()
        self.url = f"http://127.0.0.1:{self._server.port}"
        self._http = HttpClient(self.url, "t")
        self.driver = RestDriver(self._http, Ban())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._http.close()
        self.may_answer.set()
        await self._server.__aexit__()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await reader.readuntil(b"\r\n\r\n")
        self.targets.append(request.decode().split(" ")[1])
        self.arrived.set()
        await self.may_answer.wait()
        writer.write(self._answers.pop(0) if len(self._answers) > 1 else self._answers[0])


def symbols(found: Any) -> list[str]:
    return [instrument.symbol for instrument in found.instruments]


async def test_a_conversation_is_led_to_its_result(clock: SetTimeLoop) -> None:
    async with RestServerStub(page(CALL, cursor="a%3D1"), page(PUT)) as server:
        assert symbols(await server.driver.run(rest.instruments("BTC"))) == [CALL, PUT]
        assert server.targets == [
            LIST + "?category=option&baseCoin=BTC&limit=1000",
            LIST + "?category=option&baseCoin=BTC&limit=1000&cursor=a%253D1",
        ]
        assert clock.waits == []


@pytest.mark.parametrize(
    "bad",
    [
        pytest.param(answer(b"", "429 Too Many Requests"), id="429"),
        pytest.param(answer(b"<html>", "500 Oops"), id="500"),
        pytest.param(answer(b"", "503 Busy"), id="503"),
        pytest.param(answer(b"<html>captive portal"), id="no json"),
        pytest.param(answer([]), id="no envelope"),
        pytest.param(answer({"retCode": "0"}), id="retCode of a wrong type"),
        pytest.param(refusal(429), id="retCode 429"),
        pytest.param(refusal(10000), id="retCode 10000"),
        pytest.param(refusal(10006), id="retCode 10006"),
        pytest.param(refusal(10016), id="retCode 10016"),
        pytest.param(refusal(10018), id="retCode 10018"),
        pytest.param(refusal(10429), id="retCode 10429"),
        pytest.param(b"", id="no answer"),
        pytest.param(GOOD[:-5], id="truncated"),
    ],
)
async def test_what_passes_by_itself_is_asked_again(clock: SetTimeLoop, bad: bytes) -> None:
    async with RestServerStub(bad, bad, bad, GOOD) as server:
        assert symbols(await server.driver.run(rest.instruments("BTC"))) == [CALL]
        assert len(server.targets) == 4
        assert len(set(server.targets)) == 1
        # full jitter under a ceiling that doubles
        for wait_s, ceiling_s in zip(clock.waits, (0.5, 1.0, 2.0), strict=True):
            assert 0.05 <= wait_s <= ceiling_s


@pytest.mark.parametrize(
    ("bad", "error", "words"),
    [
        (answer(b"", "503 Busy"), TemporaryFailure, "HTTP 503"),
        (answer(b"", "429 Too Many"), TemporaryFailure, "HTTP 429"),
        (answer(b"<html>"), TemporaryFailure, "not JSON"),
        (refusal(10016), TemporaryFailure, "retCode 10016: words"),
        (b"", ConnectionLost, LIST),
    ],
)
async def test_attempts_are_limited(clock: SetTimeLoop, bad: bytes, error: Any, words: str) -> None:
    async with RestServerStub(bad) as server:
        with pytest.raises(error, match=words):
            await server.driver.run(rest.instruments("BTC"))
        assert len(server.targets) == 4
        assert len(clock.waits) == 3


async def test_each_page_has_its_own_attempts() -> None:
    busy = answer(b"", "503 Busy")
    answers = [busy, busy, busy, page(CALL, cursor="2"), busy, busy, busy, page(PUT)]
    async with RestServerStub(*answers) as server:
        assert symbols(await server.driver.run(rest.instruments("BTC"))) == [CALL, PUT]
        assert ["cursor=2" in target for target in server.targets] == [False] * 4 + [True] * 4


@pytest.mark.parametrize(
    ("bad", "error", "words"),
    [
        (answer(b"", "404 Not Found"), VenueError, "HTTP 404"),
        (answer(b"", "400 Bad Request"), VenueError, "HTTP 400"),
        (answer(b"", "302 Found", Location="/elsewhere"), VenueError, "HTTP 302"),
        (refusal(10001), VenueError, "retCode 10001: words"),
        (refusal(10017), VenueError, "retCode 10017"),
        (answer({"retCode": 0}), VenueProtocolError, "without a result"),
        (answer({"retCode": 0, "result": {}}), VenueProtocolError, "without a list"),
    ],
)
async def test_what_another_try_would_not_mend_is_not_asked_again(
    clock: SetTimeLoop, bad: bytes, error: Any, words: str
) -> None:
    async with RestServerStub(bad, GOOD) as server:
        with pytest.raises(error, match=words) as caught:
            await server.driver.run(rest.instruments("BTC"))
        assert not isinstance(caught.value, (TemporaryFailure, VenueBanned))
        assert len(server.targets) == 1
        assert clock.waits == []
        # the next conversation is not hindered
        assert symbols(await server.driver.run(rest.instruments("BTC"))) == [CALL]


@pytest.mark.parametrize(
    ("bad", "wait_s"),
    [
        (answer(b"", "429 Too Many Requests", Retry_After="7"), 7.0),
        (answer(b"", "503 Busy", Retry_After="30"), 30.0),
        (refusal(10006, X_Bapi_Limit_Reset_Timestamp=str(T0 + 3500)), 3.5),
        (refusal(10018, X_Bapi_Limit_Reset_Timestamp=str(T0 + 3_600_000)), 60.0),
    ],
)
async def test_the_venues_own_wait_is_kept(clock: SetTimeLoop, bad: bytes, wait_s: float) -> None:
    async with RestServerStub(bad, GOOD) as server:
        assert symbols(await server.driver.run(rest.instruments("BTC"))) == [CALL]
        assert clock.waits == [wait_s]


@pytest.mark.parametrize(
    "bad",
    [
        answer(b"", "429 Too Many Requests", Retry_After="Wed, 21 Oct 2026 07:28:00 GMT"),
        refusal(10006, X_Bapi_Limit_Reset_Timestamp=str(T0 - 3500)),
        refusal(10006, X_Bapi_Limit_Reset_Timestamp="soon"),
    ],
)
async def test_a_wait_without_a_reason_is_our_own(clock: SetTimeLoop, bad: bytes) -> None:
    async with RestServerStub(bad, GOOD) as server:
        assert symbols(await server.driver.run(rest.instruments("BTC"))) == [CALL]
        [wait_s] = clock.waits
        assert 0.05 <= wait_s <= 0.5


async def test_after_a_403_nothing_is_asked_before_its_time_is_up(clock: SetTimeLoop) -> None:
    async with RestServerStub(answer(b"", "403 Forbidden"), GOOD) as server:
        with pytest.raises(VenueBanned, match="HTTP 403") as caught:
            await server.driver.run(rest.instruments("BTC"))
        assert caught.value.retry_after_s == 600
        for passed_s, left_s in ((0.0, 600.0), (300.0, 300.0), (299.0, 1.0)):
            clock.now += passed_s
            for conversation in (rest.instruments("ETH"), rest.tickers("BTC")):
                with pytest.raises(VenueBanned, match=f"another {left_s:.0f} s") as caught:
                    await server.driver.run(conversation)
                assert caught.value.retry_after_s == left_s
        assert len(server.targets) == 1
        assert clock.waits == []
        clock.now += 1.0
        assert symbols(await server.driver.run(rest.instruments("BTC"))) == [CALL]
        assert len(server.targets) == 2


@pytest.mark.parametrize(
    "before", [answer(b"", "503 Busy"), page(CALL, cursor="2")], ids=["retry", "page"]
)
async def test_a_403_ends_a_conversation_that_has_begun(before: bytes) -> None:
    async with RestServerStub(before, answer(b"", "403 Forbidden"), GOOD) as server:
        with pytest.raises(VenueBanned):
            await server.driver.run(rest.instruments("BTC"))
        assert len(server.targets) == 2


async def test_a_403_also_stops_the_conversation_that_waited_for_its_turn() -> None:
    async with RestServerStub(answer(b"", "403 Forbidden"), GOOD) as server:
        results = await asyncio.gather(
            server.driver.run(rest.instruments("BTC")),
            server.driver.run(rest.tickers("BTC")),
            server.driver.run(rest.instruments("ETH")),
            return_exceptions=True,
        )
        assert [type(result) for result in results] == [VenueBanned] * 3
        assert len(server.targets) == 1


async def test_conversations_do_not_mix() -> None:
    answers = [page(CALL, cursor="2"), page(PUT), page(CALL, cursor="3"), page(PUT)]
    async with RestServerStub(*answers) as server:
        found = await asyncio.gather(
            server.driver.run(rest.instruments("BTC")),
            server.driver.run(rest.instruments("BTC")),
        )
        assert [symbols(each) for each in found] == [[CALL, PUT]] * 2
        assert [target.partition("cursor=")[2] for target in server.targets] == [
            *("", "2", "", "3")
        ]


async def test_any_generator_of_requests_is_a_conversation() -> None:
    def cursor() -> Generator[RestRequest, Envelope, str]:
        envelope = yield RestRequest("/v5/market/time", {})
        return str(envelope["result"]["nextPageCursor"])

    async with RestServerStub(page(cursor="x")) as server:
        assert await server.driver.run(cursor()) == "x"
        assert server.targets == ["/v5/market/time"]


async def test_a_cancelled_conversation_ends_before_its_answer_and_the_next_one_is_served() -> None:
    async with RestServerStub(GOOD) as server:
        server.may_answer.clear()
        task = asyncio.create_task(server.driver.run(rest.instruments("BTC")))
        await server.arrived.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        server.may_answer.set()
        assert symbols(await server.driver.run(rest.instruments("BTC"))) == [CALL]
        assert len(server.targets) == 2


async def test_a_server_that_does_not_answer_costs_an_attempt(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(http, "READ_TIMEOUT_S", 0.02)

    async with RestServerStub(GOOD) as server:
        server.may_answer.clear()
        with pytest.raises(ConnectionLost, match="timed out"):
            await server.driver.run(rest.instruments("BTC"))
        assert len(server.targets) == 4


async def test_a_lookup_that_hangs_holds_one_thread_and_no_caller(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with RestServerStub(GOOD) as server:
        hanging, may_end = threading.Event(), threading.Event()
        get = server._http.get
        server.driver._request_within_s = 0.0

        def hang(*_: object) -> Any:
            assert not hanging.is_set()
            hanging.set()
            may_end.wait()
            raise OSError("lookup failed")

        monkeypatch.setattr(server._http, "get", hang)
        with pytest.raises(ConnectionLost, match="name lookup or connecting"):
            await server.driver.run(rest.instruments("BTC"))
        assert hanging.is_set()
        server.driver._request_within_s = 30.0
        monkeypatch.setattr(server._http, "get", get)
        may_end.set()
        assert symbols(await server.driver.run(rest.instruments("BTC"))) == [CALL]
