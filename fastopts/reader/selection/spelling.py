"""Spellings of a symbol: those that are accepted for it, and those that suggest it.

The venue's symbols are `BTC-25JUN27-100000-C-USDT`, and `BTC-25JUN27-100000-C` if settled in USDC.
Accepted are any case, and the forms in which the venue's web page names the settle coin:
`BTCUSDT-25JUN27-100000-C` and `BTC-25JUN27-100000-C-USDC`. All others are only suggested, since
they may be mistakes: before 2025 all symbols had the short form, so it may be meant in either coin;
other venues pad the day, write the year with four digits, or the date as a number.
"""

import re
from datetime import UTC, date, datetime
from typing import Final, NamedTuple

from fastopts import keys
from fastopts.errors import BadInput
from fastopts.reader.objects import expiry as expiries
from fastopts.reader.selection.notation import TYPE_OF_TEXT

__all__ = ("SymbolParts", "canonical", "delivery_ms", "parts_of", "spellings")

DELIVERY_HOUR: Final = 8  # UTC, of every option of the venue

_COINS: Final = ("USDT", "USDC")  # settle coins; the first is the usual one
_SUFFIXES: Final = {"USDT": "-USDT", "USDC": ""}
_SEPARATORS: Final = re.compile(r"[-_/:\s]+")
_STRIKE: Final = re.compile(r"\d{1,12}(\.\d{1,8})?", re.ASCII)
_SYMBOL_MAX: Final = 64  # characters; longer text is not worth parsing
_ACCEPTED: Final = re.compile(
    r"([A-Z0-9]+?)(USD[TC])?-(\d{1,2}[A-Z]{3}\d{2}-\d+(?:\.\d+)?-[CP])(?:-(USD[TC]))?", re.ASCII
)


class SymbolParts(NamedTuple):
    """What a symbol says in any spelling; *coin* is None if it names no settle coin."""

    asset: str
    day: date
    strike: str
    kind: str
    coin: str | None


def canonical(symbol: str) -> str | None:
    """The venue's symbol for a *symbol* in another case, or in a form of the venue's web page.

    None if it is in no such form, or is the venue's symbol itself. Nothing is looked up: no symbol
    of the venue becomes another one.
    """
    if len(symbol) > _SYMBOL_MAX or not symbol.isascii():
        return None
    name = symbol.strip().upper()
    if match := _ACCEPTED.fullmatch(name):
        asset, pair_coin, terms, suffix = match.groups()
        if pair_coin and suffix and pair_coin != suffix:
            return None
        name = f"{asset}-{terms}{_SUFFIXES[pair_coin or suffix or 'USDC']}"
    return name if name != symbol and keys.is_symbol(name) else None


def spellings(symbol: str) -> list[str]:
    """The venue's symbols that *symbol* may stand for, the likeliest first, without itself."""
    parts = parts_of(symbol)
    if parts is None:
        upper = symbol.strip().upper()
        return [upper] if upper != symbol and keys.is_symbol(upper) else []
    # The coin that was written comes first; the option in the other one is another contract, but
    # the coin may be the mistake.
    coins = sorted(_COINS, key=lambda coin: coin != (parts.coin or _COINS[0]))
    stem = f"{parts.asset}-{expiries.label_of(parts.day)}-{parts.strike}-{parts.kind}"
    names = [stem + _SUFFIXES[coin] for coin in coins]
    return [name for name in names if name != symbol and keys.is_symbol(name)]


def delivery_ms(symbol: str) -> int | None:
    """The time of delivery that *symbol* spells out, in ms; None if it is not an option symbol."""
    parts = parts_of(symbol)
    if parts is None:
        return None
    delivery = datetime(*parts.day.timetuple()[:3], DELIVERY_HOUR, tzinfo=UTC)
    return round(delivery.timestamp() * 1000)


def parts_of(symbol: str) -> SymbolParts | None:
    """Parse *symbol* in any spelling; None if it is not the symbol of an option."""
    if len(symbol) > _SYMBOL_MAX:
        return None
    parts = _SEPARATORS.split(symbol.strip().upper().replace(",", ""))
    if not 4 <= len(parts) <= 5:
        return None
    (name, expiry, strike, kind), suffix = parts[:4], parts[4:]
    asset, coin = _asset(name)
    if suffix:
        coin = suffix[0]
    if kind not in TYPE_OF_TEXT or not _STRIKE.fullmatch(strike) or coin not in (None, *_COINS):
        return None
    if not keys.is_coin(asset):
        return None
    try:
        day = expiries.day_of(expiry)
    except BadInput:
        return None
    if day is None or not 2000 <= day.year < 2100:
        return None
    return SymbolParts(asset, day, _plain(strike), TYPE_OF_TEXT[kind], coin)


def _asset(name: str) -> tuple[str, str | None]:
    """Split `BTCUSDT` into BTC and USDT."""
    for coin in _COINS:
        if name.endswith(coin) and name != coin:
            return name.removesuffix(coin), coin
    return name, None


def _plain(strike: str) -> str:
    """*strike* without zeros that symbols do not have: `090000.0` as `90000`, `0.40` as `0.4`."""
    whole, _, fraction = strike.partition(".")
    fraction = fraction.rstrip("0")
    return (whole.lstrip("0") or "0") + (f".{fraction}" if fraction else "")
