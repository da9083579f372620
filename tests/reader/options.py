"""Options out of nothing: a record, a moment and terms, without a server."""

import struct
from typing import Any

from fastopts.core import decode
from fastopts.model import Instrument
from fastopts.reader import Option
from fastopts.reader.freshness.feed import Feed
from fastopts.reader.freshness.moment import Moment
from tests.support.store import CALL, EPOCH, EXPIRY_MS, LAYOUT, NUMBERS, settle_of

__all__ = ("NOW_MS", "make", "terms")

NOW_MS = 1_795_348_800_000


def terms(symbol: str = CALL, tick_size: str = "5", lot_size: str = "0.01") -> Instrument:
    asset, _, strike, kind, *_ = symbol.split("-")
    return Instrument(
        symbol=symbol,
        asset=asset,
        quote="USDT",
        settle=settle_of(symbol),
        expiry_ms=EXPIRY_MS,
        strike_text=strike,
        type="C" if kind == "C" else "P",
        tick_size=tick_size,
        lot_size=lot_size,
        status="Trading",
        launch_ms=0,
    )


def make(
    symbol: str = CALL,
    instrument: Instrument | None = None,
    now_ms: int = NOW_MS,
    skew_ms: int = 0,
    **changes: Any,
) -> Option:
    """The option *symbol*; *changes* are of its numbers, or of its record's head."""
    head: dict[str, Any] = {"flags": 0, "ts": NOW_MS - 500, "sequence": 77, "expiry": EXPIRY_MS}
    head |= {name: changes.pop(name) for name in list(changes) if name in head}
    _, _, strike, kind, *_ = symbol.split("-")
    packed = struct.pack(
        LAYOUT,
        *(1, kind.encode(), head["flags"], EPOCH, head["ts"], head["ts"] + 40, head["sequence"]),
        *(1, head["expiry"], settle_of(symbol).encode(), float(strike)),
        *(NUMBERS | changes).values(),
    )
    feed = Feed({b"venue": b"bybit", b"skew_ms": str(skew_ms).encode()})
    known = {} if instrument is None else {symbol: instrument}
    return decode(Option, symbol, packed, Moment(feed, now_ms, known), EPOCH, {1})
