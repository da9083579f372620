"""When a value is live, at every edge of the limits, and the words for what is not."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastopts.model import FLAG_REST, FLAG_SUSPECT, FLAG_TIME_SUSPECT
from fastopts.reader import (
    Absent,
    BadInput,
    ConnectionLate,
    ConnectionMuted,
    Expired,
    FeedDown,
    NotYetLive,
    OptionReader,
    StaleData,
    StoreError,
    TooOld,
    Unknown,
)
from fastopts.reader.freshness.feed import Feed, RollbackDetector
from tests.store import CALL, EPOCH, PUT, Store

NOW, BEAT_LIMIT, WATCHDOG = 1_795_348_800_000, 5000, 12_000


def feed_of(beat_ms: int, conns: dict[int, int]) -> Feed:
    fields = {"venue": "bybit", "epoch": EPOCH, "heartbeat_ms": beat_ms}
    fields |= {"heartbeat_limit_ms": BEAT_LIMIT, "watchdog_limit_ms": WATCHDOG}
    fields |= {f"conn:{conn}": at for conn, at in conns.items()}
    return Feed({name.encode(): str(value).encode() for name, value in fields.items()})


def live(beat_ms: int, conns: dict[int, int], now_ms: int) -> set[int]:
    """The conns that are live, spelled from the contract."""
    is_alive = beat_ms > 0 and abs(now_ms - beat_ms) <= BEAT_LIMIT
    return {conn for conn, at in conns.items() if is_alive and now_ms - at <= WATCHDOG}


TIMES = st.integers(NOW - 20_000, NOW + 20_000)


@given(TIMES | st.just(0), st.dictionaries(st.integers(0, 5), TIMES | st.just(0)), st.lists(TIMES))
def test_a_conn_is_live_as_the_contract_has_it_in_any_order_of_asking(
    beat_ms: int, conns: dict[int, int], asked: list[int]
) -> None:
    feed = feed_of(beat_ms, conns)
    for now_ms in asked:
        assert feed.live_conns(now_ms) == live(beat_ms, conns, now_ms)


@pytest.mark.parametrize(
    ("beat_age_ms", "conn_age_ms", "is_live"),
    [
        *[(0, 0, True), (BEAT_LIMIT, 0, True), (BEAT_LIMIT + 1, 0, False)],
        *[(0, WATCHDOG, True), (0, WATCHDOG + 1, False)],
        *[(-BEAT_LIMIT, 0, True), (-BEAT_LIMIT - 1, 0, False)],
    ],
)
def test_the_limits_are_to_the_millisecond(
    beat_age_ms: int, conn_age_ms: int, is_live: bool
) -> None:
    feed = feed_of(NOW - beat_age_ms, {3: NOW - conn_age_ms})
    assert feed.live_conns(NOW) == ({3} if is_live else set())


def test_a_heartbeat_from_the_future_is_no_sign_of_life(store: Store, reader: OptionReader) -> None:
    store.tick()
    store.feed(beat_s=-3600)  # the server's clock was set back by an hour
    with pytest.raises(FeedDown, match=r"last heartbeat is 3[56]\d\d\.\d s in the future"):
        reader.get(CALL)
    assert not reader.feed().alive
    store.feed(beat_s=-2)
    assert reader.get(CALL).live


@pytest.mark.parametrize(
    "fields",
    [
        {"epoch": "x"},
        {"heartbeat_ms": ""},
        {"conn:x": "1"},
        {"venue": b"\xff"},
        {"coverage": "a/b"},
    ],
)
def test_a_feed_that_can_not_be_read_is_told(
    store: Store, reader: OptionReader, fields: dict[str, Any]
) -> None:
    store.tick()
    store.feed(**fields)
    for ask in (reader.feed, lambda: reader.get(CALL), reader.scan):
        with pytest.raises(StoreError, match="fastopts:feed can't be read"):
            ask()
    store.client.delete("fastopts:feed")
    store.client.set("fastopts:feed", "x")
    with pytest.raises(StoreError, match="WRONGTYPE"):
        reader.get(CALL)


NO_LAG: dict[str, Any] = {"conns": {2: 0}, "conn:1": NOW + 10**12}
SITUATIONS: list[tuple[type[StaleData], str, dict[str, Any], dict[str, Any]]] = [
    (FeedDown, r"last heartbeat is 9\.\d s old", {}, {"beat_s": 9}),
    (FeedDown, "the collector has ended", {}, {"heartbeat_ms": 0}),
    (NotYetLive, "read over REST, and no tick since", {"flags": FLAG_REST}, {}),
    (NotYetLive, "an earlier collector", {"epoch": EPOCH - 1}, {}),
    (NotYetLive, "the connection that delivered it is closed", {"conn": 8}, {}),
    (NotYetLive, "REST answers differ", {"flags": FLAG_SUSPECT}, {}),
    (
        ConnectionLate,
        r"its connection is 2\.0 s behind the venue, more than 1\.9 s",
        {},
        {"lag:1": 2001, "late_limit_ms": 1900},
    ),
    (ConnectionLate, "the lag of its connection behind the venue is not known", {}, NO_LAG),
    (ConnectionMuted, "has not delivered anything yet, or .* still writing", {}, {"conn:1": 0}),
    (ConnectionMuted, r"its connection is silent for 13\.\d s", {}, {"conns": {1: 13, 2: 0}}),
]


@pytest.mark.parametrize(("kind", "words", "tick", "feed"), SITUATIONS)
@pytest.mark.parametrize("ask", ["get", "get_many", "text", "text_many", "chain"])
def test_a_refusal_names_symbol_age_and_reason(
    store: Store,
    reader: OptionReader,
    ask: str,
    kind: type[StaleData],
    words: str,
    tick: dict[str, Any],
    feed: dict[str, Any],
) -> None:
    store.option(CALL, age_s=2.0, **tick)
    store.feed(**feed)
    if kind is FeedDown and ask not in ("get", "text"):
        with pytest.raises(FeedDown, match=words):
            reader.chain("BTC") if ask == "chain" else getattr(reader, ask)([CALL])
        return
    assert_refused(reader, ask, kind, rf"^{CALL}, [2-9]\.\d s old: .*{words}")


def assert_refused(reader: OptionReader, ask: str, kind: type[Exception], words: str) -> None:
    if ask == "chain":
        absent = reader.chain("BTC").absent[CALL]
    elif ask.endswith("many"):
        [absent] = getattr(reader, ask)([CALL])
        with pytest.raises(kind, match=words):
            getattr(reader, ask)([CALL], strict=True)
    else:
        with pytest.raises(kind, match=words):
            getattr(reader, ask)(CALL)
        return
    assert absent.symbol == CALL
    assert isinstance(absent.reason, kind)
    assert re.search(words, str(absent.reason))


def test_what_was_delivered_is_told_with_its_age(store: Store, reader: OptionReader) -> None:
    store.tick(age_s=7200, expiry=store.now_ms() - 5_400_000)
    words = rf"^{CALL}, 7200\.\d s old: it was delivered 1\.5 h ago"
    for feed in ({}, {"beat_s": 600}):
        store.feed(**feed)  # type: ignore[arg-type]
        for ask in ("get", "text"):
            assert_refused(reader, ask, Expired, words)


@pytest.mark.parametrize(
    ("age_s", "limit_s", "is_handed_over"),
    [
        *[(60, 90, True), (60, 30, False), (60, 59.9, False), (60, float("inf"), True)],
        *[(60, 1e300, True), (60, 0, False), (60, None, True)],
    ],
)
def test_an_age_may_be_limited(
    store: Store, reader: OptionReader, age_s: float, limit_s: float, is_handed_over: bool
) -> None:
    store.option(CALL, age_s=age_s)
    if is_handed_over:
        assert reader.get(CALL, max_age_s=limit_s).live
        assert reader.text(CALL, max_age_s=limit_s)["bid_price"] == "1205.0"
        assert len(reader.chain("BTC", max_age_s=limit_s).options) == 1
        return
    words = rf"^{CALL}, 6\d\.\d s old: more than {limit_s:g} s"
    with pytest.raises(TooOld, match=words):
        reader.get(CALL, max_age_s=limit_s)
    with pytest.raises(TooOld, match=words):
        reader.text(CALL, max_age_s=limit_s)
    [absent] = reader.chain("BTC", max_age_s=limit_s).absent.values()
    assert isinstance(absent.reason, TooOld)


@pytest.mark.parametrize(
    ("age_s", "error_ms", "limit_s", "is_handed_over"),
    [
        *[(60, 4000, 66, True), (60, 4000, 63, False), (60, 0, 63, True)],
        *[(-3, 4000, 9, True), (-3, 2000, 9, False), (-3, 2000, None, True)],
        *[(60, "", 1e9, False), (60, "", None, True)],
    ],
)
@pytest.mark.parametrize("ask", ["get", "text", "get_many", "chain"])
def test_an_age_is_compared_with_its_error(
    store: Store,
    reader: OptionReader,
    ask: str,
    age_s: float,
    error_ms: object,
    limit_s: float | None,
    is_handed_over: bool,
) -> None:
    store.option(CALL, age_s=age_s)
    store.feed(skew_error_ms=error_ms)

    def found() -> object:
        if ask == "chain":
            return reader.chain("BTC", max_age_s=limit_s).options
        return getattr(reader, ask)([CALL] if ask == "get_many" else CALL, max_age_s=limit_s)

    if is_handed_over:
        assert found()
    elif ask == "get_many":
        [absent] = reader.get_many([CALL], max_age_s=limit_s)
        assert isinstance(absent, Absent)
        assert isinstance(absent.reason, TooOld)
    elif ask == "chain":
        assert not found()
    else:
        words = {
            4000: "to within 4 s",
            2000: "ahead of the venue's clock",
            "": "clock is not known",
        }
        with pytest.raises(TooOld, match=words[error_ms]):
            found()


def test_a_feed_of_a_collector_that_measures_no_lags_is_read_as_before(
    store: Store, reader: OptionReader
) -> None:
    store.option(CALL, age_s=3)
    store.feed()
    store.client.hdel("fastopts:feed", "lag:1", "late_limit_ms", "skew_error_ms")
    assert reader.get(CALL, max_age_s=4).live
    state = reader.feed()
    assert (state.late_limit_ms, state.skew_error_ms, state.late, state.lag_s) == (None, 0, (), {})


def test_the_feed_says_which_connections_are_late(store: Store, reader: OptionReader) -> None:
    store.feed({1: 0.1, 2: 0.1, 3: 0.1}, **{"lag:2": 2001, "lag:3": 2000})
    state = reader.feed()
    assert (state.late, state.muted) == ((2,), (2,))
    assert state.lag_s == {1: 0.04, 2: 2.001, 3: 2.0}


def test_an_age_that_can_not_be_trusted_meets_no_limit(store: Store, reader: OptionReader) -> None:
    store.tick(age_s=-3600, flags=FLAG_TIME_SUSPECT)
    option = reader.get(CALL)
    assert (option.live, option.time_suspect) == (True, True)
    with pytest.raises(TooOld, match="its time can't be right"):
        reader.get(CALL, max_age_s=60)


@pytest.mark.parametrize("limit_s", [-1, -0.001, float("nan")])
def test_what_is_no_age_is_refused(store: Store, reader: OptionReader, limit_s: float) -> None:
    store.option(CALL)
    for ask in (reader.get, reader.text):
        with pytest.raises(BadInput, match=r"max_age_s: .* is not an age"):
            ask(CALL, max_age_s=limit_s)
    with pytest.raises(BadInput, match="max_age_s"):
        reader.chain("BTC", max_age_s=limit_s)


def test_the_other_name_is_suggested_only_where_it_is(store: Store, reader: OptionReader) -> None:
    short = CALL.removesuffix("-USDT")
    for ask in (reader.get, reader.text):
        with pytest.raises(Unknown, match=f"^there is no option '{short}' here$"):
            ask(short)
    store.tick()
    for ask in (reader.get, reader.text):
        with pytest.raises(Unknown, match=rf"'{short}' here: did you mean {CALL}\?$"):
            ask(short)
    with pytest.raises(Unknown, match=f"^there is no option '{PUT}' here$"):
        reader.get(PUT)
    first, _, third = reader.get_many([short, CALL, PUT.removesuffix("-USDT")])
    assert isinstance(first, Absent)
    assert isinstance(third, Absent)
    assert "did you mean" in str(first.reason)
    assert "did you mean" not in str(third.reason)


def test_a_coin_s_own_option_is_never_taken_for_the_other_s(
    store: Store, reader: OptionReader
) -> None:
    store.tick(CALL.removesuffix("-USDT"))
    with pytest.raises(Unknown, match=f"^there is no option '{CALL}' here$"):
        reader.get(CALL)


def test_a_text_that_is_not_there_is_told(store: Store, reader: OptionReader) -> None:
    store.tick()
    store.client.delete(f"option:{CALL}")
    with pytest.raises(StoreError, match=f"{CALL}: its hash is not in Redis"):
        reader.text(CALL)
    store.client.set(f"option:{CALL}", "x")
    with pytest.raises(StoreError, match=f"{CALL}: WRONGTYPE"):
        reader.text(CALL)
    store.tick(PUT)
    first, second = reader.text_many([CALL, PUT])
    assert isinstance(first, Absent)
    assert isinstance(second, dict)
    assert second["mark_price"] == "1218.5"


def test_a_feed_that_goes_back_in_time_is_down_until_the_collector_has_noticed(
    store: Store, reader: OptionReader
) -> None:
    store.tick()
    store.feed(beat_s=-1)
    assert reader.get(CALL).live
    store.client.hset("fastopts:feed", "heartbeat_ms", store.now_ms())
    words = "the data in Redis went back in time"
    for ask in (lambda: reader.get(CALL), lambda: reader.text(CALL), reader.scan):
        with pytest.raises(FeedDown, match=words):
            ask()
    store.client.hset("fastopts:feed", "heartbeat_ms", store.now_ms() + 2000)
    with pytest.raises(FeedDown, match=words):  # by this one the collector notices
        reader.get(CALL)
    store.client.hset("fastopts:feed", "heartbeat_ms", store.now_ms() + 2500)
    assert reader.get(CALL).live


def test_another_epoch_ends_the_wait(store: Store, reader: OptionReader) -> None:
    store.tick()
    store.feed(beat_s=-1)
    assert reader.get(CALL).live
    store.feed()
    assert not reader.feed().alive
    store.feed(epoch=EPOCH + 1)
    with pytest.raises(NotYetLive, match="an earlier collector"):
        reader.get(CALL)
    store.tick(epoch=EPOCH + 1)
    assert reader.get(CALL).live


def test_a_clock_that_was_set_back_takes_the_heartbeats_with_it() -> None:
    detector = RollbackDetector()
    assert detector.problem(feed_of(NOW, {1: NOW}), NOW + 5) is None
    assert detector.problem(feed_of(NOW - 3_600_000, {1: NOW}), NOW - 3_599_000) is None
    assert detector.problem(feed_of(NOW - 3_600_500, {1: NOW}), NOW - 3_598_000) is not None
