"""Rows of ticks -> the Parquet files of an hour: one row group a minute, begun by a keyframe."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import orjson
from numpy.typing import NDArray

from fastopts import keys, model
from fastopts.history import decimals, schema
from fastopts.history.liveness import RecordedFeed, statuses

__all__ = ("RECORD", "ROW", "HourFile", "Minute", "minute_table", "rows_of")

# As the replay makes them (`ROW` of its player), and the packed record of `model.RECORD`.
ROW: Final = np.dtype(
    [
        ("log_ns", "<i8"),
        ("symbol", f"S{keys.SYMBOL_LENGTH_MAX}"),
        ("record", f"V{model.RECORD.size}"),
    ]
)
RECORD: Final = np.dtype(
    [
        *(("version", "u1"), ("kind", "S1"), ("flags", "<u2"), ("epoch", "<u4")),
        *(("ts_ms", "<i8"), ("rt_ms", "<i8"), ("sequence", "<i8"), ("conn", "<u4")),
        *(("padding", "V4"), ("expiry_ms", "<i8"), ("settle", "S8"), ("strike", "<f8")),
        ("numbers", "<f8", (len(model.NUMBERS),)),
    ]
)
# zstd-3: level 6 takes three times the CPU and makes files 2 % smaller.
_LEVEL: Final = 3
_MODE: Final = 0o640


def rows_of(batch: Sequence[tuple[int, str, bytes]]) -> NDArray[Any]:
    """Return log time, symbol and record of ticks as an array with the fields of `ROW`."""
    return np.array([(at, name.encode("ascii"), record) for at, name, record in batch], ROW)


@dataclass(slots=True)
class Minute:
    """The ticks of one minute of one asset, in order, with the feeds that they are judged by.

    *keyframe* are the rows with which it begins; those of *rows* for which *repeats* is true are
    of the start of a capture. *feeds* are those written before and within the minute.
    """

    start_ns: int
    keyframe: NDArray[Any]
    rows: NDArray[Any]
    repeats: NDArray[np.bool_]
    feeds: Sequence[RecordedFeed]

    @property
    def judged_ns(self) -> NDArray[np.int64]:
        """The time at which each row is judged: that of a keyframe is the start of the minute."""
        start_ns = np.full(len(self.keyframe), self.start_ns, np.int64)
        times = np.concatenate((start_ns, self.rows["log_ns"]))
        # A capture that begins as the clock was set back may have earlier times than the last.
        ascending: NDArray[np.int64] = np.maximum.accumulate(times)
        return ascending


def minute_table(minute: Minute) -> tuple[Any, int]:
    """Return the row group of a *minute* as an Arrow table, and its number of inexact numbers.

    These are in the column `extra`.
    """
    import pyarrow as pa

    rows = np.concatenate((minute.keyframe, minute.rows))
    names, codes = _symbols(rows)
    # Stable: rows of one symbol stay in order of time, and its keyframe is the first of them.
    order = np.argsort(codes, kind="stable")
    status = _status(minute, rows)[order]
    repeats = np.concatenate((np.ones(len(minute.keyframe), bool), minute.repeats))[order]
    rows, codes = rows[order], codes[order]
    records = rows["record"].copy().view(RECORD)
    layout = schema.rows_schema()
    extra: dict[int, dict[str, str]] = {}
    columns = {
        "minute": np.full(len(rows), minute.start_ns // 1_000_000, "datetime64[ms]"),
        "symbol": pa.DictionaryArray.from_arrays(pa.array(codes, pa.int32()), names),
        "logged": (rows["log_ns"] // 1000).view("datetime64[us]"),
        "ts": records["ts_ms"].copy().view("datetime64[ms]"),
        "rt": records["rt_ms"].copy().view("datetime64[ms]"),
        "seq": pa.array(records["sequence"], mask=records["sequence"] == model.NO_SEQUENCE),
        "flags": records["flags"],
        "conn": records["conn"],
        "epoch": records["epoch"],
        "keyframe": repeats,
        "status": pa.array(status, pa.string()).dictionary_encode(),
    }
    arrays = [
        pa.array(column, layout.field(name).type)
        if isinstance(column, np.ndarray)
        else column.cast(layout.field(name).type)
        for name, column in columns.items()
    ]
    arrays += _numbers(np.ascontiguousarray(records["numbers"].T), layout, extra)
    texts = [None] * len(rows) if not extra else [_json(extra.get(i)) for i in range(len(rows))]
    arrays.append(pa.array(texts, pa.string()))
    return pa.Table.from_arrays(arrays, schema=layout), sum(map(len, extra.values()))


def _symbols(rows: NDArray[Any]) -> tuple[list[str], NDArray[np.int32]]:
    """Return the names in order, and for each row the index of its own."""
    encoded: list[bytes] = rows["symbol"].tolist()
    names = sorted(set(encoded))
    index = {name: position for position, name in enumerate(names)}
    # A dictionary takes 0.05 us a row, numpy's sort of the texts 1.
    codes = np.fromiter(map(index.__getitem__, encoded), np.int32, len(encoded))
    return [name.decode("ascii") for name in names], codes


def _status(minute: Minute, rows: NDArray[Any]) -> NDArray[Any]:
    """Return the status of each row; None before the first feed."""
    judged_ns = minute.judged_ns
    heads = rows["record"].copy().view(RECORD)
    result = np.full(len(rows), None, object)
    starts = [feed.logged_ns for feed in minute.feeds]
    # A feed is in force from its own time on: a tick of the same nanosecond is judged by it.
    bounds = [*np.searchsorted(judged_ns, starts, side="left").tolist(), len(rows)]
    for feed, start, end in zip(minute.feeds, bounds[:-1], bounds[1:], strict=True):
        if start < end:
            part = slice(start, end)
            result[part] = statuses(feed, judged_ns[part], heads[part], rows["record"][part])
    return result


def _numbers(
    values: NDArray[np.float64], layout: Any, extra: dict[int, dict[str, str]]
) -> list[Any]:
    """Return the columns of numbers; those that do not fit are added to *extra* by row."""
    arrays = []
    for name, column in zip(schema.NUMBER_COLUMNS, values, strict=True):
        units, exact = decimals.scaled(column)
        if not exact.all():
            for index in np.flatnonzero(~exact & ~np.isnan(column)).tolist():
                extra.setdefault(index, {})[name] = decimals.text(float(column[index]))
        arrays.append(decimals.decimal_array(units, exact, layout.field(name).type))
    return arrays


def _json(values: Mapping[str, str] | None) -> str | None:
    return None if values is None else orjson.dumps(values).decode()


@dataclass(slots=True)
class HourFile:
    """The file of an hour while it is written: *path* with `.part` behind it, until `finish`.

    Raises OSError when the disk does; `discard` it then.
    """

    path: Path
    rows: int = 0
    keyframes: int = 0
    minutes: int = 0
    inexact: int = 0
    first_ns: int | None = None
    last_ns: int | None = None
    _writer: Any = field(default=None, repr=False)

    @property
    def part(self) -> Path:
        """The name until the file is whole."""
        return self.path.with_name(f"{self.path.name}.part")

    def write(self, minute: Minute) -> None:
        """Write a minute as one row group."""
        table, inexact = minute_table(minute)
        if self._writer is None:
            self._writer = _open(self.part)
        self._writer.write_table(table, row_group_size=max(1, len(table)))
        self.rows += len(table)
        self.keyframes += len(minute.keyframe) + int(minute.repeats.sum())
        self.minutes += 1
        self.inexact += inexact
        if len(minute.rows):
            times = minute.rows["log_ns"]
            self.first_ns = int(times[0]) if self.first_ns is None else self.first_ns
            self.last_ns = int(times[-1])

    def close(self) -> None:
        """Write the footer and sync the file; it keeps its temporary name."""
        self._writer.close()
        with self.part.open("rb") as file:
            os.fsync(file.fileno())

    def discard(self) -> None:
        """Remove what was written."""
        self._writer = None
        self.part.unlink(missing_ok=True)


def _open(path: Path) -> Any:
    from pyarrow import parquet

    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _MODE))
    return parquet.ParquetWriter(
        path,
        schema.rows_schema(),
        # Numbers are sorted by symbol, and zstd finds their repetitions: with dictionaries of
        # them, a row of a simulated market takes 50 bytes instead of 37.
        use_dictionary=["symbol", "status"],
        compression="zstd",
        compression_level=_LEVEL,
        store_decimal_as_integer=True,
        write_page_index=True,
    )
