"""One option's numbers under the old short names."""

from collections.abc import Sequence
from typing import Final

from fastopts.reader import Absent, Option, OptionReader

__all__ = ("Quote", "priced", "quote")

Quote = dict[str, float]

_WORDS: Final = {
    "price": "last_price",
    "iv": "mark_iv",
    "volume": "volume_24h",
    "oi": "open_interest",
}


def quote(option: Option, *names: str) -> Quote:
    """The numbers *names* (price, iv, volume, oi) of *option*, 0 where there is none."""
    return {name: getattr(option, _WORDS[name]) or 0.0 for name in names}


def priced(reader: OptionReader, symbols: Sequence[str]) -> dict[str, Option]:
    """Those of *symbols* that are live and have a last price; a "0", for never traded, is one.

    Raises FeedDown, and what the reader raises else.
    """
    found = {one.symbol: one for one in reader.get_many(symbols) if isinstance(one, Option)}
    # An Option has None for both; the text tells "0" from nothing, but takes 20 times as long.
    doubtful = [symbol for symbol, one in found.items() if one.last_price is None]
    for symbol, texts in zip(doubtful, reader.text_many(doubtful), strict=True):
        if isinstance(texts, Absent) or "last_price" not in texts:
            del found[symbol]
    return found
