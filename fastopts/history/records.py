"""Rows of a history file as packed records: the values of every symbol at a moment."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from fastopts.errors import CaptureError, one_line
from fastopts.history import decimals, schema
from fastopts.model import NO_SEQUENCE, NUMBERS, RECORD, RECORD_VERSION, Instrument

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

__all__ = ("MINUTE_US", "RowFile", "integers", "open_parquet", "us_of")

MINUTE_US: Final = 60_000_000
# The layout of `model.RECORD` as numpy has it, so that all records are packed by one assignment.
LAYOUT: Final = np.dtype(
    {
        "names": (
            *("version", "kind", "flags", "epoch", "ts_ms", "rt_ms", "sequence", "conn"),
            *("expiry_ms", "settle", "strike", "numbers"),
        ),
        "formats": (
            *("u1", "S1", "<u2", "<u4", "<i8", "<i8", "<i8", "<u4"),
            *("<i8", "S8", "<f8", f"({len(NUMBERS)},)<f8"),
        ),
        "offsets": (0, 1, 2, 4, 8, 16, 24, 32, 40, 48, 56, 64),
        "itemsize": RECORD.size,
    }
)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_PLAIN: Final = ("ts", "rt", "seq", "flags", "conn", "epoch")


class RowFile:
    """The ticks of one asset and hour. Its footer stays in memory, its rows do not.

    Raises CaptureError for a file that is damaged or no history.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = open_parquet(path)
        metadata = self._file.metadata
        column = self._file.schema_arrow.get_field_index("minute")
        self._groups: dict[int, int] = {}
        for group in range(metadata.num_row_groups):
            statistics = metadata.row_group(group).column(column).statistics
            if statistics is None:
                raise CaptureError(f"{path}: a row group has no statistics of `minute`")
            self._groups[us_of(statistics.min)] = group

    def records(
        self, at_us: int, since_us: int, terms: Mapping[str, Instrument]
    ) -> dict[str, bytes]:
        """Return the packed record of each symbol as of *at_us*, µs since 1970 UTC.

        Symbols without *terms*, and those that were not logged from *since_us* until then, are
        missing.
        """
        group = self._groups.get(at_us // MINUTE_US * MINUTE_US)
        if group is None:
            return {}
        keys = self._read(group, ["symbol", "logged"])
        symbols, rows = _newest(keys, at_us, since_us)
        is_known = np.array([symbol in terms for symbol in symbols], bool)
        symbols = [symbol for symbol in symbols if symbol in terms]
        rows = rows[is_known]
        if not symbols:
            return {}
        packed = np.zeros(len(symbols), LAYOUT)
        packed["version"] = RECORD_VERSION
        instruments = [terms[symbol] for symbol in symbols]
        packed["kind"] = [each.type.encode() for each in instruments]
        packed["expiry_ms"] = [each.expiry_ms for each in instruments]
        packed["settle"] = [each.settle.encode() for each in instruments]
        packed["strike"] = [each.strike for each in instruments]
        self._fill(packed, group, rows)
        data, size = packed.tobytes(), RECORD.size
        return {symbol: data[i * size : (i + 1) * size] for i, symbol in enumerate(symbols)}

    def _fill(self, packed: NDArray[np.void], group: int, rows: NDArray[np.intp]) -> None:
        """Fill the columns of *packed* from *rows* of a row group."""
        indices = np.ascontiguousarray(rows)
        names = (*_PLAIN, "extra", *schema.NUMBER_COLUMNS)
        # one column after the other: all decimals of a minute at once are 16 bytes each
        for name in names:
            column = self._read(group, [name]).column(0).take(indices).combine_chunks()
            if name == "ts" or name == "rt":
                packed[f"{name}_ms"] = integers(column)
            elif name == "seq":
                packed["sequence"] = integers(column.fill_null(NO_SEQUENCE))
            elif name == "extra":
                extra = column
            elif name in _PLAIN:
                packed[name] = column.to_numpy(zero_copy_only=False)
            else:
                packed["numbers"][:, schema.NUMBER_COLUMNS.index(name)] = _floats(column)
        _fill_extra(packed, extra)

    def _read(self, group: int, columns: list[str]) -> "pa.Table":
        import pyarrow as pa

        try:
            return self._file.read_row_group(group, columns=columns, use_threads=False)
        except (OSError, pa.ArrowException) as error:
            raise _damaged(self.path, error) from error


def open_parquet(path: Path) -> "pq.ParquetFile":
    """Open a file of the history. Raises CaptureError if it is damaged, foreign or newer."""
    schema.arrow()
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(path)
    except (OSError, pa.ArrowException) as error:
        raise _damaged(path, error) from error
    metadata = file.schema_arrow.metadata or {}
    if metadata.get(b"format") != schema.FORMAT.encode():
        raise CaptureError(f"{path}: no file of fastopts's history")
    if metadata.get(b"version") != str(schema.VERSION).encode():
        raise CaptureError(f"{path}: of another version of the history than {schema.VERSION}")
    return file


def us_of(value: datetime) -> int:
    """Return the datetime of a column's statistics in µs since 1970."""
    return (value - _EPOCH) // timedelta(microseconds=1)


def integers(column: "pa.Array") -> NDArray[np.int64]:
    """Return an Arrow array of times or integers without nulls as int64, in its own unit."""
    import pyarrow as pa

    numbers: NDArray[np.int64] = column.cast(pa.int64()).to_numpy(zero_copy_only=False)
    return numbers


def _newest(keys: "pa.Table", at_us: int, since_us: int) -> tuple[list[str], NDArray[np.intp]]:
    """The symbols of a row group, and the row of each that was the newest at *at_us*."""
    symbols = keys.column("symbol").combine_chunks()
    codes = symbols.indices.to_numpy()
    logged = integers(keys.column("logged").combine_chunks())
    rows = np.flatnonzero((logged <= at_us) & (logged >= since_us))
    # Rows of a symbol are adjacent and in the order of time: the last before the next is newest.
    rows = rows[np.flatnonzero(np.diff(codes[rows], append=-1))]
    names = symbols.dictionary.to_pylist()
    return [names[code] for code in codes[rows]], rows


def _floats(column: "pa.Array") -> NDArray[np.float64]:
    """The doubles nearest to the decimals of *column*; NaN for null."""
    # A decimal128 is two words, the lower one first. Of 18 digits, the lower one holds all.
    words = np.frombuffer(column.buffers()[1], np.int64)
    scaled = words[2 * column.offset : 2 * (column.offset + len(column)) : 2]
    numbers = decimals.doubles(scaled)
    if column.null_count:
        numbers[column.is_null().to_numpy(zero_copy_only=False)] = np.nan
    return numbers


def _fill_extra(packed: NDArray[np.void], extra: "pa.Array") -> None:
    """Set the numbers that the decimal columns could not hold."""
    import json

    for index in np.flatnonzero(extra.is_valid().to_numpy(zero_copy_only=False)):
        for name, text in json.loads(extra[int(index)].as_py()).items():
            packed["numbers"][index, schema.NUMBER_COLUMNS.index(name)] = float(text)


def _damaged(path: Path, error: Exception) -> CaptureError:
    return CaptureError(f"{path}: can't be read: {one_line(str(error))}")
