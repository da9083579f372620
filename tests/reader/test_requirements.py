"""Requirements of a read, at every edge of the limits, and the error of each."""

import re
from typing import Any

import pytest

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
    TooOld,
    Unknown,
)
from tests.support.store import CALL, EPOCH, PUT, Store

NOW = 1_795_348_800_000


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


def test_an_expired_option_is_refused_with_its_age(store: Store, reader: OptionReader) -> None:
    store.tick(age_s=7200, expiry=store.now_ms() - 5_400_000)
    words = rf"^{CALL}, 7200\.\d s old: it expired at .* UTC, 1\.5 h ago"
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


def test_an_implausible_age_meets_no_limit(store: Store, reader: OptionReader) -> None:
    store.tick(age_s=-3600, flags=FLAG_TIME_SUSPECT)
    option = reader.get(CALL)
    assert (option.live, option.time_suspect) == (True, True)
    with pytest.raises(TooOld, match="its time can't be right"):
        reader.get(CALL, max_age_s=60)


@pytest.mark.parametrize("limit_s", [-1, -0.001, float("nan")])
def test_an_invalid_age_is_refused(store: Store, reader: OptionReader, limit_s: float) -> None:
    store.option(CALL)
    for ask in (reader.get, reader.text):
        with pytest.raises(BadInput, match=r"max_age_s: .* is not an age"):
            ask(CALL, max_age_s=limit_s)
    with pytest.raises(BadInput, match="max_age_s"):
        reader.chain("BTC", max_age_s=limit_s)


def test_another_spelling_is_suggested_only_if_it_exists(
    store: Store, reader: OptionReader
) -> None:
    short = CALL.removesuffix("-USDT")
    for ask in (reader.get, reader.text):
        with pytest.raises(Unknown, match=f"^there is no option '{short}' here: no options of BTC"):
            ask(short)
    store.tick()
    for ask in (reader.get, reader.text):
        with pytest.raises(Unknown, match=rf"'{short}' here: did you mean {CALL}\?$"):
            ask(short)
    with pytest.raises(Unknown, match=f"^there is no option '{PUT}' here: no options of BTC"):
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
    with pytest.raises(Unknown, match=rf"'{CALL}' here: did you mean {CALL[:-5]}\?$"):
        reader.get(CALL)
