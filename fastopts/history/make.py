"""Makes the hours that a history lacks from captures, at low priority.

An hour is made once it is over: when no open capture can have messages of it. It is made again when
there is another capture of it, such as one that was recovered later.
"""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from fastopts.capture.inspect import inspect
from fastopts.capture.summary import PART, SUFFIX
from fastopts.errors import BadInput, CaptureError
from fastopts.history import schema
from fastopts.history.builder import HOUR_NS, NS, HistoryBuilder
from fastopts.history.manifest import DayManifest, publish
from fastopts.replay import chunks, engine

__all__ = ("HistoryPlan", "MadeHour", "lower_priority", "make", "plan", "venue_folders")


@dataclass(frozen=True, slots=True)
class _Capture:
    path: Path
    size: int
    start_ns: int
    end_ns: int


@dataclass(slots=True)
class HistoryPlan:
    """What is to be made of the captures in the *folder* of a *venue*.

    *sources* are the captures of each hour (its start in ns); *notes* say what is left out, and
    why. *is_good* is false if a file in the folder can't be used.
    """

    folder: Path
    venue: str = ""
    sources: dict[int, dict[str, int]] = field(default_factory=dict)
    captures: list[Path] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    is_good: bool = True
    known: int = 0


@dataclass(frozen=True, slots=True)
class MadeHour:
    """An hour that was made: its rows by asset, and numbers that had to be kept as text."""

    venue: str
    hour: datetime
    rows: int
    inexact_numbers: int
    size_bytes: int


def venue_folders(root: Path) -> list[Path]:
    """Return the folders of venues with captures in *root*. Raises BadInput if there is none."""
    if root.is_dir() and any(root.glob(f"????-??-??/*{SUFFIX}*")):
        raise BadInput(
            f"{root}: the captures of one venue; name the folder above it: {root.parent}"
        )
    found = sorted({path.parent.parent for path in root.glob(f"*/????-??-??/*{SUFFIX}*")})
    if not found:
        raise BadInput(f"{root}: no captures (VENUE/YYYY-MM-DD/*{SUFFIX}) in this folder")
    return found


def plan(folder: Path, *, again: bool = False) -> HistoryPlan:
    """Return the hours to be made of the captures in *folder*; *again*: also those there are."""
    result = HistoryPlan(folder)
    captures = list(_captures(result))
    open_from_ns = _open_from_ns(folder, result)
    hours: dict[int, dict[str, int]] = {}
    for capture in captures:
        first_ns = capture.start_ns // HOUR_NS * HOUR_NS
        for hour_ns in range(first_ns, capture.end_ns + 1, HOUR_NS):
            name = capture.path.relative_to(folder).as_posix()
            hours.setdefault(hour_ns, {})[name] = capture.size
    for hour_ns, sources in sorted(hours.items()):
        if hour_ns + HOUR_NS > open_from_ns:
            continue
        if _is_wanted(result, hour_ns, sources, again=again):
            result.sources[hour_ns] = sources
    needed = {name for sources in result.sources.values() for name in sources}
    result.captures = [
        each.path for each in captures if each.path.relative_to(folder).as_posix() in needed
    ]
    return result


def make(root: Path, wanted: HistoryPlan) -> Iterator[MadeHour | chunks.Damage]:
    """Make the hours of a plan; yield each one once it is part of the history.

    Yields the damaged parts of captures, too: all the rest is used. Raises CaptureError, FileError
    and OSError: the hours that were yielded stay, and of others nothing does.
    """
    if not wanted.sources:
        return
    schema.arrow()
    builder = HistoryBuilder(root, wanted.venue, wanted.sources)
    try:
        replay = engine.Replay(wanted.captures, collects_rows=True)
        for step in replay.steps():
            if isinstance(step, chunks.Damage):
                yield step
            _apply(builder, step)
            yield from _publish(root, wanted, builder)
        builder.finish()
        yield from _publish(root, wanted, builder)
    finally:
        builder.discard()


def lower_priority() -> None:
    """Let every other process have the CPU first, where the system can.

    Linux derives the priority of disk accesses from it.
    """
    if hasattr(os, "nice"):
        os.nice(19)


def _publish(root: Path, wanted: HistoryPlan, builder: HistoryBuilder) -> Iterator[MadeHour]:
    for hour in builder.take():
        publish(root, wanted.venue, hour, wanted.sources[hour.start_ns])
        files = hour.files.values()
        yield MadeHour(
            venue=wanted.venue,
            hour=datetime.fromtimestamp(hour.start_ns // NS, UTC),
            rows=sum(file.rows for file in files),
            inexact_numbers=sum(file.inexact for file in files),
            size_bytes=sum(file.path.stat().st_size for file in files),
        )


def _apply(builder: HistoryBuilder, step: engine.Step) -> None:
    match step:
        case engine.FileStarted():
            builder.begin(step.log_ns, continues=step.continues)
        case engine.Rows():
            builder.rows(step.data)
        case engine.FeedWritten():
            builder.feed(step.log_ns, step.fields)
        case engine.Event():
            builder.event(step.log_ns, step.values)
        case engine.ListingChange():
            builder.listing(step.log_ns, step.listed, step.delisted)
        case engine.OtherMessage():
            builder.advance(step.log_ns)


def _captures(result: HistoryPlan) -> Iterator[_Capture]:
    """Yield the closed captures of the folder, the oldest first; note what can't be used."""
    for path in sorted(result.folder.glob(f"????-??-??/*{SUFFIX}")):
        try:
            inspection = inspect(path)
        except CaptureError as error:
            result.notes.append(str(error))
            result.is_good = False
            continue
        venue = inspection.opening.get("venue", "")
        if venue.replace(":", "-") != result.folder.name:
            name = result.folder.name
            result.notes.append(f"{path}: a capture of {venue or 'no venue'}, not of {name}")
            result.is_good = False
            continue
        result.venue = venue
        heads = [each.head for each in inspection.contents.chunks]
        if heads:
            start_ns = min(head.start_ns for head in heads)
            end_ns = max(head.end_ns for head in heads)
            yield _Capture(path, inspection.size, start_ns, end_ns)


def _open_from_ns(folder: Path, result: HistoryPlan) -> int:
    """Return the time from which captures are still open; late if there is none."""
    earliest_ns = 2**63
    for path in folder.glob(f"????-??-??/*{SUFFIX}{PART}"):
        text = f"{path.parent.name} {path.name[:6]} +0000"
        try:
            start = datetime.strptime(text, "%Y-%m-%d %H%M%S %z")
        except ValueError:
            continue  # a name that no recorder gives
        earliest_ns = min(earliest_ns, int(start.timestamp()) * NS)
    if earliest_ns < 2**63:
        hour = datetime.fromtimestamp(earliest_ns // HOUR_NS * HOUR_NS // NS, UTC)
        result.notes.append(f"{folder}: open captures: hours from {hour:%Y-%m-%d %H:%M} on wait")
    return earliest_ns


def _is_wanted(
    result: HistoryPlan, hour_ns: int, sources: Mapping[str, int], *, again: bool
) -> bool:
    """Whether an hour is to be made: it is not there, or not made from all *sources*."""
    root = result.folder.parent
    manifest = DayManifest.load(schema.day_folder(root, result.venue, hour_ns // NS))
    hour = datetime.fromtimestamp(hour_ns // NS, UTC)
    entry = manifest.hours.get(f"{hour:%H}")
    if entry is None:
        return True
    result.known += 1
    known: dict[str, int] = entry["sources"]
    is_complete = sources.items() <= known.items()
    if is_complete and not again:
        return False
    if gone := sorted(known.keys() - sources.keys()):
        result.notes.append(
            f"{hour:%Y-%m-%d %H:%M}: kept as it is: {gone[0]}, from which it was made, was deleted"
        )
        return False
    return True
