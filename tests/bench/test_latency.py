"""Delays computed from announcements."""

from bench.latency import delays_ms
from fastopts.core import Batch, Grammar, Table
from fastopts.venues.bybit.fields import TICKER_FIELDS, TOPIC_PREFIX
from tests.support import payloads
from tests.support.payloads import T0, dump

SYMBOLS = ("BTC-27NOV26-90000-C-USDT", "XRP-27NOV26-2.5-P-USDT")


def test_each_record_of_an_announcement_has_its_delay() -> None:
    table = Table(Grammar(TOPIC_PREFIX, TICKER_FIELDS))
    table.epoch = 1
    inlet = table.inlet(1)
    for index, symbol in enumerate(SYMBOLS):
        table.add(symbol, 4_000_000_000_000, 1.0, "C", "USDT")
        inlet.message(dump(payloads.ticker(symbol, T0 + index)), T0)
    batch = Batch(table)
    batch.channel = "updates"
    batch.publishing = True
    commands = batch.encode(T0)
    head = commands.index(b"PUBLISH")
    message = commands[head:].split(b"\r\n", 4)[4][:-2]
    assert delays_ms(message, T0 + 5.5) == [5.5, 4.5]


def test_an_announcement_without_records_has_no_delays() -> None:
    table = Table(Grammar(TOPIC_PREFIX, TICKER_FIELDS))
    assert delays_ms(Batch(table).pulse(), T0) == []
