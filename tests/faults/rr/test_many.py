"""Many readers, and readers in places where they do not belong."""

import asyncio
import pickle
import threading
import time
from collections.abc import Iterator

import pytest

from fastopts.errors import FeedDown, StoreUnavailable
from fastopts.net.redis.address import parse
from fastopts.reader import AsyncOptionReader, OptionReader
from fastopts.reader.mirrors import mirror as mirror_module
from fastopts.reader.mirrors.listener import NullListener
from fastopts.reader.mirrors.mirror import Mirror
from fastopts.reader.selection.scope import scope_of
from tests.reader.test_threads import in_child, wrong
from tests.support.fault_proxy import FaultProxy, Passage
from tests.support.store import CALL, Store
from tests.support.writer_thread import LoopThread, WriterThread, raised, until

THREADS = 200
TIMEOUT_S = 0.3
SYMBOLS = [f"BTC-27NOV99-{strike}-C-USDT" for strike in range(1, THREADS + 1)]
pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")


def port_of(store: Store) -> int:
    return int(store.url.rsplit(":", 1)[1])


@pytest.fixture
def many(store: Store) -> Store:
    """An option for each thread, with its strike in a price."""
    for symbol in SYMBOLS:
        store.option(symbol, mark_price=float(symbol.split("-")[2]) / 8)
    return store


@pytest.fixture
def proxy(many: Store) -> Iterator[FaultProxy]:
    with FaultProxy(port_of(many)) as opened:
        yield opened


def test_RR_06_two_hundred_threads_share_one_connection(many: Store, proxy: FaultProxy) -> None:
    found: list[object] = []
    with OptionReader(f"redis://127.0.0.1:{proxy.port}", timeout_s=20) as reader:
        threads = [
            threading.Thread(target=lambda s=symbol: found.append(wrong(reader, s)))
            for symbol in SYMBOLS
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert found == [None] * THREADS
    assert proxy.accepted == 1


def test_RR_06_two_hundred_threads_and_a_server_that_hangs_wait_no_longer_than_one(
    many: Store, proxy: FaultProxy
) -> None:
    """Not each for all who came before it: that would be a minute here."""
    raised_by: list[type[Exception] | None] = []
    with OptionReader(f"redis://127.0.0.1:{proxy.port}", timeout_s=TIMEOUT_S) as reader:
        assert wrong(reader, SYMBOLS[0]) is None
        proxy.down.passage = Passage.LOST
        threads = [
            threading.Thread(target=lambda s=s: raised_by.append(raised(lambda: reader.get(s))))
            for s in SYMBOLS
        ]
        began = time.monotonic()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert raised_by == [StoreUnavailable] * THREADS
        assert time.monotonic() - began < THREADS * TIMEOUT_S / 4
        proxy.down.passage = Passage.OPEN
        assert wrong(reader, SYMBOLS[1]) is None


async def test_RR_06_tasks_that_wait_for_a_server_that_hangs_give_up_too(
    many: Store, proxy: FaultProxy
) -> None:
    url = f"redis://127.0.0.1:{proxy.port}"
    async with AsyncOptionReader(url, timeout_s=TIMEOUT_S) as reader:
        await reader.get(SYMBOLS[0])
        proxy.down.passage = Passage.LOST
        async with asyncio.timeout(THREADS * TIMEOUT_S / 4):
            reads = (reader.get(symbol) for symbol in SYMBOLS)
            found = await asyncio.gather(*reads, return_exceptions=True)
        assert {type(one) for one in found} == {StoreUnavailable}
        proxy.down.passage = Passage.OPEN
        assert (await reader.get(SYMBOLS[1])).symbol == SYMBOLS[1]


def test_RR_07_mirrors_of_a_killed_server_come_back_each_in_its_own_time(
    many: Store, proxy: FaultProxy
) -> None:
    """A hundred of them, over some tries each: no two waits are the same, and they grow."""
    waits: list[list[float]] = []
    address = parse("redis://127.0.0.1:1")
    for _ in range(100):
        mirror = Mirror.__new__(Mirror)
        mirror_module.BaseMirror.__init__(
            mirror, address, "bybit", scope_of(None), 1.0, NullListener()
        )
        tries = []
        for _ in range(8):
            mirror._connection_failed(ConnectionRefusedError())
            tries.append(mirror._retry_s())
        waits.append(tries)
    for nth in range(8):
        drawn = sorted(tries[nth] for tries in waits)
        ceiling_s = min(mirror_module.RETRY_S * 2.0 ** (nth + 1), mirror_module.RETRY_MAX_S)
        assert len(set(drawn)) == 100
        assert ceiling_s / 10 <= drawn[0] < ceiling_s / 4
        assert ceiling_s * 3 / 4 < drawn[-1] <= ceiling_s


def test_RR_07_mirrors_without_a_server_do_not_hammer_where_it_was(
    many: Store, proxy: FaultProxy
) -> None:
    """Thirty of them while connections are reset: each tries a few times in a second and a half."""
    with LoopThread() as loop:
        collector = WriterThread(loop, port_of(many))
        collector.tick()
        mirrors: list[Mirror] = []
        with OptionReader(f"redis://127.0.0.1:{proxy.port}") as reader:
            makers = [
                threading.Thread(target=lambda: mirrors.append(reader.mirror())) for _ in range(30)
            ]
            for maker in makers:
                maker.start()
            for maker in makers:
                maker.join()
        proxy.is_refusing = True
        accepted = proxy.accepted
        proxy.drop()
        until(lambda: all(mirror.problem is not None for mirror in mirrors))
        threading.Event().wait(1.5)
        assert 30 <= proxy.accepted - accepted < 30 * 10
        proxy.is_refusing = False
        until(lambda: all(mirror.problem is None for mirror in mirrors))
        for mirror in mirrors:
            mirror.close()
        collector.end()


def test_RR_10_a_forked_child_reads_over_a_connection_of_its_own(
    many: Store, proxy: FaultProxy
) -> None:
    with OptionReader(f"redis://127.0.0.1:{proxy.port}") as reader:
        assert wrong(reader, SYMBOLS[0]) is None
        assert in_child(lambda: wrong(reader, SYMBOLS[1])) == "None"
        assert wrong(reader, SYMBOLS[2]) is None
    assert proxy.accepted == 2


def test_RR_10_a_forked_child_of_a_mirror_is_refused(many: Store) -> None:
    with LoopThread() as loop:
        collector = WriterThread(loop, port_of(many))
        collector.tick()
        with OptionReader(many.url) as reader, reader.mirror() as mirror:
            told = in_child(lambda: mirror.get(mirror.symbols[0]))
            assert told.startswith("FeedDown(")
            assert "forked" in told
            assert mirror.problem is None
        collector.end()


async def test_RR_10_an_async_reader_in_a_second_loop_is_refused(many: Store) -> None:
    async with AsyncOptionReader(many.url) as reader:
        assert (await reader.get(SYMBOLS[0])).symbol == SYMBOLS[0]
        with LoopThread() as other, pytest.raises(RuntimeError, match="create one per loop"):
            other.run(reader.get(SYMBOLS[1]))
        assert (await reader.get(SYMBOLS[1])).symbol == SYMBOLS[1]


def test_RR_10_a_reader_does_not_travel_to_another_process_by_pickle(many: Store) -> None:
    with OptionReader(many.url) as reader, pytest.raises(TypeError, match="pickle"):
        pickle.dumps(reader)


def test_RR_10_a_closed_mirror_is_refused_and_a_closed_reader_opens_anew(many: Store) -> None:
    with LoopThread() as loop:
        collector = WriterThread(loop, port_of(many))
        collector.tick()
        reader = OptionReader(many.url)
        mirror = reader.mirror()
        mirror.close()
        mirror.close()
        with pytest.raises(FeedDown, match="closed"):
            mirror.get(mirror.symbols[0])
        reader.close()
        reader.close()
        assert reader.feed().alive
        reader.close()
        collector.end()
    assert CALL not in mirror
