"""A mirror of everything: read from, and held."""

from typing import Any

from bench.reader.contenders.common import Call, Market, serve
from bench.reader.contenders.ours import reader_of


def get(market: Market) -> Call:
    mirror, symbol = _mirror(reader_of(market), market), market.symbols[0]
    return Call(lambda: mirror.get(symbol), lambda option: option.live)


def hold(market: Market) -> Call:
    """The mirror is made by the call; until then there is only the reader, warm."""
    reader = reader_of(market)
    reader.get_many(market.everything)
    held: list[Any] = []
    return Call(lambda: held.append(_mirror(reader, market)), lambda _: len(held) == 1)


def _mirror(reader: Any, market: Market) -> Any:
    return reader.mirror(market.everything)


if __name__ == "__main__":
    serve(get, hold)
