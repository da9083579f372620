"""Our reader, as its users call it."""

from collections.abc import Iterable

from bench.reader.contenders.common import IV_MIN, Call, Market, serve
from fastopts.compat import EfficientTradeExecutor
from fastopts.reader import Option, OptionReader

__all__ = ("reader_of",)


def get(market: Market) -> Call:
    reader, symbol = reader_of(market), market.symbols[0]
    return Call(lambda: reader.get(symbol), lambda option: option.live)


def get_many(market: Market) -> Call:
    reader, symbols = reader_of(market), market.symbols
    return Call(lambda: reader.get_many(symbols), _are_live)


def chain(market: Market) -> Call:
    reader, asset = reader_of(market), market.asset
    return Call(
        lambda: reader.chain(asset), lambda found: not found.absent and _are_live(found.options)
    )


def scan(market: Market) -> Call:
    reader, count = reader_of(market), len(market.everything)
    return Call(
        lambda: reader.scan(min_iv=IV_MIN), lambda found: found and found.considered == count
    )


def text_many(market: Market) -> Call:
    reader, symbols = reader_of(market), market.symbols
    return Call(
        lambda: reader.text_many(symbols), lambda found: all(one["mark_price"] for one in found)
    )


def compat_cached(market: Market) -> Call:
    executor = EfficientTradeExecutor(venue=market.venue, url=market.url)
    symbol = market.symbols[0]
    return Call(lambda: executor.get_option_cached(symbol), bool)


def reader_of(market: Market) -> OptionReader:
    return OptionReader(market.url, market.venue)


def _are_live(found: Iterable[object]) -> bool:
    return all(isinstance(one, Option) and one.live for one in found)


if __name__ == "__main__":
    serve(get, get_many, chain, scan, text_many, compat_cached)
