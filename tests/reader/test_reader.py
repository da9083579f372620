"""Values that a reader returns, and those that it refuses to return."""

import os
import socket
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest

from fastopts import model
from fastopts.embedded import EmbeddedValkey
from fastopts.errors import StoreError
from fastopts.net.redis.resp import ReplyList, pack
from fastopts.reader import (
    Absent,
    ConnectionMuted,
    Expired,
    FeedDown,
    NotYetLive,
    Option,
    OptionReader,
    StaleData,
    StoreUnavailable,
    Unknown,
    WrongVenue,
)
from tests.support.store import CALL, EPOCH, EXPIRY_MS, NAN, NUMBERS, PUT, Store


def test_a_live_option_is_returned_typed(store: Store, reader: OptionReader) -> None:
    store.tick()
    option = reader.get(CALL)
    assert option.live
    assert 0.4 < option.age_s < 5
    assert (option.symbol, option.venue, option.asset) == (CALL, "bybit", "BTC")
    assert (option.settle, option.type, option.strike) == ("USDT", "C", 90000.0)
    assert option.expiry == datetime(2099, 11, 27, 8, tzinfo=UTC)
    assert option.expiry_ms == EXPIRY_MS
    assert (option.rt - option.ts).total_seconds() == pytest.approx(0.04)
    assert option.ts.tzinfo is UTC
    assert (option.seq, option.source, option.time_suspect) == (77, "ws", False)
    for name, value in NUMBERS.items():
        if name != "predicted_delivery_price":
            assert getattr(option, name) == value, name
    assert option.predicted_delivery_price is None
    assert option.forward == option.underlying_price
    assert option.mid == 1217.5
    assert repr(option).startswith(f"<Option {CALL} 1205.0/1230.0 mark 1218.5 iv 0.4883, ")


@pytest.mark.parametrize(
    ("changes", "absent"),
    [
        ({"bid_price": 0.0}, ["bid_price", "bid_size", "bid_iv", "mid"]),
        ({"ask_size": 0.0}, ["ask_price", "ask_size", "ask_iv", "mid"]),
        ({"bid_price": NAN}, ["bid_price", "bid_size", "bid_iv", "mid"]),
        ({"ask_iv": 0.0}, ["ask_iv"]),
        ({"bid_price": 1300.0}, ["mid"]),
        (
            {"last_price": 0.0, "high_24h": 0.0, "low_24h": 0.0},
            ["last_price", "high_24h", "low_24h"],
        ),
        ({"mark_price": NAN, "gamma": NAN}, ["mark_price", "gamma"]),
        ({"sequence": model.NO_SEQUENCE}, ["seq"]),
    ],
)
def test_absent_values_are_none_and_never_zero(
    store: Store, reader: OptionReader, changes: dict[str, Any], absent: list[str]
) -> None:
    store.tick(**changes)
    option = reader.get(CALL)
    for name in (*NUMBERS, "mid", "seq"):
        if name != "predicted_delivery_price":
            assert (getattr(option, name) is None) == (name in absent), name


def test_zero_greeks_and_volumes_are_zero(store: Store, reader: OptionReader) -> None:
    store.tick(delta=0.0, volume_24h=0.0, open_interest=0.0)
    option = reader.get(CALL)
    assert (option.delta, option.volume_24h, option.open_interest) == (0.0, 0.0, 0.0)


SITUATIONS: list[tuple[str, Callable[[Store], None], type[StaleData], str]] = [
    ("the heartbeat is old", lambda s: s.feed(beat_s=6), FeedDown, r"heartbeat is 6\.\d s old"),
    ("the collector has ended", lambda s: s.feed(heartbeat_ms=0), FeedDown, "has ended"),
    ("there is no feed", lambda s: s.client.delete("fastopts:feed"), FeedDown, "no collector"),  # type: ignore[list-item]
    (
        "its conn is silent",
        lambda s: s.feed({1: 13, 2: 0}),
        ConnectionMuted,
        r"silent for 13\.\d s",
    ),
    (
        "its conn never delivered",
        lambda s: s.feed({}, **{"conn:1": 0}),
        ConnectionMuted,
        "not delivered",
    ),
    ("its conn is gone", lambda s: s.feed({2: 0}), NotYetLive, "is closed"),
    ("another epoch", lambda s: s.feed(epoch=EPOCH + 1), NotYetLive, "an earlier collector"),
    ("a REST row", lambda s: s.tick(flags=model.FLAG_REST, conn=0), NotYetLive, "read over REST"),
]


@pytest.mark.parametrize(
    ("situation", "kind", "words"),
    [(s, kind, words) for _, s, kind, words in SITUATIONS],
    ids=[name for name, *_ in SITUATIONS],
)
def test_stale_values_are_refused_with_symbol_age_and_reason(
    store: Store,
    reader: OptionReader,
    situation: Callable[[Store], None],
    kind: type[StaleData],
    words: str,
) -> None:
    store.tick(age_s=3.0)
    situation(store)
    with pytest.raises(kind, match=words) as caught:
        reader.get(CALL)
    assert str(caught.value).startswith(f"{CALL}, ")
    assert "s old: " in str(caught.value)
    option = reader.get(CALL, require_live=False)
    assert not option.live
    assert option.mark_price == 1218.5


def test_an_old_quiet_value_of_a_delivering_conn_is_live(
    store: Store, reader: OptionReader
) -> None:
    store.tick(age_s=600)
    option = reader.get(CALL)
    assert option.live
    assert 600 <= option.age_s < 610


def test_the_age_is_on_the_venues_clock(store: Store, reader: OptionReader) -> None:
    store.tick(age_s=-30)
    store.feed(skew_ms=30_000)
    assert -1 < reader.get(CALL).age_s < 5


def test_unknown_and_expired_symbols_have_different_errors(
    store: Store, reader: OptionReader
) -> None:
    with pytest.raises(Unknown, match=CALL):
        reader.get(CALL)
    store.tick(expiry=store.now_ms() - 1)
    with pytest.raises(Expired, match=CALL):
        reader.get(CALL)
    store.feed(beat_s=60)
    with pytest.raises(Expired):
        reader.get(CALL)
    assert reader.get(CALL, allow_expired=True, require_live=False).symbol == CALL


def test_many_are_aligned_with_their_symbols(store: Store, reader: OptionReader) -> None:
    store.tick(CALL)
    store.tick(PUT, conn=9)
    first, none, second, again = reader.get_many([CALL, "BTC-1JAN99-1-C", PUT, CALL])
    assert isinstance(first, Option)
    assert isinstance(again, Option)
    assert first.symbol == CALL
    assert isinstance(none, Absent)
    assert isinstance(second, Absent)
    assert isinstance(none.reason, Unknown)
    assert isinstance(second.reason, NotYetLive)
    assert not none
    assert not second
    assert reader.get_many([]) == []


def test_many_from_a_dead_feed_raise(store: Store, reader: OptionReader) -> None:
    store.tick()
    store.feed(beat_s=60)
    with pytest.raises(FeedDown):
        reader.get_many([CALL])
    [option] = reader.get_many([CALL], require_live=False)
    assert isinstance(option, Option)
    assert not option.live


def test_another_venues_data_is_refused(store: Store) -> None:
    store.tick()
    with OptionReader(store.url, venue="sim") as reader, pytest.raises(WrongVenue, match="bybit"):
        reader.get(CALL)


def test_a_record_of_another_version_is_an_error(store: Store, reader: OptionReader) -> None:
    store.tick(version=2)
    with pytest.raises(StoreError, match="can't read"):
        reader.get(CALL)
    store.client.set(f"optrec:{CALL}", b"short")
    with pytest.raises(StoreError, match="can't read"):
        reader.get(CALL)


def test_a_key_of_another_type_reads_as_unknown(store: Store, reader: OptionReader) -> None:
    store.client.hset(f"optrec:{CALL}", "a", "b")
    with pytest.raises(Unknown):
        reader.get(CALL)


def test_a_server_that_restarts_serves_the_next_call() -> None:
    server = EmbeddedValkey()
    server.start()
    try:
        with OptionReader(server.url) as reader:
            Store(server).tick()
            assert reader.get(CALL).live
            server.stop()
            with pytest.raises(StoreUnavailable):
                reader.get(CALL)
            server.start()
            Store(server).tick()
            assert reader.get(CALL).live
    finally:
        server.stop()


def test_a_hung_server_is_given_up() -> None:
    with socket.socket() as hung:
        hung.bind(("127.0.0.1", 0))
        hung.listen()
        url = f"redis://127.0.0.1:{hung.getsockname()[1]}"
        with (
            OptionReader(url, timeout_s=0.1) as reader,
            pytest.raises(StoreUnavailable, match=r"no answer in 0\.1 s"),
        ):
            reader.get(CALL)


def test_a_wrong_password_is_an_error() -> None:
    with EmbeddedValkey(password="s3cret") as server:
        with OptionReader(server.url, password="hunter2") as reader:
            with pytest.raises(StoreError, match="WRONGPASS") as caught:
                reader.get(CALL)
            assert "hunter2" not in str(caught.value)
        with OptionReader(server.url, password="s3cret") as reader, pytest.raises(FeedDown):
            reader.get(CALL)


def test_a_reply_cut_anywhere_is_never_half_a_result(store: Store) -> None:
    store.tick()
    whole = _answer(store)
    for cut in (0, 1, 5, 100, 262, 270, 300, len(whole) - 1):
        with (
            _CuttingServer(whole[:cut]) as url,
            OptionReader(url) as reader,
            pytest.raises(StoreUnavailable),
        ):
            reader.get(CALL)


def test_threads_share_a_reader(store: Store, reader: OptionReader) -> None:
    store.tick(CALL)
    store.tick(PUT, delta=-0.61)
    wrong: list[object] = []

    def read(symbol: str, delta: float) -> None:
        for _ in range(100):
            option = reader.get(symbol)
            if (option.symbol, option.delta) != (symbol, delta):
                wrong.append(option)

    threads = [
        threading.Thread(target=read, args=args) for args in [(CALL, 0.39), (PUT, -0.61)] * 16
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this platform does not fork")
def test_a_forked_child_reads_over_a_connection_of_its_own(
    store: Store, reader: OptionReader
) -> None:
    store.tick()
    reader.get(CALL)
    clients = store.client.info("clients")["connected_clients"]
    read_end, write_end = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(write_end, str(_clients(reader)).encode())
        os._exit(0)
    os.waitpid(child, 0)
    assert int(os.read(read_end, 10)) == clients + 1
    os.close(read_end)
    os.close(write_end)
    assert reader.get(CALL).live


def _clients(reader: OptionReader) -> int:
    """Read in the child, and count the server's connections over the reader's own."""
    reader.get(CALL)
    info = reader._connection.exchange(pack("INFO", "clients"), partial(ReplyList, 1)).values[0]
    return int(info.split("connected_clients:")[1].split()[0])


def _answer(store: Store) -> bytes:
    """The bytes with which the server answers a `get`."""
    listener = socket.create_server(("127.0.0.1", 0))
    asked: list[bytes] = []

    def listen() -> None:
        connection, _ = listener.accept()
        with connection:
            asked.append(connection.recv(65536))

    thread = threading.Thread(target=listen)
    thread.start()
    url = f"redis://127.0.0.1:{listener.getsockname()[1]}"
    with OptionReader(url) as spied, pytest.raises(StoreUnavailable):
        spied.get(CALL)
    thread.join()
    listener.close()
    port = int(store.url.rsplit(":", 1)[1])
    with socket.create_connection(("127.0.0.1", port), timeout=5) as raw:
        raw.sendall(asked[0] + b"*1\r\n$4\r\nQUIT\r\n")
        return b"".join(iter(lambda: raw.recv(65536), b"")).removesuffix(b"+OK\r\n")


class _CuttingServer:
    """A server that answers the first command with some bytes and hangs up."""

    def __init__(self, answer: bytes) -> None:
        self._answer = answer
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._serve)

    def __enter__(self) -> str:
        self._thread.start()
        return f"redis://127.0.0.1:{self._listener.getsockname()[1]}"

    def __exit__(self, *_: object) -> None:
        self._thread.join()
        self._listener.close()

    def _serve(self) -> None:
        connection, _ = self._listener.accept()
        with connection:
            connection.recv(65536)
            connection.sendall(self._answer)


@pytest.mark.parametrize("symbol", ["\ud800", "", "BTC*", f"{CALL}\r\nPING", "B" * 41, "\u00dc"])
def test_an_invalid_key_is_unknown(store: Store, reader: OptionReader, symbol: str) -> None:
    store.tick()
    with pytest.raises(Unknown) as caught:
        reader.get(symbol)
    assert str(caught.value).isprintable()
    assert str(caught.value).encode()
    first, none, last = reader.get_many([CALL, symbol, CALL])
    assert isinstance(first, Option)
    assert isinstance(last, Option)
    assert isinstance(none, Absent)
    assert none.symbol == symbol
    assert isinstance(none.reason, Unknown)


@pytest.mark.parametrize(
    ("beat_s", "delivered_s", "field", "limit_ms"),
    [(1.0, 2.0, "heartbeat_ms", 5000), (0.0, 9.0, "conn:1", 12000)],
)
def test_it_is_valid_until_its_feed_or_its_connection_would_be_dead(
    store: Store, reader: OptionReader, beat_s: float, delivered_s: float, field: str, limit_ms: int
) -> None:
    store.tick()
    store.feed({1: delivered_s, 2: 0.0}, beat_s)
    told = store.client.hget("fastopts:feed", field)
    assert isinstance(told, bytes)
    option = reader.get(CALL)
    assert round(option.valid_for_s * 1000) == int(told) + limit_ms - option.moment.now_ms


def test_it_is_valid_until_its_delivery_by_the_venues_clock(
    store: Store, reader: OptionReader
) -> None:
    store.feed(skew_ms=60_000, heartbeat_limit_ms=600_000, watchdog_limit_ms=600_000)
    now_ms = store.now_ms()
    store.tick(expiry=now_ms + 60_000 + 120_000)
    assert 0 < reader.get(CALL).valid_for_s <= 120
    store.tick(expiry=now_ms + 60_000)
    assert reader.get(CALL, allow_expired=True).valid_for_s == 0.0


def test_a_stale_option_is_valid_for_no_time(store: Store, reader: OptionReader) -> None:
    store.tick(flags=model.FLAG_SUSPECT)
    assert reader.get(CALL, require_live=False).valid_for_s == 0.0


def test_a_hash_of_another_type_is_an_error_of_its_symbol_alone(
    store: Store, reader: OptionReader
) -> None:
    store.tick(CALL)
    store.tick(PUT)
    store.client.delete(f"option:{CALL}")
    store.client.set(f"option:{CALL}", "x")
    with pytest.raises(StoreError, match=f"{CALL}: WRONGTYPE"):
        reader.text(CALL)
    refused, text = reader.text_many([CALL, PUT])
    assert isinstance(refused, Absent)
    assert isinstance(text, dict)
    assert text["last_price"] == "1215.0"


def test_malformed_terms_are_none(store: Store, reader: OptionReader) -> None:
    store.option(CALL)
    store.client.hset(f"instrument:{CALL}", "expiry_ms", "soon")
    option = reader.get(CALL)
    assert option.live
    assert option.instrument is None
