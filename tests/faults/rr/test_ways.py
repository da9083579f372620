"""Every way to read says the same of one option at the edges of time, while it does not tick.

The venue's clock is moved by the feed's skew, so that nothing waits for a delivery.
"""

import contextlib
import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import pytest

from fastopts.compat import EfficientTradeExecutor, OptionsDataReader
from fastopts.errors import Expired, FastoptsError
from fastopts.reader import AsyncOptionReader, Option, OptionReader
from tests.cli.process import fastopts_process as fastopts
from tests.serve.http_server import HttpServerThread, until
from tests.serve.live_market import BTC, FRONT, LiveMarket
from tests.support.store import EXPIRY_MS, Store
from tests.support.writer_thread import LoopThread, Opened

QUIET, OTHER = BTC[2], BTC[-1]  # of the front, and of the next expiry
MINUTE_MS: Final = 60_000
SETTLING_MS: Final = 30 * MINUTE_MS
WORDS: Final = ("live", "phase", "greeks_ok")
Outcome = tuple[Any, ...]


class Edge(LiveMarket):
    """A market whose venue's clock stands where a test puts it, before the front's delivery."""

    def __init__(self, store: Store) -> None:
        self.skew_ms = EXPIRY_MS - 10 * SETTLING_MS - store.now_ms()
        super().__init__(store, BTC)

    def _put(self, symbol: str, **values: Any) -> None:
        self.store.option(symbol, 0.1 - self.skew_ms / 1000, **{"delta": 0.39} | values)

    def write(self, **fields: Any) -> None:
        super().write(skew_ms=self.skew_ms, skew_error_ms=0, **fields)

    def move(self, left_ms: int) -> None:
        """Put the venue's clock *left_ms* before the delivery."""
        with self._lock:
            self.skew_ms = EXPIRY_MS - left_ms - self.store.now_ms()
            self.store.client.hset("fastopts:feed", "skew_ms", self.skew_ms)

    def delist(self, *symbols: str) -> None:
        """What is delivered leaves the sets; its own keys live on."""
        with self._lock:
            for symbol in symbols:
                self.store.client.srem("options:BTC", symbol)
                self.store.client.srem("options:BTC:USDT:991127", symbol)
            self.store.client.hincrby("fastopts:feed", "universe", 1)


def told(read: Callable[[], Any]) -> Outcome:
    """What a read returns of an option, or the name of its error."""
    try:
        found = read()
    except FastoptsError as error:
        return (type(error).__name__,)
    return tuple(getattr(found, name) for name in WORDS)


class Streamed:
    """The rows of one stream, merged in a thread."""

    def __init__(self) -> None:
        self.rows: dict[str, dict[str, Any]] = {}
        self.gone: set[str] = set()

    def take(self, message: dict[str, Any]) -> None:
        if message["type"] != "rows":
            return
        self.gone |= set(message["gone"])
        for row in message["rows"]:
            self.rows[row["symbol"]] = self.rows.get(row["symbol"], {}) | row

    def __call__(self) -> Outcome:
        row = self.rows.get(QUIET, {})
        return tuple(row.get(name) for name in WORDS)


class Ways:
    """All ways to read `QUIET`."""

    def __init__(
        self, edge: Edge, http_server: HttpServerThread, stack: contextlib.ExitStack
    ) -> None:
        self.url = edge.store.url
        self._serving = http_server
        self._stack = stack
        self.loop = stack.enter_context(LoopThread())
        self.reader = stack.enter_context(OptionReader(self.url))
        self.asynchronous = AsyncOptionReader(self.url)
        stack.callback(lambda: self.loop.call(self.asynchronous.close))
        self.mirrors = [Opened(kind, self.loop, self.url, None, 5.0) for kind in ("sync", "async")]
        for opened in self.mirrors:
            stack.callback(opened.close)
        self.executor = EfficientTradeExecutor(url=self.url)
        self.data = OptionsDataReader(url=self.url)
        self.streams = {"WebSocket": Streamed(), "of the symbol": Streamed(), "SSE": Streamed()}
        self._socket({"asset": "BTC"}, self.streams["WebSocket"])
        self._socket({"symbols": [QUIET, OTHER]}, self.streams["of the symbol"])
        self._events(self.streams["SSE"])
        self.changes: list[Option] = []
        self._watch()
        until(lambda: all(QUIET in one.rows for one in self.streams.values()))

    def gets(self, **demand: Any) -> dict[str, Outcome]:
        """Every way to get it by name."""
        found = {
            "asyncio": self.loop.run(self._await(lambda r: r.get(QUIET, **demand))),
            "get_many": told(lambda: _only(self.reader.get_many([QUIET], strict=True, **demand))),
            "asyncio get_many": self.loop.run(
                self._await(lambda r: r.get_many([QUIET], strict=True, **demand))
            ),
            "HTTP": self._http(f"/v1/options/{QUIET}", demand),
            "HTTP, several": self._http_several(demand),
        }
        for opened in self.mirrors:
            kind, mirror = type(opened.mirror).__name__, opened.mirror
            found[kind] = told(lambda mirror=mirror: mirror.get(QUIET, **demand))  # type: ignore[misc]
            found[f"{kind} get_many"] = told(
                lambda mirror=mirror: _only(mirror.get_many([QUIET], strict=True, **demand))  # type: ignore[misc]
            )
        return found

    def rows(self) -> dict[str, Outcome]:
        """Every way to find it among others, live or not."""
        found = {name: stream() for name, stream in self.streams.items()}
        fresh = Streamed()
        with self._serving.websocket() as socket:
            socket.send(f'{{"op": "subscribe", "id": "a", "symbols": ["{QUIET}"]}}')
            while QUIET not in fresh.rows:
                fresh.take(_json(socket.recv(timeout=20)))
        return found | {"a new stream": fresh()}

    def listed(self) -> dict[str, Outcome]:
        """Every way to find it among what is listed, live or not."""
        found: dict[str, Outcome] = {}
        sources = {"reader": self.reader} | {
            type(opened.mirror).__name__: opened.mirror for opened in self.mirrors
        }
        for name, source in sources.items():
            scan = source.scan("BTC", gate=False, require_live=False)
            found[f"{name} scan"] = told(lambda scan=scan: _named(scan))  # type: ignore[misc]
            chain = source.chain("BTC", FRONT, require_live=False, allow_expired=True)
            found[f"{name} chain"] = told(lambda chain=chain: _named(chain.options))  # type: ignore[misc]
            table = source.table("BTC", require_live=False).to_numpy()
            [row] = table[table["symbol"] == QUIET]
            found[f"{name} table"] = (bool(row["live"]), str(row["phase"]))
        answer = self._serving.get("/v1/scan?asset=BTC&gate=false&stale=true").json
        [row] = [one for one in answer["options"] if one["symbol"] == QUIET]
        return found | {"HTTP scan": tuple(row[name] for name in WORDS)}

    async def _await(self, read: Callable[[AsyncOptionReader], Any]) -> Outcome:
        try:
            found = await read(self.asynchronous)
        except FastoptsError as error:
            return (type(error).__name__,)
        return tuple(getattr(_only(found), name) for name in WORDS)

    def _http(self, path: str, demand: dict[str, Any]) -> Outcome:
        answer = self._serving.get(path + _query(demand))
        if answer.status != 200:
            assert (answer.reason == "Expired") == (answer.status == 410)
            return (answer.reason,)
        return tuple(answer.json[name] for name in WORDS)

    def _http_several(self, demand: dict[str, Any]) -> Outcome:
        answer = self._serving.get(f"/v1/options{_query(demand | {'symbols': QUIET})}")
        if answer.status != 200:
            return (answer.reason,)
        if answer.json["absent"]:
            return (answer.json["absent"][0]["reason"],)
        return tuple(answer.json["options"][0][name] for name in WORDS)

    def _socket(self, wish: dict[str, Any], streamed: Streamed) -> None:
        socket = self._stack.enter_context(self._serving.websocket())
        socket.send(json.dumps({"op": "subscribe", "id": "a", **wish}))

        def run() -> None:
            for message in socket:
                streamed.take(_json(message))

        self._thread(run, socket.close)

    def _events(self, streamed: Streamed) -> None:
        raw = self._serving.raw()

        def run() -> None:
            raw.ask("/v1/events?subscribe=" + quote('{"id": "a", "asset": "BTC"}'))
            assert raw.head()[0] == 200
            for message in raw.messages():
                streamed.take(message)

        def stop() -> None:
            with contextlib.suppress(OSError):
                raw.socket.shutdown(2)
            raw.close()

        self._thread(run, stop)

    def _watch(self) -> None:
        watch = self._stack.enter_context(self.reader.watch("BTC"))

        def run() -> None:
            for change in watch:
                if isinstance(change, Option):
                    self.changes.append(change)

        self._thread(run, watch.close)

    def _thread(self, run: Callable[[], None], stop: Callable[[], None]) -> None:
        def quietly() -> None:
            with contextlib.suppress(Exception):  # it was stopped
                run()

        thread = threading.Thread(target=quietly)
        thread.start()
        self._stack.callback(thread.join)
        self._stack.callback(stop)


def _only(found: Any) -> Any:
    return found[0] if isinstance(found, list) else found


def _named(options: Any) -> Any:
    [one] = [option for option in options if option.symbol == QUIET]
    return one


def _json(text: str | bytes) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(text)
    return found


def _query(demand: dict[str, Any]) -> str:
    words = {"require_live": "stale", "allow_expired": "allow_expired", "symbols": "symbols"}
    pairs = []
    for name, value in demand.items():
        shown = not value if name == "require_live" else value
        pairs.append(f"{words[name]}={str(shown).lower() if isinstance(shown, bool) else shown}")
    return f"?{'&'.join(pairs)}" if pairs else ""


@pytest.fixture
def edge(store: Store) -> Iterator[Edge]:
    with Edge(store) as made:
        yield made


@pytest.fixture
def ways(edge: Edge) -> Iterator[Ways]:
    with HttpServerThread(edge.store.url) as http_server, contextlib.ExitStack() as stack:
        yield Ways(edge, http_server.ready(), stack)


def agree(found: Callable[[], dict[str, Outcome]], expected: Outcome) -> None:
    """Wait until every way says what is expected: a copy follows within a look or two."""
    last: dict[str, Outcome] = {}

    def is_so() -> bool:
        last.clear()
        last.update(found())
        return all(outcome == expected[: len(outcome)] for outcome in last.values())

    try:
        until(is_so)
    except AssertionError:
        odd = {name: outcome for name, outcome in last.items() if outcome != expected}
        raise AssertionError(f"expected {expected}, but {odd}") from None


def test_RR_14_all_ways_agree_from_trading_to_delivery_and_after(
    edge: Edge, ways: Ways, tmp_path: Path
) -> None:
    def check(live: Outcome, row: Outcome) -> None:
        agree(lambda: {"get": told(lambda: ways.reader.get(QUIET))}, live)
        agree(ways.gets, live)
        agree(lambda: ways.gets(require_live=False, allow_expired=True), row)
        agree(ways.rows, row)
        price = ways.executor.get_option_direct(QUIET)
        assert (price is None) == (live == ("Expired",))
        assert (ways.data.get_option(QUIET) is None) == (live == ("Expired",))
        ways.executor.cache.clear()
        assert (ways.executor.get_option_cached(QUIET) is None) == (live == ("Expired",))

    def command() -> tuple[int, Outcome]:
        done = fastopts("get", QUIET, "--json", cwd=tmp_path, FASTOPTS_REDIS_URL=ways.url)
        return done.code, tuple(done.objects[0][name] for name in WORDS) if done.out else ()

    edge.move(SETTLING_MS + MINUTE_MS)
    trading, settling, expired = (
        (True, "trading", True),
        (True, "settling", False),
        (True, "expired", False),
    )
    check(trading, trading)
    agree(ways.listed, trading)
    ways.changes.clear()
    edge.move(SETTLING_MS)
    check(settling, settling)
    agree(ways.listed, settling)
    until(lambda: any(one.symbol == QUIET and one.phase == "settling" for one in ways.changes))
    assert command() == (0, settling)
    edge.move(MINUTE_MS)
    check(settling, settling)
    edge.move(0)
    check(("Expired",), expired)
    agree(ways.listed, expired)
    assert command()[0] == 1
    for source in (ways.reader, *(opened.mirror for opened in ways.mirrors)):
        assert source.chain("BTC").series.label != FRONT
    edge.delist(*(symbol for symbol in BTC if FRONT in symbol))
    until(lambda: all(len(opened.mirror) == len(BTC) // 2 for opened in ways.mirrors))
    check_delivered(edge, ways, expired)
    until(lambda: QUIET in ways.streams["WebSocket"].gone)
    edge.move(SETTLING_MS + MINUTE_MS)  # the venue's clock was wrong, and is corrected
    agree(ways.gets, trading)


def test_RR_14_streams_of_what_is_delivered_begin_until_it_is_delisted(edge: Edge) -> None:
    only = "BTC-27NOV99-90000-C"  # of its settle coin, nothing else is listed
    edge._put(only)

    def begun(wish: dict[str, Any]) -> dict[str, str]:
        """The phases of the first rows, by symbol, or the reason of the error."""
        with http_server.websocket() as socket:
            socket.send(json.dumps({"op": "subscribe", "id": "a", **wish}))
            for message in map(_json, socket):
                if message["type"] == "error":
                    return {"error": message["reason"]}
                if message["type"] == "rows":
                    return {row["symbol"]: row["phase"] for row in message["rows"]}
        return {}

    with HttpServerThread(edge.store.url) as http_server:
        http_server.ready()
        edge.move(0)
        until(lambda: http_server.get(f"/v1/options/{QUIET}").reason == "Expired")
        assert begun({"symbols": [QUIET]}) == {QUIET: "expired"}
        assert begun({"symbols": [QUIET, OTHER]}) == {QUIET: "expired", OTHER: "trading"}
        assert begun({"asset": "BTC", "settle": "USDC"}) == {only: "expired"}
        assert begun({"asset": "BTC", "settle": "USDC", "expiry": FRONT}) == {only: "expired"}
        edge.delist(QUIET)
        until(lambda: begun({"symbols": [QUIET]}) == {"error": "Expired"})


def check_delivered(edge: Edge, ways: Ways, expired: Outcome) -> None:
    """Delivered and delisted it is Expired, and can be read, as long as its keys live."""
    for left_ms in (0, -60 * MINUTE_MS):
        edge.move(left_ms)
        agree(ways.gets, ("Expired",))
        agree(lambda: ways.gets(allow_expired=True), expired)
        agree(lambda: ways.gets(require_live=False, allow_expired=True), expired)
    with HttpServerThread(edge.store.url) as fresh:  # which began after the delivery
        old, ways._serving = ways._serving, fresh
        agree(lambda: {"HTTP": ways._http(f"/v1/options/{QUIET}", {})}, ("Expired",))
        agree(lambda: {"HTTP, several": ways._http_several({})}, ("Expired",))
        anyway = {"allow_expired": True}
        agree(lambda: {"HTTP": ways._http(f"/v1/options/{QUIET}", anyway)}, expired)
        agree(lambda: {"HTTP, several": ways._http_several(anyway)}, expired)
        ways._serving = old
    detail = ways._serving.get(f"/v1/options/{QUIET}").json["detail"]
    assert f"{QUIET}, " in detail
    with pytest.raises(Expired, match=r"it expired at .* h ago"):
        ways.reader.get(QUIET)


@pytest.mark.parametrize(
    ("stop", "error"),
    [
        (lambda edge: setattr(edge, "open", {2}), "ConnectionMuted"),
        (lambda edge: setattr(edge, "is_beating", False), "FeedDown"),
    ],
    ids=["watchdog", "heartbeat"],
)
def test_RR_14_all_ways_agree_at_the_limits_of_staleness(
    edge: Edge, ways: Ways, stop: Callable[[Edge], None], error: str
) -> None:
    with edge._lock:
        edge.store.client.hset("fastopts:feed", "heartbeat_limit_ms", 1500)
        edge.store.client.hset("fastopts:feed", "watchdog_limit_ms", 1500)
        stop(edge)
    agree(lambda: {"get": told(lambda: ways.reader.get(QUIET))}, (error,))
    agree(ways.gets, (error,))
    stale = (False, "trading", True)
    agree(lambda: ways.gets(require_live=False), stale)
    agree(ways.rows, stale)
    agree(ways.listed, stale)
    assert ways.executor.get_option_direct(QUIET) is None
    edge.open, edge.is_beating = {1}, True
    agree(ways.gets, (True, "trading", True))
