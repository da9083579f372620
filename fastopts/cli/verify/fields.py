"""The differences between a hash in Redis and a row of the venue's REST API."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from fastopts.cli.verify.store import Tick
from fastopts.cli.verify.venue import Row

__all__ = ("NAMES", "Difference", "differences")

# The short name in the hash: the name in REST. The WebSocket spells seven of them differently.
NAMES: Final[Mapping[str, str]] = {
    "bp": "bid1Price",
    "bq": "bid1Size",
    "biv": "bid1Iv",
    "ap": "ask1Price",
    "aq": "ask1Size",
    "aiv": "ask1Iv",
    "lp": "lastPrice",
    "h24": "highPrice24h",
    "l24": "lowPrice24h",
    "c24": "change24h",
    "mp": "markPrice",
    "miv": "markIv",
    "ip": "indexPrice",
    "up": "underlyingPrice",
    "oi": "openInterest",
    "v24": "volume24h",
    "t24": "turnover24h",
    "tv": "totalVolume",
    "tt": "totalTurnover",
    "d": "delta",
    "g": "gamma",
    "v": "vega",
    "t": "theta",
    "pdp": "predictedDeliveryPrice",
}
NOTHING: Final = Decimal(0)


@dataclass(frozen=True, slots=True)
class Difference:
    """The two values of one field; an absent one is an empty text."""

    field: str
    stored: str
    venue: str


def differences(tick: Tick, row: Row) -> list[Difference]:
    """Return the fields whose values differ as decimals.

    Absent, empty and 0 are equal: the venue omits in one place what is 0 in another.
    """
    # nearly all rows are equal as texts, and decimals are slow to make
    if all(tick.get(name) == row.get(rest) for name, rest in NAMES.items()):
        return []
    return [
        Difference(name, _text(tick.get(name)), _text(row.get(rest)))
        for name, rest in NAMES.items()
        if _value(tick.get(name)) != _value(row.get(rest))
    ]


def _value(raw: Any) -> object:
    text = _text(raw)
    if not text:
        return NOTHING
    try:
        return Decimal(text)
    except InvalidOperation:
        return text  # not a number: equal only to the same text


def _text(raw: Any) -> str:
    return "" if raw is None else str(raw)
