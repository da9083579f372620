"""The promises notice when they are broken: each test breaks the product in one way."""

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, ExitStack
from typing import Any
from unittest import mock

import pytest

from fastopts.collector.store.flusher import Flusher
from fastopts.collector.store.heartbeat import Heartbeat
from fastopts.collector.store.write_loop import WriteLoop
from fastopts.core import pure
from fastopts.core.pure import batch, ticker
from fastopts.venues.bybit.session import StreamSession
from tests.simulation import campaign
from tests.simulation.faults import Planned
from tests.simulation.world import run

Patch = AbstractContextManager[Any]


@pytest.fixture(autouse=True)
def silence() -> None:
    campaign.quiet()


def first_broken(faults: list[Planned], patches: Iterable[Patch], seeds: int = 6) -> str:
    """What breaks under *faults* with *patches*; nothing may break without."""
    assert run(1, faults).broken == ""
    with ExitStack() as stack:
        for patch in patches:
            stack.enter_context(patch)
        outcomes = (run(seed, faults) for seed in range(1, seeds))
        return next((outcome.broken for outcome in outcomes if outcome.broken), "")


def twin(**changed: Callable[..., Any]) -> list[Patch]:
    """The pure core, whose rules can be *changed*; names are those of `pure`, `_` for a dot."""
    doors = {
        "fastopts.venues.bybit.ticker_table.Table": pure.Table,
        "fastopts.venues.bybit.ticker_table.Grammar": pure.Grammar,
        "fastopts.collector.store.flusher.Batch": pure.Batch,
    }
    return [
        *(mock.patch(name, value) for name, value in doors.items()),
        *(mock.patch(f"fastopts.core.pure.{name}", value) for name, value in changed.items()),
    ]


def rule(name: str, changed: Callable[..., Any]) -> list[Patch]:
    return [*twin(), mock.patch(f"fastopts.core.pure.{name}", changed)]


def test_the_twin_keeps_them() -> None:
    assert first_broken([Planned("older", 2.0, 4.0)], twin()) == ""


def test_an_older_tick_that_replaces_a_newer_one() -> None:
    patches = rule("table.Table._is_older", lambda *args: False)
    assert "went back in time" in first_broken([Planned("older", 2.0, 4.0)], patches)


def test_a_time_ahead_that_blocks_good_ones() -> None:
    patches = rule("table.Table._is_older", lambda table, ts, rt, slot: ts < slot.tm)
    broken = first_broken([Planned("times_ahead", 2.0, 4.0)], patches)
    assert "the hash holds" in broken


def test_two_writes_for_one_tick() -> None:
    whole = batch.hash_commands

    def torn(key: str, texts: Any, fields: set[int], gone: set[int]) -> list[bytes]:
        early = {index for index in fields if index < 10}
        parts = [part for part in (early, fields - early) if part]
        return [command for part in parts for command in whole(key, texts, part, gone)]

    assert "torn" in first_broken([], rule("batch.hash_commands", torn))


def test_a_rejection_that_is_not_counted() -> None:
    def forget(table: pure.Table, reason: str, received: int = 1) -> None:
        table.received += 1

    patches = rule("table.Table.reject", forget)
    assert "received is" in first_broken([Planned("garbage", 2.0, 4.0)], patches)


def test_an_empty_text_that_becomes_a_zero() -> None:
    text = ticker.decimal_text
    patches = rule("ticker.decimal_text", lambda value: "0" if value == "" else text(value))
    assert "torn" in first_broken([], patches)


def test_no_rewrite_after_a_restart() -> None:
    patches = rule("table.Table.mark_whole", lambda *args: None)
    assert first_broken([Planned("redis_restarts_empty", 5.0, 1.0)], patches)


def test_an_outage_without_a_notification() -> None:
    patch = mock.patch.object(WriteLoop, "_fall_behind", return_value=None)
    faults = [Planned("redis_is_slow", 3.0, 20.0), Planned("redis_refuses", 4.0, 9.0)]
    assert "is live" in first_broken(faults, [patch])


def test_a_record_that_stays_where_its_hash_is_refused() -> None:
    def ignore(loop: WriteLoop) -> None:
        loop.outage.end(0.0)

    patch = mock.patch.object(WriteLoop, "_process_refusals", ignore)
    faults = [Planned("keys_of_another_program", 3.0, 20.0)]
    assert "is live" in first_broken(faults, [patch])


def test_a_watchdog_that_pongs_feed() -> None:
    tick = StreamSession.tick

    def fed(session: StreamSession, now: float) -> None:
        if len(session._pings) < 2:
            session._silent_since = session._data_at = now
        tick(session, now)

    patch = mock.patch.object(StreamSession, "tick", fed)
    assert "silent" in first_broken([Planned("mute", 3.0, 30.0)], [patch])


def test_no_resubscription_after_a_reconnect() -> None:
    want, wanted = StreamSession.subscribe, set[str]()

    def once(session: StreamSession, symbols: Iterable[str]) -> None:
        fresh = [symbol for symbol in symbols if symbol not in wanted]
        wanted.update(fresh)
        want(session, fresh)

    patch = mock.patch.object(StreamSession, "subscribe", once)
    assert "after 160 s" in first_broken([Planned("reset_all", 3.0, 0.1)], [patch], seeds=2)


def test_a_lease_that_no_collector_reads() -> None:
    patch = mock.patch("fastopts.collector.store.lease.Lease.check", return_value=True)
    take = mock.patch("fastopts.collector.store.lease._epoch", return_value=0)
    assert "epoch" in first_broken([Planned("usurper", 4.0, 0.1)], [patch, take], seeds=2)


def test_a_flusher_that_dies_in_silence() -> None:
    flush = Flusher.flush

    def dies(flusher: Flusher) -> None:
        if flusher.batches < 3:
            flush(flusher)

    patch = mock.patch.object(Flusher, "flush", dies)
    assert first_broken([], [patch], seeds=2)


def test_a_loop_that_never_rests() -> None:
    patch = mock.patch.object(Heartbeat, "is_due", return_value=False)
    assert "without end" in first_broken([], [patch], seeds=2)
