"""One reader in many threads, over forks, restarts and servers that misbehave."""

import contextlib
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial

import pytest

from fastopts.embedded import EmbeddedValkey
from fastopts.reader import Absent, OptionReader, StoreError, StoreUnavailable
from tests.reader.reply_proxy import ReplyProxy, cut, drip, garbage, half, reset, twice
from tests.support.store import Store

SYMBOLS = [f"BTC-27NOV99-{strike}-C-USDT" for strike in range(1, 33)]
pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
forks = pytest.mark.skipif(not hasattr(os, "fork"), reason="this platform does not fork")


@pytest.fixture
def many(store: Store) -> Store:
    """Options that each carry their strike in a price."""
    for symbol in SYMBOLS:
        store.option(symbol, mark_price=strike_of(symbol) / 8)
    return store


@pytest.fixture
def proxy(store: Store) -> Iterator[ReplyProxy]:
    with ReplyProxy(int(store.url.rsplit(":", 1)[1])) as opened:
        yield opened


def strike_of(symbol: str) -> float:
    return float(symbol.split("-")[2])


def wrong(reader: OptionReader, symbol: str) -> object:
    """Something that a read of *symbol* gave and that is not its own; None: all is right."""
    option = reader.get(symbol)
    if (option.symbol, option.strike, option.mark_price) != (
        *(symbol, strike_of(symbol), strike_of(symbol) / 8),
    ):
        return option
    if option.instrument is None or option.instrument.strike_text != symbol.split("-")[2]:
        return option, option.instrument
    return None


def in_threads(work: Callable[[str], object], until: float) -> list[object]:
    """Have a thread for each symbol *work* at least once, then until that time.

    Returns what went wrong.
    """
    faults: list[object] = []

    def loop(symbol: str) -> None:
        try:
            while True:  # a busy machine may not start all threads before *until*
                if (fault := work(symbol)) is not None:
                    faults.append(fault)
                if faults or time.monotonic() >= until:
                    return
        except BaseException as error:  # noqa: BLE001 - whatever it is, the test reports it
            faults.append(error)

    threads = [threading.Thread(target=loop, args=(symbol,)) for symbol in SYMBOLS]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return faults


def test_each_thread_gets_its_own_symbol(many: Store, reader: OptionReader) -> None:
    assert in_threads(partial(wrong, reader), time.monotonic() + 1.5) == []


def test_terms_are_whole_while_the_listing_changes(many: Store, reader: OptionReader) -> None:
    ended = threading.Event()

    def relist() -> None:
        version = 1
        while not ended.is_set():
            version += 1
            many.client.hset("fastopts:feed", "universe", version)

    meddler = threading.Thread(target=relist)
    meddler.start()

    def work(symbol: str) -> object:
        try:
            return wrong(reader, symbol)
        except StoreError as error:
            return None if "changes faster" in str(error) else error

    try:
        assert in_threads(work, time.monotonic() + 1.5) == []
    finally:
        ended.set()
        meddler.join()


def test_batches_of_threads_are_their_own(many: Store, reader: OptionReader) -> None:
    def work(symbol: str) -> object:
        asked = [symbol, *SYMBOLS, "BTC-1JAN99-1-C", symbol]
        found = reader.get_many(asked)
        names = [one.symbol for one in found]
        return None if names == asked and isinstance(found[-2], Absent) else names

    assert in_threads(work, time.monotonic() + 1.0) == []


def outcome(work: Callable[[], object]) -> bytes:
    try:
        return repr(work()).encode()
    except BaseException as error:  # noqa: BLE001 - a child reports it and ends
        return repr(error).encode()


def in_child(work: Callable[[], object]) -> str:
    """What *work* gives in a forked child."""
    read_end, write_end = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.close(read_end)
            os.write(write_end, outcome(work))
        finally:
            os._exit(0)
    os.close(write_end)
    with open(read_end, "rb") as told:
        answer = told.read().decode()
    os.waitpid(child, 0)
    return answer


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_threads_of_a_fresh_child_share_one_connection(
    many: Store, reader: OptionReader, caplog: pytest.LogCaptureFixture
) -> None:
    wrong(reader, SYMBOLS[0])

    def child() -> object:
        faults = in_threads(partial(wrong, reader), time.monotonic() + 0.1)
        return faults, len(caplog.records), len(os.listdir("/proc/self/fd"))

    results = [in_child(child) for _ in range(10)]
    fds = len(os.listdir("/proc/self/fd")) + 1  # the pipe's end; a connection for a connection
    # the first child logs that it was forked, for all children of the reader
    assert results == [repr(([], 1, fds)), *[repr(([], 0, fds))] * 9]


@forks
def test_a_fork_under_the_lock_does_not_hang_the_child(many: Store, proxy: ReplyProxy) -> None:
    with OptionReader(proxy.url) as reader:
        wrong(reader, SYMBOLS[0])
        asked, may_go_on = threading.Event(), threading.Event()

        def wait(answer: bytes, to: socket.socket) -> None:
            asked.set()
            may_go_on.wait()
            to.sendall(answer)

        proxy.manner = wait
        busy = threading.Thread(target=wrong, args=(reader, SYMBOLS[1]))
        busy.start()
        asked.wait()
        proxy.manner = lambda answer, to: to.sendall(answer)
        told = in_child(lambda: wrong(reader, SYMBOLS[2]))
        may_go_on.set()
        busy.join()
        assert told == "None"
        assert wrong(reader, SYMBOLS[3]) is None


def test_a_server_that_restarted_between_two_calls_serves_the_next() -> None:
    server = EmbeddedValkey()
    server.start()
    try:
        with OptionReader(server.url) as reader:
            for _ in range(3):
                store = Store(server)
                store.option(SYMBOLS[0], mark_price=1 / 8)
                store.client.close()
                assert wrong(reader, SYMBOLS[0]) is None
                server.stop()
                server.start()
            with pytest.raises(Exception, match=SYMBOLS[0]):
                reader.get(SYMBOLS[0])
    finally:
        server.stop()


def test_threads_get_over_a_server_that_hangs_up(many: Store, reader: OptionReader) -> None:
    ended = threading.Event()

    def hang_up() -> None:
        while not ended.wait(0.01):
            many.client.client_kill_filter(_type="normal", skipme=True)

    def work(symbol: str) -> object:
        try:
            return wrong(reader, symbol)
        except StoreUnavailable:
            return None  # cut twice in a row

    meddler = threading.Thread(target=hang_up)
    meddler.start()
    try:
        assert in_threads(work, time.monotonic() + 1.0) == []
    finally:
        ended.set()
        meddler.join()
    assert wrong(reader, SYMBOLS[0]) is None


def test_a_late_reply_is_never_another_reads_result(many: Store, proxy: ReplyProxy) -> None:
    late: list[tuple[bytes, socket.socket]] = []
    with OptionReader(proxy.url, timeout_s=0.5) as reader:
        wrong(reader, SYMBOLS[0])
        proxy.manner = lambda answer, to: late.append((answer, to))
        with pytest.raises(StoreUnavailable, match=r"no answer in 0\.5 s"):
            reader.get(SYMBOLS[1])
        assert proxy.accepted == 1  # what does not answer in time is not asked again
        proxy.manner = lambda answer, to: to.sendall(answer)
        [(answer, to)] = late
        with contextlib.suppress(OSError):
            to.sendall(answer)
        for symbol in SYMBOLS:
            assert wrong(reader, symbol) is None
        assert proxy.accepted == 2


class Interrupted(BaseException):
    """What a signal's handler raises in the middle of a read."""


def interrupt(number: int, frame: object) -> None:
    raise Interrupted


@pytest.mark.skipif(not hasattr(signal, "pthread_kill"), reason="this platform has no such signals")
def test_an_interrupted_read_leaves_no_reply_behind(many: Store, proxy: ReplyProxy) -> None:
    before = signal.signal(signal.SIGUSR1, interrupt)
    whole, here = proxy.manner, threading.get_ident()

    def part(answer: bytes, to: socket.socket) -> None:
        half(answer, to)
        signal.pthread_kill(here, signal.SIGUSR1)

    try:
        with OptionReader(proxy.url) as reader:
            for symbol in SYMBOLS[:5]:
                assert wrong(reader, symbol) is None
                proxy.manner = part
                with pytest.raises(Interrupted):
                    reader.get(symbol)
                proxy.manner = whole
            assert wrong(reader, SYMBOLS[6]) is None
    finally:
        signal.signal(signal.SIGUSR1, before)


@pytest.mark.parametrize("manner", [half, cut, reset, twice, garbage])
def test_a_malformed_reply_leaves_nothing_behind(
    many: Store, proxy: ReplyProxy, manner: Callable[[bytes, socket.socket], None]
) -> None:
    with OptionReader(proxy.url, timeout_s=0.5) as reader:
        for symbol in SYMBOLS[:3]:
            assert wrong(reader, symbol) is None
            proxy.manner = manner
            with pytest.raises(StoreError):
                reader.get(symbol)
            proxy.manner = lambda answer, to: to.sendall(answer)
        assert wrong(reader, SYMBOLS[4]) is None


@pytest.mark.parametrize("ask", ["feed", "get"])
def test_a_server_that_sends_byte_by_byte_is_given_up(
    many: Store, proxy: ReplyProxy, ask: str
) -> None:
    with OptionReader(proxy.url, timeout_s=0.3) as reader:
        proxy.manner = drip
        with pytest.raises(StoreUnavailable, match=r"no answer in 0\.3 s"):
            reader.feed() if ask == "feed" else reader.get(SYMBOLS[0])


def test_a_server_that_sends_element_by_element_is_given_up(many: Store, proxy: ReplyProxy) -> None:
    def drip_elements(answer: bytes, to: socket.socket) -> None:
        head, *records = answer.split(b"$256\r\n")
        to.sendall(head)
        for record in records:
            time.sleep(0.1)
            to.sendall(b"$256\r\n" + record)

    with OptionReader(proxy.url, timeout_s=0.5) as reader:
        proxy.manner = drip_elements
        with pytest.raises(StoreUnavailable, match=r"no answer in 0\.5 s"):
            reader.get_many(SYMBOLS)


def test_small_pieces_in_time_are_a_reply(many: Store, proxy: ReplyProxy) -> None:
    def crumble(answer: bytes, to: socket.socket) -> None:
        for place in range(0, len(answer), 7):
            to.sendall(answer[place : place + 7])

    proxy.manner = crumble
    with OptionReader(proxy.url) as reader:
        for symbol in SYMBOLS[:5]:
            assert wrong(reader, symbol) is None
        assert len(reader.chain("BTC")) == len(SYMBOLS)
        assert len(reader.scan(gate=False)) == len(SYMBOLS)
