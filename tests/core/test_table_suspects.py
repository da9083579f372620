"""Ticks that are held and no longer believed."""

import struct

import pytest

from fastopts.model import FLAG_MERGED, FLAG_REST, FLAG_SUSPECT
from tests.core.batch_harness import BatchHarness
from tests.support import payloads
from tests.support.oracle import read_update
from tests.support.payloads import SYMBOL, T0


def flags(record: bytes) -> int:
    [found] = struct.unpack_from("<H", record, 2)
    return int(found)


def test_a_suspect_is_flagged_in_its_record_alone(world: BatchHarness) -> None:
    world.send(payloads.ticker())
    world.flush()
    before = world.table.fields(SYMBOL)
    assert world.table.mark_suspect(SYMBOL)
    assert (world.table.suspects, world.table.suspects_now) == (1, 1)
    assert flags(world.table.record(SYMBOL)) == FLAG_SUSPECT
    assert world.table.fields(SYMBOL) == before
    world.flush()
    assert flags(world.redis.keys[f"optrec:{SYMBOL}"]) == FLAG_SUSPECT
    assert (world.table.received, world.table.written, world.table.pending) == (1, 1, 0)
    world.check_books()


def test_it_is_announced(world: BatchHarness) -> None:
    world.send(payloads.ticker())
    world.flush()
    world.batch.publishing = True
    world.table.mark_suspect(SYMBOL)
    world.flush()
    [(_, message)] = world.redis.published
    assert read_update(message).records == [(SYMBOL, world.table.record(SYMBOL))]


def test_whoever_is_suspect_already_counts_once(world: BatchHarness) -> None:
    world.send(payloads.ticker())
    assert world.table.mark_suspect(SYMBOL)
    assert not world.table.mark_suspect(SYMBOL)
    assert (world.table.suspects, world.table.suspects_now) == (1, 1)


@pytest.mark.parametrize("later_ms", [0, 5])
def test_the_next_tick_is_believed_again(world: BatchHarness, later_ms: int) -> None:
    world.send(payloads.ticker())
    world.table.mark_suspect(SYMBOL)
    world.send(payloads.ticker(ts=T0 + later_ms))
    assert flags(world.table.record(SYMBOL)) == 0
    assert (world.table.suspects, world.table.suspects_now) == (1, 0)
    assert world.table.mark_suspect(SYMBOL)
    assert (world.table.suspects, world.table.suspects_now) == (2, 1)


def test_an_older_tick_clears_nothing(world: BatchHarness) -> None:
    world.send(payloads.ticker())
    world.table.mark_suspect(SYMBOL)
    world.send(payloads.ticker(ts=T0 - 1))
    assert flags(world.table.record(SYMBOL)) == FLAG_SUSPECT
    assert world.table.suspects_now == 1


def test_a_delta_can_not_be_merged_into_what_is_not_believed(world: BatchHarness) -> None:
    world.send(payloads.ticker())
    world.table.mark_suspect(SYMBOL)
    world.send(payloads.delta(ts=T0 + 5, askPrice="1"))
    assert world.table.rejected["delta_without_base"] == 1
    assert flags(world.table.record(SYMBOL)) == FLAG_SUSPECT
    world.send(payloads.ticker(ts=T0 + 6))
    world.send(payloads.delta(ts=T0 + 7, askPrice="1"))
    assert flags(world.table.record(SYMBOL)) == FLAG_MERGED
    world.check_books()


def test_what_has_no_tick_is_not_suspect(world: BatchHarness) -> None:
    assert not world.table.mark_suspect(SYMBOL)
    world.table.put_rest(SYMBOL, {"mp": "5"}, T0, T0)
    assert not world.table.mark_suspect(SYMBOL)
    assert flags(world.table.record(SYMBOL)) == FLAG_REST
    assert (world.table.suspects, world.table.suspects_now) == (0, 0)
    with pytest.raises(KeyError, match="BTC-1"):
        world.table.mark_suspect("BTC-1")


def test_a_rest_row_in_its_place_ends_it(world: BatchHarness) -> None:
    world.send(payloads.ticker())
    world.table.mark_suspect(SYMBOL)
    assert world.table.put_rest(SYMBOL, {"mp": "5"}, T0 + 1, T0)
    assert world.table.suspects_now == 0


def test_a_suspect_that_is_delisted_is_none_any_more(world: BatchHarness) -> None:
    world.send(payloads.ticker())
    world.flush()
    world.table.mark_suspect(SYMBOL)
    world.flush()
    world.table.retire(SYMBOL)
    assert SYMBOL not in world.table
    assert (world.table.suspects, world.table.suspects_now) == (1, 0)
