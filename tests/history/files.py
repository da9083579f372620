"""A small recorded market: ticks, feed and terms as Python values, written as history files.

Independent of the code that makes files from captures: it follows `schema` only.
"""

import json
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from fastopts.history import schema
from fastopts.model import NUMBERS, RECORD, Instrument

__all__ = (
    "EPOCH",
    "START",
    "RecordedMarket",
    "RecordedTick",
    "at",
    "instrument",
    "market",
    "record_of",
)

START: Final = datetime(2026, 11, 26, 14, 30, 20, tzinfo=UTC)
EPOCH: Final = 1_795_000_000
VENUE: Final = "sim"
MS: Final = timedelta(milliseconds=1)
MINUTE: Final = timedelta(minutes=1)


def at(seconds: float) -> datetime:
    """The time *seconds* after START."""
    return START + timedelta(seconds=seconds)


def ms(time: datetime) -> int:
    return (time - datetime(1970, 1, 1, tzinfo=UTC)) // MS


def instrument(symbol: str, expiry: datetime) -> Instrument:
    asset, _, strike, kind, *coin = symbol.split("-")
    return Instrument(
        symbol=symbol,
        asset=asset,
        quote="USDT",
        settle=coin[0] if coin else "USDC",
        expiry_ms=ms(expiry),
        strike_text=strike,
        type="C" if kind == "C" else "P",
        tick_size="5",
        lot_size="0.01",
        status="Trading",
        launch_ms=0,
    )


@dataclass(frozen=True)
class RecordedTick:
    """A tick *seconds* after START. *numbers* are decimal text; those that are missing are null."""

    seconds: float
    symbol: str
    numbers: dict[str, str]
    conn: int = 1
    epoch: int = EPOCH
    seq: int | None = 7
    flags: int = 0

    @property
    def logged(self) -> datetime:
        return at(self.seconds)


def record_of(tick: RecordedTick, terms: Instrument) -> bytes:
    """The packed record of *tick*, by the layout of the contract."""
    return RECORD.pack(
        *(1, terms.type.encode(), tick.flags, tick.epoch, ms(tick.logged) - 40, ms(tick.logged)),
        *(-1 if tick.seq is None else tick.seq, tick.conn),
        *(terms.expiry_ms, terms.settle.encode(), terms.strike),
        *(float(tick.numbers.get(name, "nan")) for _, name in NUMBERS),
    )


@dataclass
class RecordedMarket:
    """What is recorded, from START until *seconds* after it.

    *heartbeats* change or add fields of the feed from a second on; None: no heartbeat from then on.
    *listed* and *delisted* have the seconds at which that happened.
    """

    seconds: int
    ticks: list[RecordedTick] = field(default_factory=list)
    heartbeats: dict[int, dict[str, str] | None] = field(default_factory=dict)
    listed: list[tuple[float, Instrument]] = field(default_factory=list)
    delisted: list[tuple[float, str]] = field(default_factory=list)
    gaps: list[tuple[float, float, str]] = field(default_factory=list)

    @property
    def terms(self) -> dict[str, Instrument]:
        return {each.symbol: each for _, each in self.listed}

    def write(self, root: Path) -> Path:
        """Write the files below *root*, and return it."""
        self._write_rows(root)
        feed = [(at(s), json.dumps(fields)) for s, fields in self._beats()]
        self._write(root, schema.FEED, schema.feed_schema(), feed)
        self._write(root, schema.TERMS, schema.terms_schema(), self._term_rows())
        events = []
        for begin, end, reason in self.gaps:
            values = {"event": "gap", "start_ns": ns(at(begin)), "end_ns": ns(at(end))}
            events.append((at(end), "gap", None, json.dumps({**values, "reason": reason})))
        self._write(root, schema.EVENTS, schema.events_schema(), events)
        hours: dict[str, Any] = {f"{at(s):%H}": {} for s in range(self.seconds + 1)}
        (self._day(root) / schema.MANIFEST).write_text(json.dumps({"hours": hours}))
        return root

    def _beats(self) -> list[tuple[int, dict[str, str]]]:
        fields: dict[str, str] = {
            "venue": VENUE,
            "epoch": str(EPOCH),
            "universe": "1",
            "assets": "BTC,ETH",
            "heartbeat_limit_ms": "5000",
            "watchdog_limit_ms": "3000",
            "skew_ms": "0",
            "skew_error_ms": "10",
            "store": "0123456789abcdef0123456789abcdef",
            "writer": "w",
        }
        beats = []
        is_silent = False
        for second in range(self.seconds + 1):
            if second in self.heartbeats:
                change = self.heartbeats[second]
                is_silent = change is None
                fields |= change or {}
            if not is_silent:
                now = str(ms(at(second)))
                live = {name: now for name in ("conn:1", "heartbeat_ms") if name not in fields}
                beats.append((second, live | fields))
        return beats

    def _term_rows(self) -> list[tuple[Any, ...]]:
        rows: list[tuple[Any, ...]] = []
        for seconds, each in self.listed:
            rows.append(
                (
                    *(at(seconds), each.symbol, True, each.asset, each.quote, each.settle),
                    *(each.expiry_ms, each.strike, each.strike_text, each.type),
                    *(each.tick_size, each.lot_size, each.status, each.launch_ms),
                )
            )
        rows += [(at(s), symbol, False, *[None] * 11) for s, symbol in self.delisted]
        return sorted(rows, key=lambda row: row[0])

    def _write_rows(self, root: Path) -> None:
        by_asset: dict[str, list[RecordedTick]] = defaultdict(list)
        for tick in sorted(self.ticks, key=lambda tick: tick.seconds):
            by_asset[tick.symbol.partition("-")[0]].append(tick)
        for asset, ticks in by_asset.items():
            newest: dict[str, RecordedTick] = {}
            writers: dict[Path, pq.ParquetWriter] = {}
            minute = START.replace(second=0)
            while minute <= at(self.seconds):
                own = [tick for tick in ticks if minute <= tick.logged < minute + MINUTE]
                rows = [(tick, True) for tick in newest.values()] + [(tick, False) for tick in own]
                rows.sort(key=lambda row: (row[0].symbol, row[0].logged))
                path = schema.rows_path(root, VENUE, asset, ms(minute) // 1000)
                if rows:
                    if path not in writers:
                        path.parent.mkdir(parents=True, exist_ok=True)
                        writers[path] = pq.ParquetWriter(
                            path, schema.rows_schema(), store_decimal_as_integer=True
                        )
                    writers[path].write_table(_row_group(minute, rows))
                newest |= {tick.symbol: tick for tick in own}
                minute += MINUTE
            for writer in writers.values():
                writer.close()

    def _write(self, root: Path, name: str, layout: pa.Schema, rows: list[tuple[Any, ...]]) -> None:
        columns = zip(*rows, strict=True) if rows else [()] * len(layout)
        arrays = [pa.array(list(c), f.type) for c, f in zip(columns, layout, strict=True)]
        self._day(root).mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.Table.from_arrays(arrays, schema=layout), self._day(root) / name)

    def _day(self, root: Path) -> Path:
        return schema.day_folder(root, VENUE, ms(START) // 1000)


def ns(time: datetime) -> int:
    return (time - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1) * 1000


def _row_group(minute: datetime, rows: list[tuple[RecordedTick, bool]]) -> pa.Table:
    layout = schema.rows_schema()
    values: dict[str, list[Any]] = {name: [] for name in layout.names}
    for tick, is_keyframe in rows:
        plain = {
            "minute": minute,
            "symbol": tick.symbol,
            "logged": tick.logged,
            "ts": tick.logged - 40 * MS,
            "rt": tick.logged,
            "seq": tick.seq,
            "flags": tick.flags,
            "conn": tick.conn,
            "epoch": tick.epoch,
            "keyframe": is_keyframe,
            "status": "live",
        }
        extra = {}
        for name in schema.NUMBER_COLUMNS:
            text = tick.numbers.get(name)
            number = None if text is None else Decimal(text)
            if number is not None and not _fits(number):
                extra[name], number = text, None
            plain[name] = number
        plain["extra"] = json.dumps(extra) if extra else None
        for name, value in plain.items():
            values[name].append(value)
    arrays = [
        pa.array(values[each.name], pa.string()).dictionary_encode().cast(each.type)
        if pa.types.is_dictionary(each.type)
        else pa.array(values[each.name], each.type)
        for each in layout
    ]
    return pa.Table.from_arrays(arrays, schema=layout)


def _fits(number: Decimal) -> bool:
    scaled = number.scaleb(schema.SCALE)
    return scaled == scaled.to_integral_value() and abs(scaled) < 10**schema.PRECISION


def market() -> RecordedMarket:
    """Three minutes of BTC and ETH: two expiries with calls and puts, ticking each ten seconds."""
    near, far = datetime(2026, 11, 27, 8, tzinfo=UTC), datetime(2026, 12, 4, 8, tzinfo=UTC)
    recording = RecordedMarket(seconds=200)
    for expiry, name, base_iv in ((near, "27NOV26", 0.5), (far, "4DEC26", 0.6)):
        for strike in (90_000, 91_000, 92_000):
            for kind in "CP":
                terms = instrument(f"BTC-{name}-{strike}-{kind}-USDT", expiry)
                recording.listed.append((0, terms))
                for second in range(1, 200, 10):
                    recording.ticks.append(_tick(second, terms, base_iv))
    numbers = {"mark_price": "12.5", "total_turnover": "1" * 16}
    eth = instrument("ETH-27NOV26-3000-C", near)
    recording.listed.append((0, eth))
    recording.ticks.append(RecordedTick(5, eth.symbol, numbers))
    return recording


def _tick(second: int, terms: Instrument, base_iv: float) -> RecordedTick:
    moneyness = (terms.strike - 91_000) / 10_000
    call_delta = 0.5 - 3.5 * moneyness
    delta = call_delta if terms.type == "C" else call_delta - 1
    numbers = {
        "mark_price": f"{1000 + second}.1",
        "underlying_price": f"{91_000 + second / 100:.2f}",
        "index_price": "90990.07",
        "delta": f"{delta:.8f}",
        "gamma": "0.00003187",
        "mark_iv": f"{base_iv + moneyness / 10 + second / 10_000:.4f}",
        "bid_price": f"{990 + second}",
        "ask_price": f"{1010 + second}",
        "bid_size": "1.5",
        "ask_size": "2",
        "open_interest": "12.34",
        "turnover_24h": "123456789.12345678",
    }
    return RecordedTick(second + 0.25, terms.symbol, numbers, seq=1000 + second)
