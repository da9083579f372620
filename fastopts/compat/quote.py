"""One option's numbers under the old short names."""

from collections.abc import Sequence
from typing import Final

from fastopts.reader import Absent, Option, OptionReader

__all__ = ("Quote", "priced", "quote")

Quote = dict[str, float]

_FIELDS: Final = {
    "price": "last_price",
    "iv": "mark_iv",
    "volume": "volume_24h",
    "oi": "open_interest",
}


def quote(option: Option, *names: str) -> Quote:
    """Return the numbers *names* (price, iv, volume, oi) of *option*, 0 for unknown ones."""
    return {name: getattr(option, _FIELDS[name]) or 0.0 for name in names}


def priced(reader: OptionReader, symbols: Sequence[str]) -> dict[str, Option]:
    """Return those of *symbols* that are live and have a last price, by symbol.

    A last price of "0", for an option that was never traded, counts. Raises FeedDown, and whatever
    `OptionReader.get_many` raises.
    """
    results = reader.get_many(symbols)
    options = {result.symbol: result for result in results if isinstance(result, Option)}
    # An Option has None for both "0" and no price. The text in Redis distinguishes them, but takes
    # 20 times as long to read, so it is read for the doubtful ones only.
    unclear = [symbol for symbol, option in options.items() if option.last_price is None]
    for symbol, texts in zip(unclear, reader.text_many(unclear), strict=True):
        if isinstance(texts, Absent) or "last_price" not in texts:
            del options[symbol]
    return options
