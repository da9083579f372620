"""Checks of a history against its manifests, and its gaps."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import orjson

from fastopts.errors import BadInput, CaptureError
from fastopts.history import schema
from fastopts.history.manifest import DayManifest, sha256

__all__ = ("DayReport", "RecordingGap", "day_folders", "gaps", "verify_day")

_MINUTE: Final = timedelta(minutes=1)
_NOT_REPEATED: Final = ("minute", "keyframe", "status")  # of a keyframe: not those of its tick


@dataclass(frozen=True, slots=True)
class RecordingGap:
    """A time of which messages are missing; *frames* is None where their number is not known."""

    venue: str
    start: datetime
    end: datetime
    frames: int | None
    reason: str


@dataclass(slots=True)
class DayReport:
    """What was checked of a day, and each *problem* as a sentence that names the file."""

    venue: str
    day: str
    files: int
    rows: int
    problems: list[str]


def day_folders(root: Path) -> list[Path]:
    """Return the folders of all days in the history of the captures in *root*, by venue.

    Raises BadInput if there is none.
    """
    base = root / "history" / f"v{schema.VERSION}"
    days = sorted(path.parent for path in base.glob(f"*/*/{schema.MANIFEST}"))
    if not days:
        place = f"history/v{schema.VERSION}/VENUE/YYYY-MM-DD"
        raise BadInput(f"{root}: no history below ({place}): run `fastopts history make`")
    return days


def verify_day(folder: Path) -> DayReport:
    """Compare the files of a day with its manifest: hashes, rows, keyframes, columns."""
    report = DayReport(folder.parent.name, folder.name, 0, 0, [])
    try:
        manifest = DayManifest.load(folder)
    except CaptureError as error:
        report.problems.append(str(error))
        return report
    pauses = [(each.start, each.end) for each in gaps([folder]) if each.frames is None]
    delisted = _delisted(folder)
    for name, entry in manifest.files.items():
        path = folder.parent / name
        fault = _difference(path, entry)
        if fault is None:
            layout = _layout(path.name)
            fault = _content_fault(path, entry, layout, pauses, delisted)
        if fault is not None:
            report.problems.append(f"{path}: {fault}")
        report.files += 1
        report.rows += entry["rows"] if "asset" in entry else 0
    report.problems += [f"{path}: not in the manifest" for path in _strangers(folder, manifest)]
    return report


def gaps(days: list[Path]) -> Iterator[RecordingGap]:
    """Yield what is missing in *days*, by venue in order of time. Raises CaptureError.

    That is: messages that a recorder dropped, and times between two captures.
    """
    last: tuple[str, datetime] | None = None
    for folder in days:
        venue = folder.parent.name
        for entry in DayManifest.load(folder).hours.values():
            # One that grew was noted again, with the same start: the last of them counts.
            dropped = {each["start"]: each for each in entry["gaps"]}
            for each in dropped.values():
                yield _gap(venue, each["start"], each["end"], each["frames"], each["reason"])
            for start, end in entry["recorded"]:
                begin = datetime.fromisoformat(start)
                if last is not None and last[0] == venue and last[1] < begin:
                    yield RecordingGap(venue, last[1], begin, None, "nothing was recorded")
                last = venue, datetime.fromisoformat(end)


def _gap(venue: str, start: str, end: str, frames: int | None, reason: str) -> RecordingGap:
    return RecordingGap(
        venue, datetime.fromisoformat(start), datetime.fromisoformat(end), frames, reason
    )


def _strangers(folder: Path, manifest: DayManifest) -> Iterator[Path]:
    """Yield Parquet files of the day that are not part of the history."""
    venue = folder.parent
    for path in sorted({*folder.glob("*.parquet*"), *venue.glob(f"*/{folder.name}/*.parquet*")}):
        if path.relative_to(venue).as_posix() not in manifest.files:
            yield path


def _difference(path: Path, entry: Mapping[str, Any]) -> str | None:
    try:
        size = path.stat().st_size
        if size != entry["bytes"]:
            return f"{size} bytes, and {entry['bytes']} in the manifest"
        if sha256(path) != entry["sha256"]:
            return "its hash is not that of the manifest"
    except FileNotFoundError:
        return "missing"
    except OSError as error:
        return f"can't be read: {error.strerror or error}"
    return None


def _layout(name: str) -> Any:
    layouts = {
        schema.FEED: schema.feed_schema,
        schema.EVENTS: schema.events_schema,
        schema.TERMS: schema.terms_schema,
    }
    return layouts.get(name, schema.rows_schema)()


def _content_fault(
    path: Path,
    entry: Mapping[str, Any],
    layout: Any,
    pauses: list[tuple[datetime, datetime]],
    delisted: list[tuple[datetime, str]],
) -> str | None:
    import pyarrow as pa
    from pyarrow import parquet

    try:
        file = parquet.ParquetFile(path)
        names = file.schema_arrow.names[: len(layout)]
        if names != layout.names or file.schema_arrow.types[: len(layout)] != layout.types:
            return "its columns are not those of this version"
        if file.metadata.num_rows != entry["rows"]:
            return f"{file.metadata.num_rows} rows, and {entry['rows']} in the manifest"
        if "asset" not in entry:
            return None
        return _minutes_fault(file, pauses, delisted)
    except (pa.ArrowException, OSError, ValueError) as error:
        return f"damaged: {error}"


def _minutes_fault(
    file: Any, pauses: list[tuple[datetime, datetime]], delisted: list[tuple[datetime, str]]
) -> str | None:
    """Return the first fault of the row groups: order, keyframes, numbers as text."""
    before: tuple[datetime, dict[str, Any]] | None = None
    for index in range(file.num_row_groups):
        rows = file.read_row_group(index).to_pylist()
        minutes = {row["minute"] for row in rows}
        if len(minutes) != 1:
            return f"row group {index} has {len(minutes)} minutes"
        [minute] = minutes
        symbols = [row["symbol"] for row in rows]
        if symbols != sorted(symbols):
            return f"row group {index} is not sorted by symbol"
        if any(not isinstance(orjson.loads(row["extra"]), dict) for row in rows if row["extra"]):
            return f"row group {index} has a malformed `extra`"
        if before is not None and minute - before[0] == _MINUTE:
            fault = _keyframe_fault(before, minute, rows, pauses, delisted)
            if fault is not None:
                return f"{minute:%H:%M}: {fault}"
        before = minute, {row["symbol"]: row for row in rows}
    return None


def _keyframe_fault(
    before: tuple[datetime, dict[str, Any]],
    minute: datetime,
    rows: list[dict[str, Any]],
    pauses: list[tuple[datetime, datetime]],
    delisted: list[tuple[datetime, str]],
) -> str | None:
    """Compare the keyframe of a minute with the last rows of the one before."""
    if any(start <= minute <= end for start, end in pauses):
        return None  # nothing is carried over a time without captures
    first: dict[str, dict[str, Any]] = {}
    for row in rows:
        first.setdefault(row["symbol"], row)
    gone = {symbol for at, symbol in delisted if before[0] <= at <= minute + _MINUTE}
    for symbol, last in before[1].items():
        keyframe = first.get(symbol)
        if symbol in gone:
            continue
        if keyframe is None or not keyframe["keyframe"]:
            return f"no keyframe of {symbol}"
        names = [name for name in last if name not in _NOT_REPEATED]
        if differing := [name for name in names if keyframe[name] != last[name]]:
            return f"the keyframe of {symbol} has another {differing[0]} than its last row"
    return None


def _delisted(folder: Path) -> list[tuple[datetime, str]]:
    import pyarrow as pa
    from pyarrow import parquet

    try:
        rows = parquet.read_table(folder / schema.TERMS).to_pylist()
    except (pa.ArrowException, OSError):
        return []  # reported as a file of its own
    return [(row["since"], row["symbol"]) for row in rows if not row["listed"]]
