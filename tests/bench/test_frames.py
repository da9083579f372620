"""Frames that are stamped in place are valid tickers of the venue."""

from collections import defaultdict
from datetime import UTC, datetime
from itertools import pairwise

import pytest

from bench.frames import Reel, contracts, render, tickers
from fastopts.core import pure
from fastopts.core.pure import frames
from fastopts.venues.bybit import symbols
from fastopts.venues.bybit.fields import TICKER_FIELDS, TOPIC_PREFIX

NOW = datetime(2026, 11, 22, tzinfo=UTC)
NOW_MS = 1_795_000_000_000
VERSIONS = 3
GRAMMAR = pure.Grammar(TOPIC_PREFIX, TICKER_FIELDS)


def build_reel(count: int) -> Reel:
    listed = contracts(count, NOW)
    states = tickers(listed, VERSIONS, seed=1)
    reel = Reel(VERSIONS)
    for index, contract in enumerate(listed):
        reel.add(contract.symbol, [render(state[index]) for state in states])
    return reel


def payloads(data: bytes | memoryview) -> list[bytes]:
    view = memoryview(data)
    messages, end = frames.split(view, 0, len(view))
    assert end == len(view)
    return messages


def parse(payload: bytes) -> pure.TickerMessage:
    tick = pure.parse(payload, GRAMMAR)
    assert tick is not None
    return tick


@pytest.mark.parametrize("count", [1, 7, 1500, 3600])
def test_contracts_are_distinct_options_of_the_venue(count: int) -> None:
    listed = contracts(count, NOW)
    assert len({contract.symbol for contract in listed}) == count
    for contract in listed:
        parsed = symbols.parse(contract.symbol)
        assert parsed is not None
        assert (parsed.asset, parsed.type, parsed.strike) == (
            contract.coin,
            contract.kind,
            contract.strike,
        )
        assert parsed.expiry_ms == contract.expiry_ms


def test_every_frame_is_a_complete_ticker() -> None:
    reel = build_reel(40)
    view, count = reel.take(40, NOW_MS)
    assert count == 40
    for payload, symbol in zip(payloads(view), reel.symbols, strict=True):
        tick = parse(payload)
        assert (tick.symbol, tick.ts, tick.bad_fields) == (symbol, NOW_MS, 0)
        assert tick.sequence is not None
        assert len(tick.values) == len(TICKER_FIELDS)


def test_times_and_sequences_increase_even_if_the_clock_does_not() -> None:
    reel = build_reel(10)
    seen: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for payload in (payload for _ in range(17) for payload in payloads(reel.take(4, NOW_MS)[0])):
        tick = parse(payload)
        assert tick.sequence is not None
        seen[tick.symbol].append((tick.ts, tick.sequence))
    assert len(seen) == 10
    for ticks in seen.values():
        assert all(a[0] < b[0] and a[1] < b[1] for a, b in pairwise(ticks))


def test_most_fields_change_with_a_tick_and_some_do_not() -> None:
    first, second, _ = tickers(contracts(200, NOW), VERSIONS, seed=1)
    changed = [sum(a[name] != b[name] for name in a) for a, b in zip(first, second, strict=True)]
    assert 8 < sum(changed) / len(changed) < 16


def test_the_last_payload_of_each_symbol_is_known() -> None:
    reel = build_reel(10)
    sent: dict[str, bytes] = {}

    def note(view: bytes | memoryview) -> None:
        sent.update((parse(payload).symbol, payload) for payload in payloads(view))

    for index in range(10):
        note(reel.snapshot(index, NOW_MS))
    assert reel.last() == sent
    for number in range(9):
        note(reel.take(4, NOW_MS + number)[0])
        assert reel.last() == sent
    late = contracts(11, NOW)[-1:]
    [state] = tickers(late, 1, seed=3)
    reel.add(late[0].symbol, [render(state[0])] * VERSIONS)
    note(reel.snapshot(10, NOW_MS + 20))
    note(reel.snapshot(2, NOW_MS + 21))
    assert reel.last() == sent
    note(reel.take(11, NOW_MS + 30)[0])
    assert reel.last() == sent
