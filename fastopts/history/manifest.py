"""The manifest of a day, and the files that a day has once: feed, events, terms.

All of them are replaced as a whole when an hour is added; the manifest last. What it does not name
is not part of the history.
"""

import contextlib
import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import orjson

from fastopts.errors import CaptureError
from fastopts.files import replacing
from fastopts.history import schema
from fastopts.history.builder import HOUR_NS, NS, Hour
from fastopts.model import Instrument

__all__ = ("DayManifest", "publish", "sha256", "time_text")

_BLOCK: Final = 1 << 20


@dataclass(slots=True)
class DayManifest:
    """The manifest in the folder *path* of a day, as JSON has it.

    *files* are by path relative to the venue's folder; *hours* by `HH`, each with its `sources`
    (captures by name, with their sizes), `recorded` (start and end) and `gaps`.
    """

    path: Path
    files: dict[str, dict[str, Any]] = field(default_factory=dict)
    hours: dict[str, dict[str, Any]] = field(default_factory=dict)

    @classmethod
    def load(cls, folder: Path) -> "DayManifest":
        """Read the manifest of the day in *folder*; empty if there is none.

        Raises CaptureError if it can't be read, or is of another version.
        """
        path = folder / schema.MANIFEST
        try:
            content = orjson.loads(path.read_bytes())
        except FileNotFoundError:
            return cls(folder)
        except (OSError, ValueError) as error:
            raise CaptureError(f"{path}: can't be read ({error}): delete it, make again") from error
        is_known = isinstance(content, dict) and content.get("format") == schema.FORMAT
        if not is_known or content.get("version") != schema.VERSION:
            raise CaptureError(f"{path}: not a manifest of version {schema.VERSION} of the history")
        return cls(folder, content["files"], content["hours"])

    def save(self, venue: str) -> None:
        """Replace the manifest. Raises FileError."""
        content = {
            "format": schema.FORMAT,
            "version": schema.VERSION,
            "venue": venue,
            "day": self.path.name,
            "hours": dict(sorted(self.hours.items())),
            "files": dict(sorted(self.files.items())),
        }
        with replacing(self.path / schema.MANIFEST) as file:
            file.write(orjson.dumps(content, option=orjson.OPT_INDENT_2) + b"\n")
            file.flush()
            os.fsync(file.fileno())


def publish(root: Path, venue: str, hour: Hour, sources: Mapping[str, int]) -> None:
    """Give the files of an *hour* their final names, and add it to its day.

    *sources* are the captures that it was made from, with their sizes. Raises OSError, FileError
    and CaptureError; the manifest then has the hour as it was, or not at all.
    """
    at_s = hour.start_ns // NS
    folder = schema.day_folder(root, venue, at_s)
    folder.mkdir(parents=True, exist_ok=True)
    manifest = DayManifest.load(folder)
    name = f"{datetime.fromtimestamp(at_s, UTC):%H}"
    if name in manifest.hours:  # made again: readers must not take a part of it for whole
        del manifest.hours[name]
        manifest.files = {
            path: entry for path, entry in manifest.files.items() if entry.get("hour") != name
        }
        manifest.save(venue)
    base = schema.venue_folder(root, venue)
    for asset, file in hour.files.items():
        file.part.replace(file.path)
        manifest.files[str(file.path.relative_to(base).as_posix())] = {
            "asset": asset,
            "hour": name,
            "rows": file.rows,
            "keyframes": file.keyframes,
            "minutes": file.minutes,
            "inexact_numbers": file.inexact,
            "first": _optional_time(file.first_ns),
            "last": _optional_time(file.last_ns),
            **_identity(file.path),
        }
    for daily, table in _day_tables(hour).items():
        path = folder / daily
        rows = _replace(path, table, hour.start_ns, is_known=bool(manifest.hours))
        relative = path.relative_to(base).as_posix()
        manifest.files[relative] = {"rows": rows, **_identity(path)}
    manifest.hours[name] = {
        "sources": dict(sources),
        "recorded": [[time_text(start), time_text(end)] for start, end in hour.recorded],
        "gaps": [_gap(each) for each in hour.gaps()],
    }
    manifest.save(venue)


def sha256(path: Path) -> str:
    """Return the hash of a file. Raises OSError."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def time_text(ns: int) -> str:
    """Return a time in ISO 8601, to the microsecond, in UTC."""
    return f"{datetime.fromtimestamp(ns // NS, UTC):%Y-%m-%dT%H:%M:%S}.{ns % NS // 1000:06}Z"


def _optional_time(ns: int | None) -> str | None:
    return None if ns is None else time_text(ns)


def _gap(values: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "start": time_text(values["start_ns"]),
        "end": time_text(values["end_ns"]),
        "frames": values.get("frames"),  # None: not known
        "reason": values.get("reason", ""),
    }


def _identity(path: Path) -> dict[str, Any]:
    return {"bytes": path.stat().st_size, "sha256": sha256(path)}


def _day_tables(hour: Hour) -> dict[str, Any]:
    """Return the rows of an hour for the files of its day."""
    import pyarrow as pa

    feed = [(at // 1000, fields) for at, fields in hour.feed]
    events = [
        (at // 1000, values["event"], values.get("connection"), orjson.dumps(values).decode())
        for at, values in hour.events
    ]
    terms = [_terms_row(*each) for each in hour.terms]
    return {
        schema.FEED: _table(feed, schema.feed_schema(), pa),
        schema.EVENTS: _table(events, schema.events_schema(), pa),
        schema.TERMS: _table(terms, schema.terms_schema(), pa),
    }


def _terms_row(at_ns: int, symbol: str, terms: Instrument | None) -> tuple[Any, ...]:
    if terms is None:
        return (at_ns // 1000, symbol, False, *[None] * 11)
    return (
        *(at_ns // 1000, symbol, True, terms.asset, terms.quote, terms.settle, terms.expiry_ms),
        *(terms.strike, terms.strike_text, terms.type, terms.tick_size, terms.lot_size),
        *(terms.status, terms.launch_ms),
    )


def _table(rows: Sequence[tuple[Any, ...]], layout: Any, pa: Any) -> Any:
    columns = list(zip(*rows, strict=True)) if rows else [()] * len(layout)
    arrays = [
        pa.array(list(column), kind) for column, kind in zip(columns, layout.types, strict=True)
    ]
    return pa.Table.from_arrays(arrays, schema=layout)


def _replace(path: Path, table: Any, hour_ns: int, *, is_known: bool) -> int:
    """Replace the rows of an hour in a day's file; return the number of all rows.

    Rows before the hour that repeat a state (the feed in force at its start) belong to it.
    """
    import pyarrow as pa
    from pyarrow import compute, parquet

    time = table.schema.names[0]
    if is_known and path.exists():
        old = parquet.read_table(path)
        start = pa.scalar(hour_ns // 1000, table.schema.types[0])
        end = pa.scalar((hour_ns + HOUR_NS) // 1000, table.schema.types[0])
        is_other = compute.or_(
            compute.less(old[time], start), compute.greater_equal(old[time], end)
        )
        table = pa.concat_tables([old.filter(is_other).cast(table.schema), table])
    if path.name == schema.FEED:
        # The one in force at the start of the hour may be there, as the last of the hour before.
        table = table.group_by(table.schema.names).aggregate([]).cast(table.schema)
    order = compute.sort_indices(table, [(time, "ascending")])
    table = table.take(order)
    part = path.with_name(f"{path.name}.part")
    try:
        parquet.write_table(table, part, compression="zstd")
        with part.open("rb") as file:
            os.fsync(file.fileno())
        part.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            part.unlink()
        raise
    return len(table)
