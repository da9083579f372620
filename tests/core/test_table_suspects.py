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


def test_a_suspect_is_flagged_in_its_record_alone(harness: BatchHarness) -> None:
    harness.send(payloads.ticker())
    harness.flush()
    before = harness.table.fields(SYMBOL)
    assert harness.table.mark_suspect(SYMBOL)
    assert (harness.table.suspects, harness.table.suspects_now) == (1, 1)
    assert flags(harness.table.record(SYMBOL)) == FLAG_SUSPECT
    assert harness.table.fields(SYMBOL) == before
    harness.flush()
    assert flags(harness.redis.keys[f"optrec:{SYMBOL}"]) == FLAG_SUSPECT
    assert (harness.table.received, harness.table.written, harness.table.pending) == (1, 1, 0)
    harness.check_books()


def test_it_is_announced(harness: BatchHarness) -> None:
    harness.send(payloads.ticker())
    harness.flush()
    harness.batch.publishing = True
    harness.table.mark_suspect(SYMBOL)
    harness.flush()
    [(_, message)] = harness.redis.published
    assert read_update(message).records == [(SYMBOL, harness.table.record(SYMBOL))]


def test_a_symbol_that_is_suspect_already_counts_once(harness: BatchHarness) -> None:
    harness.send(payloads.ticker())
    assert harness.table.mark_suspect(SYMBOL)
    assert not harness.table.mark_suspect(SYMBOL)
    assert (harness.table.suspects, harness.table.suspects_now) == (1, 1)


@pytest.mark.parametrize("later_ms", [0, 5])
def test_the_next_tick_is_believed_again(harness: BatchHarness, later_ms: int) -> None:
    harness.send(payloads.ticker())
    harness.table.mark_suspect(SYMBOL)
    harness.send(payloads.ticker(ts=T0 + later_ms))
    assert flags(harness.table.record(SYMBOL)) == 0
    assert (harness.table.suspects, harness.table.suspects_now) == (1, 0)
    assert harness.table.mark_suspect(SYMBOL)
    assert (harness.table.suspects, harness.table.suspects_now) == (2, 1)


def test_an_older_tick_clears_nothing(harness: BatchHarness) -> None:
    harness.send(payloads.ticker())
    harness.table.mark_suspect(SYMBOL)
    harness.send(payloads.ticker(ts=T0 - 1))
    assert flags(harness.table.record(SYMBOL)) == FLAG_SUSPECT
    assert harness.table.suspects_now == 1


def test_a_delta_can_not_be_merged_into_what_is_not_believed(harness: BatchHarness) -> None:
    harness.send(payloads.ticker())
    harness.table.mark_suspect(SYMBOL)
    harness.send(payloads.delta(ts=T0 + 5, askPrice="1"))
    assert harness.table.rejected["delta_without_base"] == 1
    assert flags(harness.table.record(SYMBOL)) == FLAG_SUSPECT
    harness.send(payloads.ticker(ts=T0 + 6))
    harness.send(payloads.delta(ts=T0 + 7, askPrice="1"))
    assert flags(harness.table.record(SYMBOL)) == FLAG_MERGED
    harness.check_books()


def test_what_has_no_tick_is_not_suspect(harness: BatchHarness) -> None:
    assert not harness.table.mark_suspect(SYMBOL)
    harness.table.put_rest(SYMBOL, {"mp": "5"}, T0, T0)
    assert not harness.table.mark_suspect(SYMBOL)
    assert flags(harness.table.record(SYMBOL)) == FLAG_REST
    assert (harness.table.suspects, harness.table.suspects_now) == (0, 0)
    with pytest.raises(KeyError, match="BTC-1"):
        harness.table.mark_suspect("BTC-1")


def test_a_rest_row_in_its_place_ends_it(harness: BatchHarness) -> None:
    harness.send(payloads.ticker())
    harness.table.mark_suspect(SYMBOL)
    assert harness.table.put_rest(SYMBOL, {"mp": "5"}, T0 + 1, T0)
    assert harness.table.suspects_now == 0


def test_a_delisted_symbol_is_no_suspect_any_more(harness: BatchHarness) -> None:
    harness.send(payloads.ticker())
    harness.flush()
    harness.table.mark_suspect(SYMBOL)
    harness.flush()
    harness.table.retire(SYMBOL)
    assert SYMBOL not in harness.table
    assert (harness.table.suspects, harness.table.suspects_now) == (1, 0)
