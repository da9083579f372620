"""`fastopts history`: what recorded files hold; the Parquet files that are made from them."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal

from rich.cells import cell_len
from rich.text import Text

from fastopts.capture.folder import captures_below
from fastopts.capture.inspect import Inspection, inspect
from fastopts.capture.summary import PART, RECOVERED
from fastopts.cli.options import JsonOption
from fastopts.cli.output import printing
from fastopts.cli.output.printing import Column
from fastopts.command_line import argument, option
from fastopts.errors import BadInput, CaptureError, MissingPackage, extra_missing
from fastopts.history import schema, verify

__all__ = ("history",)

_NANOSECONDS = 1_000_000_000
# state, frames and not recorded, with the gaps between them
_COUNTS_WIDTH = 38
_NAME_WIDTH = 20  # the time and process at the end of a path: 105320-5.mcap.part


@dataclass(frozen=True, slots=True)
class _Row:
    """What the command shows of a file; None where the file does not say."""

    file: str
    venue: str | None
    state: Literal["closed", "recovered", "not closed", "damaged"]
    start: datetime | None
    end: datetime | None
    frames: int
    frames_not_recorded: int | None
    sent: int
    rest: int
    connections: int
    size_bytes: int
    epoch: int | None
    version: str | None


def history(
    action: Annotated[
        Literal["info", "make", "verify", "gaps"],
        argument(
            "ACTION",
            help="info: what files hold: times, counts, messages not recorded; make: the history of"
            " closed files, for all hours that it lacks; verify: whether the history is whole;"
            " gaps: what is missing of it",
        ),
    ],
    files: Annotated[
        list[str],
        argument(
            "FILES", help="recorded files, or folders of them; for history, the folder of --record"
        ),
    ],
    again: Annotated[
        bool, option("--again", help="make hours again that are there, such as with a new version")
    ] = False,
    json: JsonOption = False,
) -> int:
    """Show what recorded files hold, make the history of them, or check it.

    frames are messages received from the venue. A file is `closed` by the collector, or `recovered`
    after its process was killed; `not closed` is one that is being written, or will be recovered
    when the next collector starts. The history is in the folder of --record, below `history`. The
    exit code is 1 if a file is damaged or no capture, and if the history is not what its manifests
    say.
    """
    if again and action != "make":
        raise BadInput("--again: only for fastopts history make")
    match action:
        case "make":
            return _make([Path(file) for file in files], again, json)
        case "verify":
            return _verify([Path(file) for file in files], json)
        case "gaps":
            return _gaps([Path(file) for file in files], json)
    return _info(files, json)


def _info(files: Sequence[str], json: bool) -> int:
    rows, is_good = [], True
    for path in _expanded([Path(file) for file in files]):
        try:
            rows.append(_row(path, inspect(path)))
        except CaptureError as error:
            printing.print_note(str(error))
            is_good = False
    if json:
        for row in rows:
            printing.json_line(asdict(row))
    elif rows:
        printing.show(_table(rows))
    return 0 if is_good and all(row.state != "damaged" for row in rows) else 1


def _make(roots: Sequence[Path], again: bool, json: bool) -> int:
    schema.arrow()
    try:
        from fastopts.history import make as maker
    except ModuleNotFoundError as error:
        raise MissingPackage(extra_missing("backports.zstd", "record")) from error
    plans = [
        (root, maker.plan(folder, again=again))
        for root in roots
        for folder in maker.venue_folders(root)
    ]
    maker.lower_priority()
    is_good = True
    for root, plan in plans:
        for note in plan.notes:
            printing.print_note(note)
        if not plan.sources:
            printing.print_note(f"{plan.folder}: nothing to make ({plan.known} hours are there)")
        is_good = is_good and plan.is_good
        for made in maker.make(root, plan):
            if not isinstance(made, maker.MadeHour):
                printing.print_note(str(made))
                is_good = False
            elif json:
                printing.json_line(asdict(made))
            else:
                size = f"{made.rows:,} rows, {made.size_bytes / 1e6:,.1f} MB"
                printing.show(Text(f"{made.venue} {made.hour:%Y-%m-%d %H:%M}: {size}"))
    return 0 if is_good else 1


def _verify(roots: Sequence[Path], json: bool) -> int:
    schema.arrow()
    is_good = True
    for folder in (day for root in roots for day in verify.day_folders(root)):
        report = verify.verify_day(folder)
        is_good = is_good and not report.problems
        if json:
            printing.json_line(asdict(report))
            continue
        fault = f"{len(report.problems)} faulty" if report.problems else "all as in the manifest"
        printing.show(
            Text(
                f"{report.venue} {report.day}: {report.files} files, {report.rows:,} rows: {fault}"
            )
        )
        for problem in report.problems:
            printing.print_note(problem)
    return 0 if is_good else 1


def _gaps(roots: Sequence[Path], json: bool) -> int:
    gaps = list(verify.gaps([day for root in roots for day in verify.day_folders(root)]))
    if json:
        for gap in gaps:
            printing.json_line(asdict(gap))
    elif gaps:
        seconds = [(gap.end - gap.start).total_seconds() for gap in gaps]
        columns = [
            Column("venue", [gap.venue for gap in gaps], is_text=True),
            Column("from (UTC)", [_clock(gap.start) for gap in gaps], is_text=True),
            Column("to (UTC)", [_clock(gap.end) for gap in gaps], rank=2, is_text=True),
            Column("seconds", [f"{each:,.1f}" for each in seconds]),
            Column("frames", ["-" if gap.frames is None else f"{gap.frames:,}" for gap in gaps]),
            Column("reason", [gap.reason for gap in gaps], rank=1, is_text=True),
        ]
        printing.show(printing.fitted_table(columns, printing.width()))
    else:
        printing.print_note("no gaps")
    return 0


def _expanded(paths: Sequence[Path]) -> Iterator[Path]:
    """Yield files, and those in folders, the oldest first. Raises BadInput for an empty folder."""
    for path in paths:
        yield from captures_below(path) if path.is_dir() else [path]


def _row(path: Path, inspection: Inspection) -> _Row:
    contents, opening = inspection.contents, inspection.opening
    counts = {inspection.topics.get(number, ""): n for number, n in contents.messages.items()}
    inbound = [n for topic, n in counts.items() if topic.startswith("in/")]
    # Only the recorder knows what it dropped, and notes it when it closes the file.
    not_recorded = inspection.closing.get("frames_not_recorded")
    epoch = opening.get("epoch")
    return _Row(
        file=str(path),
        venue=opening.get("venue"),
        state=_state(path, inspection),
        start=_utc(min((each.head.start_ns for each in contents.chunks), default=None)),
        end=_utc(max((each.head.end_ns for each in contents.chunks), default=None)),
        frames=sum(inbound),
        frames_not_recorded=None if not_recorded is None else int(not_recorded),
        sent=sum(n for topic, n in counts.items() if topic.startswith("out/")),
        rest=counts.get("rest", 0),
        connections=len(inbound),
        size_bytes=inspection.size,
        epoch=None if epoch is None else int(epoch),
        version=opening.get("version"),
    )


def _state(
    path: Path, inspection: Inspection
) -> Literal["closed", "recovered", "not closed", "damaged"]:
    if path.name.endswith(PART):
        return "not closed"
    if not inspection.has_footer:
        return "damaged"
    return "recovered" if RECOVERED in inspection.metadata else "closed"


def _utc(ns: int | None) -> datetime | None:
    return None if ns is None else datetime.fromtimestamp(ns / _NANOSECONDS, UTC)


def _table(rows: Sequence[_Row]) -> Text:
    width = printing.width()
    columns = [
        Column("file", _file_names(rows, width), is_text=True),
        Column("venue", [row.venue or "-" for row in rows], rank=2, is_text=True),
        Column("state", [row.state for row in rows], is_text=True),
        Column("from (UTC)", [_clock(row.start) for row in rows], rank=3, is_text=True),
        Column("to (UTC)", [_clock(row.end) for row in rows], rank=3, is_text=True),
        Column("frames", [f"{row.frames:,}" for row in rows]),
        Column("not recorded", [_not_recorded(row) for row in rows], rank=1),
        Column("sent", [f"{row.sent:,}" for row in rows], rank=5),
        Column("REST", [f"{row.rest:,}" for row in rows], rank=5),
        Column("MB", [f"{row.size_bytes / 1e6:,.1f}" for row in rows], rank=4),
    ]
    return printing.fitted_table(columns, width)


def _file_names(rows: Sequence[_Row], width: int) -> list[str]:
    """The paths; where they leave no space for the counts, their ends, which differ."""
    room = max(width - _COUNTS_WIDTH, _NAME_WIDTH)
    return [row.file if cell_len(row.file) <= room else f"…{row.file[1 - room :]}" for row in rows]


def _clock(at: datetime | None) -> str:
    return "-" if at is None else f"{at:%Y-%m-%d %H:%M:%S}"


def _not_recorded(row: _Row) -> str:
    return "-" if row.frames_not_recorded is None else f"{row.frames_not_recorded:,}"
