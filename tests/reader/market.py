"""A market small enough to look at: its rows as an export lists them, and as a reader's columns."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from fastopts.field_registry import COLUMNS, FIELDS, Field
from fastopts.reader.export.dataframes import Columns, Provenance

__all__ = ("MARKET", "PROVENANCE", "Row", "columns", "row", "shuffled")

Row = dict[str, Any]
NOW = datetime(2026, 11, 22, 12, 0, 0, 7000, UTC)
NOVEMBER, DECEMBER = datetime(2026, 11, 27, 8, tzinfo=UTC), datetime(2026, 12, 25, 8, tzinfo=UTC)
PROVENANCE = Provenance("bybit", 1_795_000_000, 1_795_348_800_250)
NUMBERS = [name for name in COLUMNS if FIELDS[name].form == "number"]
FLAGS = [name for name in COLUMNS if FIELDS[name].form == "flag"]
NO_BID: Row = dict.fromkeys(("bid_price", "bid_size", "bid_iv", "mid"))


def row(symbol: str, expiry: datetime = NOVEMBER, settle: str = "USDT", **changes: Any) -> Row:
    """An option's row; each of its numbers is another one, 0.1, 1.1 and so on."""
    asset, _, strike, kind = symbol.split("-")[:4]
    terms = {"venue": "bybit", "asset": asset, "settle": settle, "quote": settle}
    terms |= {"symbol": symbol, "type": kind, "source": "ws", "phase": "trading"}
    values: Row = {name: place + 0.1 for place, name in enumerate(NUMBERS)} | terms
    values |= dict.fromkeys(FLAGS, False) | {"expiry": expiry, "strike": float(strike), "seq": 77}
    values |= {"expiry_ms": round(expiry.timestamp() * 1000), "live": True}
    values |= {"ts": NOW, "rt": NOW + timedelta(milliseconds=40), "as_of": NOW, **changes}
    return {name: values[name] for name in COLUMNS}


MARKET = [
    row("BTC-27NOV26-90000-C", settle="USDC", delta=0.39),
    row("BTC-27NOV26-8000-P-USDT", **NO_BID),
    row("BTC-27NOV26-90000-C-USDT", change_24h=-0.12, volume_24h=0.0, seq=0),
    row("BTC-27NOV26-90000-P-USDT", live=False, source="rest", seq=None, delta=-0.1 - 0.2),
    row("BTC-25DEC26-90000-C", DECEMBER, "USDC", gamma=6e-5, total_turnover=37940211.123456789),
    row("ETH-27NOV26-3000-C", settle="USDC", predicted_delivery_price=None, last_price=None),
]


def columns(rows: Sequence[Row]) -> Columns:
    return {
        name: np.array([_packed(FIELDS[name], row[name]) for row in rows], _dtype(FIELDS[name]))
        for name in COLUMNS
    }


def shuffled() -> Columns:
    """The market's columns in a wrong order, of rows and of names, and with one too many."""
    made = columns([MARKET[place] for place in (3, 5, 0, 4, 2, 1)])
    return {name: made[name] for name in reversed(COLUMNS)} | {"other": np.zeros(6)}


def _dtype(field: Field) -> str:
    return {"text": "U", "time": "M8[ms]", "flag": "?", "count": "i8", "number": "f8"}[field.form]


def _packed(field: Field, value: Any) -> Any:
    if field.form == "time":
        return value.replace(tzinfo=None)
    return {"count": -1, "number": np.nan}[field.form] if value is None else value
