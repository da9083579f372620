"""Alternative spellings of a symbol, to suggest the listed one for a name that is not listed.

The venue's symbols are `BTC-25JUN27-100000-C-USDT`, and `BTC-25JUN27-100000-C` if settled in USDC.
Its web page writes `BTCUSDT-25JUN27-100000-C`; before 2025 all symbols had the short form; other
venues pad the day, write the year with four digits, or the date as a number.
"""

import re
from datetime import UTC, date, datetime
from typing import Final, NamedTuple

from fastopts import keys
from fastopts.errors import BadInput
from fastopts.reader.objects import expiry as expiries

__all__ = ("delivery_ms", "spellings")

DELIVERY_HOUR: Final = 8  # UTC, of every option of the venue

_COINS: Final = ("USDT", "USDC")  # settle coins; the first is the usual one
_SUFFIXES: Final = {"USDT": "-USDT", "USDC": ""}
_KINDS: Final = {"C": "C", "CALL": "C", "P": "P", "PUT": "P"}
_SEPARATORS: Final = re.compile(r"[-_/:\s]+")
_STRIKE: Final = re.compile(r"\d{1,12}(\.\d{1,8})?", re.ASCII)
_SYMBOL_MAX: Final = 64  # characters; longer text is not worth parsing


class _Parts(NamedTuple):
    asset: str
    day: date
    strike: str
    kind: str
    coin: str | None


def spellings(symbol: str) -> list[str]:
    """The venue's symbols that *symbol* may stand for, the likeliest first, without itself."""
    parts = _parts(symbol)
    if parts is None:
        upper = symbol.strip().upper()
        return [upper] if upper != symbol and keys.is_symbol(upper) else []
    # a coin that was written is meant: the option in the other one is another contract
    coins = _COINS if parts.coin is None else (parts.coin,)
    stem = f"{parts.asset}-{expiries.label_of(parts.day)}-{parts.strike}-{parts.kind}"
    names = [stem + _SUFFIXES[coin] for coin in coins]
    return [name for name in names if name != symbol and keys.is_symbol(name)]


def delivery_ms(symbol: str) -> int | None:
    """The time of delivery that *symbol* spells out, in ms; None if it is not an option symbol."""
    parts = _parts(symbol)
    if parts is None:
        return None
    delivery = datetime(*parts.day.timetuple()[:3], DELIVERY_HOUR, tzinfo=UTC)
    return round(delivery.timestamp() * 1000)


def _parts(symbol: str) -> _Parts | None:
    if len(symbol) > _SYMBOL_MAX:
        return None
    parts = _SEPARATORS.split(symbol.strip().upper().replace(",", ""))
    if not 4 <= len(parts) <= 5:
        return None
    (name, expiry, strike, kind), suffix = parts[:4], parts[4:]
    asset, coin = _asset(name)
    if suffix:
        coin = suffix[0]
    if kind not in _KINDS or not _STRIKE.fullmatch(strike) or coin not in (None, *_COINS):
        return None
    if not keys.is_coin(asset):
        return None
    try:
        day = expiries.day_of(expiry)
    except BadInput:
        return None
    if day is None or not 2000 <= day.year < 2100:
        return None
    return _Parts(asset, day, _plain(strike), _KINDS[kind], coin)


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
