"""`History`: the recorded market of one venue: as of a moment, as ticks, as series over time."""

import time
from collections.abc import Callable
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

from fastopts.errors import BadInput, Unknown, clipped, shown
from fastopts.history import schema, series
from fastopts.history.archive import Archive
from fastopts.history.past import PastReader
from fastopts.history.recorded import RecordedTimes
from fastopts.history.times import Time, duration_us, parse_time
from fastopts.reader.objects.expiry import Expiry
from fastopts.reader.selection.arguments import symbol as symbol_text
from fastopts.reader.selection.spelling import canonical

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ("History",)


class History:
    """The market as it was recorded, in the files of `fastopts history make`.

    *path* is the folder of the captures (`--record`), with `history` in it. *venue* may be omitted
    if there is only one. Threads may share it. Needs the extra `history`. Raises BadInput for a
    folder without history, or with another venue's.

    Wherever a method takes a time, that is a datetime, ISO text, or ms since 1970. Without a zone
    it is in UTC. Text may also be a time of day, `14:32:05`: the last one that is recorded; or
    `-2h`, before now.
    """

    def __init__(self, path: "str | PathLike[str]", venue: str | None = None) -> None:
        schema.arrow()
        root = Path(path)
        self._archive = Archive(root, venue or _only_venue(root))

    def __repr__(self) -> str:
        return f"<History {self._archive.folder}>"

    @property
    def venue(self) -> str:
        """The venue, as its folder names it."""
        return self._archive.venue

    def coverage(self) -> RecordedTimes:
        """Return from when to when the market is recorded, and the gaps between.

        Raises NotRecorded if no hour is complete yet.
        """
        return self._archive.coverage()

    def at(self, at: Time) -> PastReader:
        """Return the market as it was at that time, with the methods of `OptionReader`.

        Values that were stale then are stale: the same rules judge them, by the feed of then.
        Raises NotRecorded for a time before or after the recording or within a gap, BadInput for an
        invalid time, and CaptureError for a damaged file.
        """
        coverage = self.coverage()
        return self._past(self._time_us(at, coverage), coverage)

    def ticks(self, symbol: str, start: Time, end: Time) -> "pa.Table":
        """Return the ticks of *symbol* from *start* to before *end*, in order, as an Arrow table.

        The columns are those of the files (docs/history.md), without `minute` and `keyframe`.
        Prices are exact decimals. Raises Unknown for an option that was not listed in that time,
        NotRecorded for times before or after the recording.
        """
        name = canonical(symbol_text(symbol)) or symbol
        start_us, end_us = self._range_us(start, end)
        if not self._archive.is_known(name, start_us, end_us):
            raise Unknown(f"no option {clipped(repr(name))} was listed in that time")
        return series.ticks(self._archive, name, start_us, end_us)

    def series(
        self,
        name: str,
        asset: str,
        expiry: Expiry | None = None,
        settle: str | None = None,
        *,
        days: float | None = None,
        start: Time | None = None,
        end: Time | None = None,
        every: str = "1m",
    ) -> "pa.Table":
        """Return a figure of `Chain` over time: `time`, `value`, and `missing`, why it is null.

        *name* is a field of a series, such as `atm_iv`, `forward` or `max_pain`; `risk_reversal_25`
        and `butterfly_10` name their delta. It is of one series (as in `OptionReader.chain`), or
        of a constant maturity of *days*: volatilities between two expiries are interpolated
        linearly in total variance, forwards linearly in time. Nothing is extrapolated. A time in a
        gap, without a live chain, or without both expiries has no value. *start* and *end* are by
        default what is recorded. Raises BadInput for other names.
        """
        coverage = self.coverage()
        start_us = coverage.start_us if start is None else self._time_us(start, coverage)
        end_us = coverage.end_us if end is None else self._time_us(end, coverage)
        _check_order(start_us, end_us)
        value = series.figure(name, asset, expiry, settle, days)
        moments = series.grid(start_us, end_us, duration_us(every))
        past: Callable[[int], PastReader] = lambda at_us: self._past(at_us, coverage)  # noqa: E731
        return series.table(moments, past, value)

    def _past(self, at_us: int, coverage: RecordedTimes) -> PastReader:
        coverage.check(at_us)
        self._archive.check_made(at_us)
        return PastReader(self._archive, at_us, coverage.gap_end_us(at_us))

    def _time_us(self, at: Time, coverage: RecordedTimes) -> int:
        return parse_time(at, time.time_ns() // 1000, coverage.end_us)

    def _range_us(self, start: Time, end: Time) -> tuple[int, int]:
        coverage = self.coverage()
        start_us, end_us = self._time_us(start, coverage), self._time_us(end, coverage)
        _check_order(start_us, end_us)
        coverage.check_overlap(start_us, end_us)
        return start_us, end_us


def _check_order(start_us: int, end_us: int) -> None:
    if start_us > end_us:
        raise BadInput("start: it is after the end: exchange them", arguments=("start",))


def _only_venue(root: Path) -> str:
    """The name of the only folder of a venue below *root*. Raises BadInput."""
    parent = schema.venue_folder(root, "x").parent
    venues = sorted(each.name for each in parent.iterdir()) if parent.is_dir() else []
    if len(venues) == 1:
        return venues[0]
    if venues:
        raise BadInput(f"{root}: history of {', '.join(venues)}: choose one with venue=")
    raise BadInput(f"{shown(str(root))}: no history in this folder: run `fastopts history make`")
