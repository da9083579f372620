"""Reads that race with writes, and answers that break off."""

import contextlib
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import pytest

from fastopts.core import Records, mget
from fastopts.errors import Expired, StoreUnavailable
from fastopts.model import NUMBERS
from fastopts.reader import AsyncOptionReader, OptionReader
from tests.reader.racing import SYMBOLS
from tests.support.fault_proxy import Ending, FaultProxy
from tests.support.ports import free_port
from tests.support.processes import environ
from tests.support.store import CALL, PUT, Store, expiry_of
from tests.support.waiting import PATIENCE_S
from tests.support.writer_thread import until

READS = 200_000
REPEATS = 50  # of each symbol in one command
HEADS = 8  # rows of int64 that `Records.fill` writes; the sequence is the sixth
SEQUENCE = 5


@contextmanager
def racing(store: Store, reader: OptionReader) -> Iterator[None]:
    """A writer in a process of its own that never rests; each tick's numbers are all the same."""
    writer = subprocess.Popen(
        [sys.executable, "-m", "tests.reader.racing", store.url],
        stdin=subprocess.PIPE,
        env=environ(),
    )
    try:
        until(lambda: all(reader.get_many(SYMBOLS)))
        yield
    finally:
        writer.communicate(b"end", timeout=30)
    assert writer.returncode == 0


def test_RR_04_no_read_during_a_flush_is_torn(store: Store, reader: OptionReader) -> None:
    """Every number of a record, and its sequence, is that of one tick; none goes back."""
    symbols = SYMBOLS * REPEATS
    command, count = mget(symbols), len(symbols)
    numbers, heads = np.empty((len(NUMBERS), count)), np.empty((HEADS, count), np.int64)
    before = np.zeros(count, np.int64)
    seen = set()
    with racing(store, reader):
        for _ in range(READS // count):
            records = reader._connection.exchange(command, lambda: Records(count))
            assert records.fill(numbers, heads, 0, ()) == count
            sequence = heads[SEQUENCE]
            assert np.all(np.isnan(numbers) | (numbers == sequence))
            assert np.all(sequence >= before)
            before = sequence.copy()
            seen.add(int(sequence[0]))
    assert len(seen) > 10  # it did race


def test_RR_09_a_chain_read_during_writes_never_goes_back_in_any_option(
    store: Store, reader: OptionReader
) -> None:
    """Each option is whole and never older than before; their sequences show how far apart they
    are: a chain is no snapshot."""
    store.list(*SYMBOLS)
    newest: dict[str, int] = {}
    with racing(store, reader):
        for _ in range(300):
            chain = reader.chain("BTC", "27NOV99")
            options = [strike.call for strike in chain if strike.call is not None]
            assert len(options) == len(SYMBOLS)
            for option in options:
                assert option.seq is not None
                assert option.mark_price == option.seq
                assert option.seq >= newest.get(option.symbol, 0)
                newest[option.symbol] = option.seq
    assert min(newest.values()) > 10


ASKS: list[Callable[[OptionReader], object]] = [
    lambda reader: reader.get(CALL).record,
    lambda reader: [one.symbol for one in reader.get_many([CALL, PUT], strict=True)],
    lambda reader: reader.text(CALL),
]


@pytest.fixture
def listed(store: Store) -> Store:
    store.option(CALL)
    store.option(PUT)
    return store


@pytest.mark.parametrize("ask", ASKS)
@pytest.mark.parametrize("ending", Ending)
def test_RR_05_a_reply_that_breaks_off_at_any_byte_is_no_answer(
    listed: Store, ask: Callable[[OptionReader], object], ending: Ending
) -> None:
    port = int(listed.url.rsplit(":", 1)[1])
    with OptionReader(listed.url) as reader:
        whole = ask(reader)
    broken, answered = 0, False
    with FaultProxy(port) as proxy:
        offset = 0
        proxy.down.cut_with = ending
        while not answered:
            proxy.down.cut_after = offset
            url = f"redis://127.0.0.1:{proxy.port}"
            reader = OptionReader(url, timeout_s=PATIENCE_S)
            with reader, contextlib.suppress(StoreUnavailable):
                assert ask(reader) == whole
                answered = True
            broken += not answered
            offset += 7
    assert broken > 80


@pytest.mark.parametrize("ending", Ending)
async def test_RR_05_asyncio_takes_no_part_for_the_whole_either(
    listed: Store, ending: Ending
) -> None:
    port = int(listed.url.rsplit(":", 1)[1])
    with FaultProxy(port) as proxy:
        url = f"redis://127.0.0.1:{proxy.port}"
        proxy.down.cut_with = ending
        for offset in range(0, 700, 13):
            proxy.down.cut_after = offset
            async with AsyncOptionReader(url, timeout_s=PATIENCE_S) as reader:
                with pytest.raises(StoreUnavailable):
                    await reader.get(CALL)
        proxy.down.cut_after = None
        async with AsyncOptionReader(url, timeout_s=PATIENCE_S) as reader:
            assert (await reader.get(CALL)).symbol == CALL


def test_RR_05_a_connection_that_died_between_two_reads_is_no_error(
    listed: Store, reader: OptionReader
) -> None:
    assert reader.get(CALL).symbol == CALL
    for _ in range(20):
        listed.client.client_kill_filter(_type="normal", skipme=True)
        assert reader.get(CALL).symbol == CALL


def test_RR_02_an_option_that_expires_between_two_reads_is_expired(
    store: Store, reader: OptionReader
) -> None:
    store.option(CALL)
    assert reader.get(CALL).phase == "trading"
    past_ms = expiry_of(CALL) - store.now_ms() + 1000
    store.feed(skew_ms=past_ms)  # the venue's clock decides
    with pytest.raises(Expired):
        reader.get(CALL)
    assert reader.get(CALL, allow_expired=True, require_live=False).phase == "expired"


def test_RR_05_an_address_without_a_server_is_an_error_at_once(store: Store) -> None:
    with (
        OptionReader(f"redis://127.0.0.1:{free_port()}") as reader,
        pytest.raises(StoreUnavailable, match="refused"),
    ):
        reader.get(CALL)
