"""RR-15, RR-16: what can never match is refused when it is asked for, and so are wrong types."""

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from fastopts.reader import BadInput, Expired, OptionReader, Unknown
from tests.support.store import CALL, Store

LONG = {"heartbeat_limit_ms": 600_000, "watchdog_limit_ms": 600_000}
NEVER: list[tuple[Any, dict[str, Any], type[Exception]]] = [
    (["BTC-027NOV99-90000-C"], {}, Unknown),
    ([CALL.removesuffix("-USDT")], {}, Unknown),
    ([CALL, "NOPE-1"], {}, Unknown),
    (["BTC-1JAN20-1-C"], {}, Expired),
    ("DOGE", {}, Unknown),
    ("BTC", {"settle": "EUR"}, BadInput),
    ("BTC", {"expiry": "28NOV99"}, BadInput),
    ("BTC", {"min_strike": 2e5}, BadInput),
]


@pytest.mark.parametrize(("what", "bounds", "kind"), NEVER)
def test_RR_15_a_selection_that_never_matches_does_not_wait(
    store: Store, reader: OptionReader, what: Any, bounds: dict[str, Any], kind: type[Exception]
) -> None:
    store.option(CALL)
    store.feed(**LONG)  # type: ignore[arg-type]
    with pytest.raises(kind):
        reader.watch(what, **bounds)
    if not bounds:
        with pytest.raises(kind):
            reader.mirror(what)
        with pytest.raises(kind):
            reader.watch_moves(what, 0.1)


@pytest.mark.parametrize(
    "bounds",
    [
        {"min_delta": 25},
        {"min_delta": 0.5, "max_delta": 0.2},
        {"max_dte": -5},
        {"max_rel_spread": 5},
        {"settle": "EUR"},
        {"expiry": "29NOV20"},
        {"limit": 0},
    ],
)
def test_RR_15_a_scan_with_a_bound_that_nothing_meets_is_refused(
    store: Store, reader: OptionReader, bounds: dict[str, Any]
) -> None:
    store.option(CALL)
    store.feed(**LONG)  # type: ignore[arg-type]
    with pytest.raises(BadInput):
        reader.scan(**bounds)


def test_RR_16_symbols_come_in_any_iterable_and_nothing_else_is_one(
    store: Store, reader: OptionReader
) -> None:
    store.option(CALL)
    store.feed(**LONG)  # type: ignore[arg-type]
    good: list[Callable[[], Any]] = [
        lambda: {CALL},
        lambda: {CALL: 1},
        lambda: np.array([CALL]),
        lambda: (symbol for symbol in [CALL]),
    ]
    for make in good:
        assert [one.symbol for one in reader.get_many(make())] == [CALL]
        assert len(reader.text_many(make())) == 1
    for wrong in (7, None, CALL, [CALL, 7], [None], b"x"):
        with pytest.raises(BadInput, match=r"^symbols: "):
            reader.get_many(wrong)  # type: ignore[arg-type]
    with pytest.raises(BadInput, match=r"7 at position 1 is not text"):
        reader.get_many([CALL, 7])  # type: ignore[list-item]


def test_RR_16_a_reader_is_not_copied(reader: OptionReader) -> None:
    with pytest.raises(TypeError, match="holds a connection"):
        copy.deepcopy(reader)
