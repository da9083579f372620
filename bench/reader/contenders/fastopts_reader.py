"""The reader of fastopts, as its users call it."""

from collections.abc import Iterable

from bench.reader.contenders.common import IV_MIN, Call, Workload, serve
from fastopts.compat import EfficientTradeExecutor
from fastopts.reader import Option, OptionReader

__all__ = ("connect",)


def get(workload: Workload) -> Call:
    """One option."""
    reader, symbol = connect(workload), workload.symbols[0]
    return Call(lambda: reader.get(symbol), lambda option: option.live)


def get_many(workload: Workload) -> Call:
    """100 options."""
    reader, symbols = connect(workload), workload.symbols
    return Call(lambda: reader.get_many(symbols), _are_live)


def chain(workload: Workload) -> Call:
    """The chain of the nearest expiry."""
    reader, asset = connect(workload), workload.asset
    return Call(
        lambda: reader.chain(asset),
        lambda series: not series.absent and _are_live(series.options),
    )


def scan(workload: Workload) -> Call:
    """All options, filtered and sorted by IV."""
    reader, count = connect(workload), len(workload.universe)
    return Call(
        lambda: reader.scan(min_iv=IV_MIN),
        lambda matches: matches and matches.considered == count,
    )


def text_many(workload: Workload) -> Call:
    """All fields of 100 options, as text."""
    reader, symbols = connect(workload), workload.symbols
    return Call(
        lambda: reader.text_many(symbols),
        lambda options: all(fields["mark_price"] for fields in options),
    )


def compat_cached(workload: Workload) -> Call:
    """One option, out of the cache of the compatible executor."""
    executor = EfficientTradeExecutor(venue=workload.venue, url=workload.url)
    symbol = workload.symbols[0]
    return Call(lambda: executor.get_option_cached(symbol), bool)


def connect(workload: Workload) -> OptionReader:
    """Return a reader of the workload's store."""
    return OptionReader(workload.url, workload.venue)


def _are_live(options: Iterable[object]) -> bool:
    return all(isinstance(option, Option) and option.live for option in options)


if __name__ == "__main__":
    serve(get, get_many, chain, scan, text_many, compat_cached)
