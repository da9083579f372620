"""Compares a history with the frames that a venue sent, by json and DuckDB alone.

    python judge.py SENT.jsonl HISTORY/v1/VENUE

Prints ticks of the history that were never sent, and sent ones that it lacks (up to ten of each).
"""

import json
import sys
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb

# The venue's names of the numbers, and those of the history.
COLUMNS = {
    "markPrice": "mark_price",
    "indexPrice": "index_price",
    "underlyingPrice": "underlying_price",
    "delta": "delta",
    "gamma": "gamma",
    "vega": "vega",
    "theta": "theta",
    "markPriceIv": "mark_iv",
    "bidPrice": "bid_price",
    "bidSize": "bid_size",
    "bidIv": "bid_iv",
    "askPrice": "ask_price",
    "askSize": "ask_size",
    "askIv": "ask_iv",
    "lastPrice": "last_price",
    "openInterest": "open_interest",
    "volume24h": "volume_24h",
    "turnover24h": "turnover_24h",
    "totalVolume": "total_volume",
    "totalTurnover": "total_turnover",
    "highPrice24h": "high_24h",
    "lowPrice24h": "low_24h",
    "change24h": "change_24h",
    "predictedDeliveryPrice": "predicted_delivery_price",
}


Tick = tuple[Any, ...]  # symbol, exchange time in ms, numbers


def sent_ticks(path: Path) -> Counter[Tick]:
    """The ticks of the messages that were sent."""
    ticks: Counter[Tick] = Counter()
    for line in path.read_bytes().splitlines():
        message = json.loads(line)
        if str(message.get("topic", "")).startswith("tickers."):
            data = message["data"]
            numbers = (Decimal(data[name]) if data.get(name) else None for name in COLUMNS)
            ticks[data["symbol"], message["ts"], *numbers] += 1
    return ticks


def recorded_ticks(folder: Path) -> Counter[Tick]:
    """The same of the rows that are ticks: no keyframes, no rows of REST."""
    duckdb.execute("SET TimeZone='UTC'")
    query = (
        f"SELECT symbol, epoch_ms(ts), {', '.join(COLUMNS.values())} FROM read_parquet(?)"
        " WHERE NOT keyframe AND conn > 0"
    )
    files = [str(path) for path in folder.glob("*/????-??-??/??.parquet")]
    return Counter(duckdb.execute(query, [files]).fetchall())


def main() -> None:
    sent, recorded = sent_ticks(Path(sys.argv[1])), recorded_ticks(Path(sys.argv[2]))
    never_sent = sorted(str(tick[:2]) for tick in recorded.keys() - sent.keys())
    # What was on its way when the connection or the recording ended is sent, and not received.
    newest: dict[str, int] = {}
    for symbol, ts_ms, *_ in recorded:
        newest[symbol] = max(newest.get(symbol, 0), ts_ms)
    missing = sorted(
        str(tick[:2]) for tick in sent.keys() - recorded.keys() if tick[1] < newest.get(tick[0], 0)
    )
    verdict = {"rows": recorded.total(), "never_sent": never_sent[:10], "missing": missing[:10]}
    sys.stdout.write(json.dumps(verdict))


if __name__ == "__main__":
    main()
