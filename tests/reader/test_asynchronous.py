"""The reader for asyncio: the methods and answers of the blocking one, for many tasks at once."""

import asyncio
import inspect
import socket
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from fastopts.embedded import EmbeddedValkey
from fastopts.errors import FastoptsError
from fastopts.reader import (
    Absent,
    AsyncOptionReader,
    Chain,
    FeedDown,
    Option,
    OptionReader,
    StoreError,
    StoreUnavailable,
    WrongVenue,
)
from fastopts.reader.selection.scan import Scan
from tests.reader.reply_proxy import ReplyProxy, cut, drip, garbage, half, reset, twice
from tests.support.loops import LOOPS
from tests.support.store import CALL, PUT, Store

SYMBOLS = [f"BTC-27NOV99-{strike}-C-USDT" for strike in range(1, 51)]
every_loop = pytest.mark.parametrize("anyio_backend", LOOPS)


@pytest.fixture
def many(store: Store) -> Store:
    """Options that each carry their strike in a price."""
    for symbol in SYMBOLS:
        store.option(symbol, mark_price=strike_of(symbol) / 8)
    return store


@pytest.fixture
def proxy(many: Store) -> Iterator[ReplyProxy]:
    with ReplyProxy(int(many.url.rsplit(":", 1)[1])) as opened:
        yield opened


@asynccontextmanager
async def opened(url: str, **words: Any) -> AsyncIterator[AsyncOptionReader]:
    async with asyncio.timeout(60), AsyncOptionReader(url, **words) as reader:
        yield reader


def strike_of(symbol: str) -> float:
    return float(symbol.split("-")[2])


async def check(reader: AsyncOptionReader, symbol: str) -> None:
    option = await reader.get(symbol)
    assert (option.symbol, option.mark_price) == (symbol, strike_of(symbol) / 8)


def public(kind: type) -> dict[str, Any]:
    return {name: member for name, member in vars(kind).items() if not name.startswith("_")}


AT_ONCE = ("follow",)
OPENING = ("mirror", "watch", "watch_moves")  # awaited, or entered
CLOSING = ("close", "aclose")  # see test_opening.py


def test_it_has_the_same_methods_with_the_same_arguments() -> None:
    ours, theirs = public(AsyncOptionReader), public(OptionReader)
    assert ours.keys() - theirs.keys() == {"aclose"}
    assert theirs.keys() < ours.keys()
    for name in theirs.keys() - set(CLOSING):
        method = ours[name]
        signature = inspect.signature(method)
        # what it returns is for `await`, `async for` and `async with`
        kind = str(signature.return_annotation).replace("Async", "")
        blocking = inspect.signature(theirs[name])
        assert signature.replace(return_annotation=None) == blocking.replace(return_annotation=None)
        assert kind == str(blocking.return_annotation), name
        is_coroutine = name not in (*AT_ONCE, *OPENING)
        assert inspect.iscoroutinefunction(method) == is_coroutine, name
        text = inspect.getdoc(method) or ""
        assert text.replace("task", "thread") == inspect.getdoc(theirs[name]), name
    assert inspect.signature(AsyncOptionReader) == inspect.signature(OptionReader)


def plain(found: Any) -> Any:
    """What was read, but for the moment of it."""
    if isinstance(found, Option):
        return found.symbol, found.record, found.live, found.instrument
    if isinstance(found, Absent):
        return found.symbol, type(found.reason)
    if isinstance(found, Scan):
        return [plain(one) for one in found], found.excluded, found.considered
    if isinstance(found, Chain):
        return found.series, found.settles, [plain(one) for one in found.options], found.strikes
    return [plain(one) for one in found] if isinstance(found, list) else found


async def told(work: Coroutine[Any, Any, Any]) -> Any:
    try:
        return plain(await work)
    except FastoptsError as error:
        return type(error)


async def now(value: Callable[[], Any]) -> Any:
    return value()


CALLS: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = [
    *[("get", (CALL,), {}), ("get", (PUT,), {}), ("get", (PUT,), {"require_live": False})],
    *[("get", ("BTC-1JAN30-5-C",), {}), ("get", (CALL,), {"max_age_s": 0.1})],
    *[("get", (CALL,), {"max_age_s": -1}), ("get_many", ([CALL, PUT, "X"],), {})],
    *[("get_many", ([CALL, PUT],), {"strict": True}), ("chain", ("BTC",), {})],
    *[
        ("chain", ("BTC", "25DEC99"), {}),
        ("chain", ("BTC", "soon"), {}),
        ("expiries", ("btc",), {}),
    ],
    *[("instruments", (), {}), ("text", (CALL,), {}), ("text_many", ([CALL, PUT],), {})],
    *[("scan", (), {"sort": "-mark_iv", "min_iv": 0.1}), ("scan", ("ETH",), {})],
    *[("scan", (), {"min_iv": 80}), ("scan_high_iv", (0.1,), {})],
]


@every_loop
async def test_it_returns_what_the_blocking_reader_returns(
    store: Store, reader: OptionReader
) -> None:
    store.option(CALL)
    store.option(PUT, conn=9)

    async with opened(store.url) as awaited:
        for name, words, options in CALLS:
            ours = await told(getattr(awaited, name)(*words, **options))
            blocking = getattr(reader, name)
            theirs = await told(now(lambda: blocking(*words, **options)))  # noqa: B023
            assert ours == theirs, (name, words, options)
        assert (await awaited.feed()).epoch == reader.feed().epoch
        assert (await awaited.snapshot())["symbol"].tolist() == [CALL, PUT]
        assert (await awaited.to_pandas())["symbol"].tolist() == [CALL, PUT]


@every_loop
async def test_fifty_tasks_each_get_their_own_options(many: Store) -> None:
    async with opened(many.url) as reader:

        async def often(symbol: str) -> None:
            for _ in range(30):
                await check(reader, symbol)

        async with asyncio.TaskGroup() as group:
            for symbol in SYMBOLS:
                group.create_task(often(symbol))
        assert many.client.info("clients")["connected_clients"] == 2


@every_loop
@pytest.mark.parametrize("turns", range(6))
async def test_a_cancelled_read_does_not_affect_others(many: Store, turns: int) -> None:
    async with opened(many.url) as reader:
        for _ in range(10):
            tasks = [asyncio.create_task(check(reader, symbol)) for symbol in SYMBOLS]
            for _ in range(turns):
                await asyncio.sleep(0)
            for task in tasks[::3]:
                task.cancel()
            found = await asyncio.gather(*tasks, return_exceptions=True)
            for place, one in enumerate(found):
                assert one is None or (place % 3 == 0 and isinstance(one, asyncio.CancelledError))


@every_loop
async def test_a_read_cancelled_half_way_leaves_no_reply_behind(proxy: ReplyProxy) -> None:
    async with opened(proxy.url) as reader:
        await check(reader, SYMBOLS[0])
        came = asyncio.Event()
        here = asyncio.get_running_loop()
        whole = proxy.manner

        def part(answer: bytes, to: socket.socket) -> None:
            half(answer, to)
            here.call_soon_threadsafe(came.set)

        proxy.manner = part
        reading = asyncio.create_task(reader.get(SYMBOLS[1]))
        await came.wait()
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading
        proxy.manner = whole
        for symbol in SYMBOLS:
            await check(reader, symbol)
        assert proxy.accepted == 2


@every_loop
@pytest.mark.parametrize("manner", [half, cut, reset, twice, garbage, drip])
async def test_a_malformed_reply_leaves_nothing_behind(
    proxy: ReplyProxy, manner: Callable[[bytes, socket.socket], None]
) -> None:
    async with opened(proxy.url, timeout_s=0.6) as reader:
        whole = proxy.manner
        for symbol in SYMBOLS[:3]:
            await check(reader, symbol)
            proxy.manner = manner
            with pytest.raises(StoreError):
                await reader.get(symbol)
            proxy.manner = whole
        await check(reader, SYMBOLS[4])


@every_loop
async def test_a_server_that_does_not_reply_in_time_is_given_up(proxy: ReplyProxy) -> None:
    async with opened(proxy.url, timeout_s=0.2) as reader:
        proxy.manner = lambda answer, to: None
        with pytest.raises(StoreUnavailable, match=r"0\.2 s"):
            await reader.feed()


@every_loop
async def test_a_server_that_restarted_serves_the_next_call() -> None:
    server = EmbeddedValkey()
    server.start()

    try:
        async with opened(server.url) as reader:
            for _ in range(2):
                store = Store(server)
                store.option(SYMBOLS[0], mark_price=1 / 8)
                store.client.close()
                await check(reader, SYMBOLS[0])
                server.stop()
                with pytest.raises(StoreUnavailable):
                    await reader.get(SYMBOLS[0])
                server.start()
            with pytest.raises(FeedDown):
                await reader.get(SYMBOLS[0])
    finally:
        server.stop()


@every_loop
async def test_a_closed_reader_reconnects(many: Store) -> None:
    async with opened(many.url) as reader:
        await check(reader, SYMBOLS[0])
        reading = asyncio.create_task(check(reader, SYMBOLS[1]))
        await asyncio.sleep(0)
        reader.close()
        await reading  # over a new connection
        reader.close()
        reader.close()
        await check(reader, SYMBOLS[2])


@every_loop
async def test_another_venue_s_data_is_refused(many: Store) -> None:
    async with opened(many.url, venue="sim") as reader:
        with pytest.raises(WrongVenue, match="holds the data of bybit, not of sim"):
            await reader.get(SYMBOLS[0])
