"""A collector's writes in a process of their own: each tick carries one number in all its fields.

``python -m tests.reader.racing URL`` writes for as long as its standard input is open.
"""

import select
import sys
import time

from fastopts.core import Batch, Table
from fastopts.net.redis.address import parse
from fastopts.net.redis.blocking import BlockingConnection
from fastopts.venues.bybit.ticker_table import new_table
from tests.support.payloads import NUMBERS, dump, ticker
from tests.support.store import EPOCH, expiry_of

__all__ = ("SOMETIMES", "SYMBOLS")

SYMBOLS = [f"BTC-27NOV99-{strike}-C-USDT" for strike in range(1, 21)]
SOMETIMES = ("change24h", "gamma", "bidSize")  # not in every tick


def tick(table: Table, number: int) -> None:
    """One tick of each symbol; what is left out now was there before."""
    inlet, now_ms = table.inlet(1), round(time.time() * 1000)
    for place, symbol in enumerate(SYMBOLS):
        here = number + place
        told: dict[str, str | None] = dict.fromkeys(NUMBERS, str(here))
        if here % 3 == 0:
            told |= dict.fromkeys(SOMETIMES)
        inlet.message(dump(ticker(symbol, now_ms, here, **told)), now_ms)


def main() -> None:
    table = new_table()
    table.epoch, table.delivering = EPOCH, {1}
    for symbol in SYMBOLS:
        table.add(symbol, expiry_of(symbol), float(symbol.split("-")[2]), "C", "USDT")
    batch, channel = Batch(table), BlockingConnection(parse(sys.argv[1]), 5.0)
    number = 1
    while not select.select([sys.stdin], [], [], 0)[0]:
        tick(table, number)
        number += 1
        while payload := batch.encode(round(time.time() * 1000)):
            channel.exchange(payload, lambda: batch)
            assert not batch.errors, batch.errors
    channel.close()


if __name__ == "__main__":
    main()
