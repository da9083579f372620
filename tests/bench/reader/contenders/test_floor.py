"""The unparsed reply is read to its end, however it is split into reads."""

from contextlib import closing
from typing import Any

import pytest

from bench.reader.contenders.floor import END_SIZE, Unparsed, commands, is_end
from fastopts import keys
from fastopts.model import RECORD
from tests.support.store import Store

SYMBOLS = [f"BTC-27NOV99-{strike}000-{kind}-USDT" for strike in range(50, 100) for kind in "CP"]


@pytest.mark.parametrize("micros", [0, 7, 42, 120_034, 999_999])
def test_the_end_is_detected_at_the_last_byte_of_the_time_and_not_before(micros: int) -> None:
    time = b"*2\r\n$10\r\n1795000000\r\n$%d\r\n%d\r\n" % (len(str(micros)), micros)
    assert len(time) <= END_SIZE
    reply = b"*2\r\n$4\r\nuuuu\r\n$-1\r\n*2\r\n$8\r\nuniverse\r\n$1\r\n1\r\n" + time
    ends = [size for size in range(len(reply) + 1) if is_end(reply[:size][-END_SIZE:])]
    assert ends == [len(reply)]


def test_every_byte_of_every_reply_is_read(store: Store) -> None:
    for symbol in SYMBOLS:
        store.tick(symbol)
    feed: Any = store.client.hgetall(keys.FEED)
    strings = [b"x" * RECORD.size] * len(SYMBOLS)
    strings += [*feed.keys(), *feed.values(), b"1795000000"]
    size = sum(len(b"$%d\r\n%b\r\n" % (len(string), string)) for string in strings)
    size += sum(len(b"*%d\r\n" % count) for count in (len(SYMBOLS), 2 * len(feed), 2))
    with closing(Unparsed(store.url, commands(SYMBOLS))) as unparsed:
        for _ in range(200):
            # All but the microseconds of TIME has a known size.
            micros_size = unparsed() - size - len(b"$6\r\n\r\n")
            assert 1 <= micros_size <= 6
