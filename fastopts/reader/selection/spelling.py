"""Other spellings of an option's name: what a user may have meant by one that is not listed.

The venue's symbols are `BTC-25JUN27-100000-C-USDT`, and `BTC-25JUN27-100000-C` for those settled
in USDC. Its web page writes `BTCUSDT-25JUN27-100000-C`; before 2025 every symbol was of the short
form; other venues pad the day, write the year in full, or the date as digits.
"""

import re
from datetime import UTC, date, datetime
from typing import Final, NamedTuple

from fastopts import keys
from fastopts.errors import BadInput
from fastopts.reader.objects import expiry as expiries

__all__ = ("delivery_ms", "spellings")

DELIVERY_HOUR: Final = 8  # UTC, of every option of the venue

_COINS: Final = ("USDT", "USDC")  # that options are settled in; the first is the usual one
_SUFFIXES: Final = {"USDT": "-USDT", "USDC": ""}
_KINDS: Final = {"C": "C", "CALL": "C", "P": "P", "PUT": "P"}
_GAPS: Final = re.compile(r"[-_/:\s]+")
_STRIKE: Final = re.compile(r"\d{1,12}(\.\d{1,8})?", re.ASCII)
_LONG: Final = 64


class _Parts(NamedTuple):
    asset: str
    day: date
    strike: str
    kind: str
    coin: str | None


def spellings(symbol: str) -> list[str]:
    """The venue's names for what *symbol* may mean, the likeliest first, without itself."""
    parts = _parts(symbol)
    if parts is None:
        upper = symbol.strip().upper()
        return [upper] if upper != symbol and keys.is_symbol(upper) else []
    coins = _COINS if parts.coin is None else (parts.coin,)  # the other's option is another
    stem = f"{parts.asset}-{expiries.label_of(parts.day)}-{parts.strike}-{parts.kind}"
    names = [stem + _SUFFIXES[coin] for coin in coins]
    return [name for name in names if name != symbol and keys.is_symbol(name)]


def delivery_ms(symbol: str) -> int | None:
    """When the option is delivered by its name alone; None for what is no option's name."""
    parts = _parts(symbol)
    if parts is None:
        return None
    delivery = datetime(*parts.day.timetuple()[:3], DELIVERY_HOUR, tzinfo=UTC)
    return round(delivery.timestamp() * 1000)


def _parts(symbol: str) -> _Parts | None:
    if len(symbol) > _LONG:
        return None
    words = _GAPS.split(symbol.strip().upper().replace(",", ""))
    if not 4 <= len(words) <= 5:
        return None
    (name, expiry, strike, kind), rest = words[:4], words[4:]
    asset, coin = _asset(name)
    if rest:
        coin = rest[0]
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
    """`BTCUSDT` as BTC and USDT."""
    for coin in _COINS:
        if name.endswith(coin) and name != coin:
            return name.removesuffix(coin), coin
    return name, None


def _plain(strike: str) -> str:
    """Without zeros that a symbol does not have: `090000.0` as `90000`, `0.40` as `0.4`."""
    whole, _, rest = strike.partition(".")
    rest = rest.rstrip("0")
    return (whole.lstrip("0") or "0") + (f".{rest}" if rest else "")
