"""Recorded messages brought to a table, by both cores."""

from typing import Any

import pytest

from fastopts.core.pure.replay import ROW
from fastopts.mcap_format import MESSAGE_HEAD
from fastopts.model import FLAG_SUSPECT, RECORD
from tests.core.batch_harness import BatchHarness
from tests.support import payloads
from tests.support.payloads import SYMBOL, T0, dump

LOG_NS = T0 * 1_000_000 + 5


@pytest.fixture
def player(core: Any, harness: BatchHarness) -> Any:
    return core.Player(harness.table, True)


def ticker(**values: Any) -> bytes:
    return dump(payloads.ticker(**values))


def chunk(core: Any, *messages: tuple[int, bytes]) -> bytes:
    """Messages of channels, as a recorder writes them."""
    channels: dict[int, Any] = {}
    buffer = core.CaptureBuffer()
    for number, payload in messages:
        channel = channels.setdefault(number, core.CaptureChannel(number))
        buffer.append(channel, payload, LOG_NS, T0 * 1_000_000 + 999_999, True)
    with buffer.contents() as view:
        return bytes(view)


def rows(player: Any) -> list[tuple[int, str, bytes]]:
    return [
        (log_ns, symbol.rstrip(b"\0").decode(), record)
        for log_ns, symbol, record in ROW.iter_unpack(player.take_rows())
    ]


def test_messages_of_bound_channels_are_applied_up_to_the_first_other_one(
    core: Any, harness: BatchHarness, player: Any
) -> None:
    tick, later = ticker(), ticker(ts=T0 + 1)
    data = chunk(core, (3, tick), (9, b"other"), (3, later), (3, b'{"op":"pong"}'))
    inlet = harness.table.inlet(2)
    player.bind(3, inlet)
    at = player.play(data, 0)
    assert at == MESSAGE_HEAD.size + len(tick)
    assert harness.table.origin_of(SYMBOL) == (2, T0, T0)
    assert player.play(data, at) == at
    assert player.play(data, at + MESSAGE_HEAD.size + len(b"other")) == len(data)
    assert (player.messages, inlet.messages) == (3, 2)
    assert inlet.others == [b'{"op":"pong"}']
    first, second = rows(player)
    assert first[:2] == (LOG_NS, SYMBOL)
    assert RECORD.unpack(first[2])[4] == T0
    assert second == (LOG_NS, SYMBOL, harness.table.record(SYMBOL))
    assert rows(player) == []


def test_only_ticks_that_become_the_newest_are_rows(
    core: Any, harness: BatchHarness, player: Any
) -> None:
    player.bind(0, harness.table.inlet(1))
    older, unknown = ticker(ts=T0 - 1), ticker(symbol="BTC-27NOV99-1-C-USDT")
    unusual = ticker(ts=T0 + 1).replace(b"{", b"{ ", 1)
    data = chunk(core, (0, ticker()), (0, older), (0, unknown), (0, unusual))
    assert player.play(data, 0) == len(data)
    assert [RECORD.unpack(record)[4] for _, _, record in rows(player)] == [T0, T0 + 1]


def test_without_rows_the_table_is_the_same(core: Any, harness: BatchHarness) -> None:
    other = BatchHarness(core)
    data = chunk(core, *((1, ticker(ts=T0 + i)) for i in range(5)))
    for table, collects in ((harness.table, True), (other.table, False)):
        player = core.Player(table, collects)
        player.bind(1, table.inlet(1))
        player.play(data, 0)
        assert bool(player.take_rows()) is collects
    assert harness.table.record(SYMBOL) == other.table.record(SYMBOL)
    assert harness.table.received == other.table.received == 5


def test_another_file_has_other_channels(core: Any, harness: BatchHarness, player: Any) -> None:
    player.bind(1, harness.table.inlet(1))
    player.unbind_all()
    assert player.play(chunk(core, (1, ticker())), 0) == 0
    player.bind(1, harness.table.inlet(1))
    player.bind(1, None)
    assert player.play(chunk(core, (1, ticker())), 0) == 0


@pytest.mark.parametrize("cut", [1, 8, 30, 31, 100])
def test_a_message_that_is_cut_off_is_an_error(
    core: Any, harness: BatchHarness, player: Any, cut: int
) -> None:
    player.bind(1, harness.table.inlet(1))
    data = chunk(core, (1, ticker()))[:cut]
    with pytest.raises(ValueError, match="no message at byte 0"):
        player.play(data, 0)
    with pytest.raises(ValueError, match="no such part"):
        player.play(data, cut + 1)


@pytest.mark.parametrize("length", [0, 21, 2**63, 2**64 - 1])
def test_a_length_that_does_not_fit_is_an_error(
    core: Any, harness: BatchHarness, player: Any, length: int
) -> None:
    player.bind(1, harness.table.inlet(1))
    data = bytearray(chunk(core, (1, ticker())))
    data[1:9] = length.to_bytes(8, "little")
    with pytest.raises(ValueError, match="no message at byte 0"):
        player.play(data, 0)


def test_an_inlet_of_another_table_is_refused(core: Any, player: Any) -> None:
    with pytest.raises(ValueError, match="another table"):
        player.bind(1, BatchHarness(core).table.inlet(1))


def test_a_note_is_a_row_of_the_present_record(
    core: Any, harness: BatchHarness, player: Any
) -> None:
    harness.send(payloads.ticker())
    player.note(SYMBOL, LOG_NS)
    assert rows(player) == [(LOG_NS, SYMBOL, harness.table.record(SYMBOL))]
    with pytest.raises(KeyError):
        player.note("BTC-27NOV99-1-C-USDT", LOG_NS)


def test_a_restored_record_is_the_same_one(core: Any, harness: BatchHarness) -> None:
    harness.send(payloads.ticker())
    harness.table.mark_suspect(SYMBOL)
    record = harness.table.record(SYMBOL)
    table = BatchHarness(core).table
    table.epoch = harness.table.epoch
    for symbol in (SYMBOL, "BTC-27NOV99-1-C-USDT"):
        table.restore(symbol, record)
        table.restore(symbol, record)
        assert table.record(symbol) == record
        assert table.flags_of(symbol) == FLAG_SUSPECT
    assert table.suspects_now == 2
    assert (table.received, table.pending, table.dirty) == (0, 0, 0)
    assert set(table) >= {SYMBOL, "BTC-27NOV99-1-C-USDT"}


def test_ticks_follow_a_restored_record_as_they_follow_the_tick(
    core: Any, harness: BatchHarness
) -> None:
    harness.send(payloads.ticker(ts=T0))
    table = BatchHarness(core).table
    table.epoch = harness.table.epoch
    table.restore(SYMBOL, harness.table.record(SYMBOL))
    for each in (harness.table, table):
        inlet = each.inlet(1)
        inlet.message(ticker(ts=T0 - 1), T0)
        assert inlet.applied == 0
        inlet.message(ticker(ts=T0 + 3), T0 + 3)
        assert inlet.applied == 1
    assert table.record(SYMBOL) == harness.table.record(SYMBOL)


@pytest.mark.parametrize("record", [b"", bytes(RECORD.size), b"\1" * 255, b"\1" * 257])
def test_other_bytes_are_no_record(harness: BatchHarness, record: bytes) -> None:
    with pytest.raises(ValueError, match="not a record"):
        harness.table.restore(SYMBOL, record)


def test_changes_without_a_message_are_collected_on_request(harness: BatchHarness) -> None:
    table = harness.table
    harness.send(payloads.ticker())
    assert table.amended is None
    assert table.mark_suspect(SYMBOL)
    assert table.amended is None
    table.amended = set()
    harness.send(payloads.ticker(ts=T0 + 1))
    assert table.amended == set()
    assert table.mark_suspect(SYMBOL)
    assert table.amended == {SYMBOL}
    table.amended = set()
    assert table.put_rest(SYMBOL, {"mp": "1"}, T0 + 9, T0 + 9)
    assert table.amended == {SYMBOL}


def test_a_retired_symbol_is_not_iterated(harness: BatchHarness) -> None:
    harness.send(payloads.ticker())
    assert SYMBOL in set(harness.table)
    harness.table.retire(SYMBOL)
    assert SYMBOL not in set(harness.table)
