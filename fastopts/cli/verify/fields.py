"""A hash beside a row of REST: where the two differ."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from fastopts.cli.verify.store import Tick
from fastopts.cli.verify.venue import Row

__all__ = ("NAMES", "Difference", "differences")

# The hash's name, and REST's. The WebSocket spells seven of them in another way.
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
    """One field: what stands in Redis, and what the venue says. An empty text: it is not there."""

    field: str
    stored: str
    venue: str


def differences(tick: Tick, row: Row) -> list[Difference]:
    """The fields whose values differ as decimals.

    What is absent, empty or 0 is the same: the venue leaves out in one place what is 0 in another.
    """
    if all(tick.get(name) == row.get(rest) for name, rest in NAMES.items()):
        return []
    return [
        Difference(name, _text(tick.get(name)), _text(row.get(rest)))
        for name, rest in NAMES.items()
        if _value(tick.get(name)) != _value(row.get(rest))
    ]


def _value(told: Any) -> object:
    text = _text(told)
    if not text:
        return NOTHING
    try:
        return Decimal(text)
    except InvalidOperation:
        return text  # no number at all: equal only to the same text


def _text(told: Any) -> str:
    return "" if told is None else str(told)
