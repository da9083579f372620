"""What the operator sees: progress at the start, then a status line, warnings, the log's form."""

import json
import logging
import sys
import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from fastopts.errors import masked, one_line
from fastopts.log_handler import Drain

if TYPE_CHECKING:
    import rich.progress

__all__ = ("Bars", "Status", "set_up_logging")

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Status:
    """One look at the collector. Counts are since its start."""

    venue: str
    rate: float  # messages/s since the last status
    covered: int  # symbols that are live to readers; on a standby, that it could take over
    wanted: int
    never: int  # asked for more than once, and never came
    refused: int  # by the venue, and to be asked for later
    connections: int
    reconnects: int
    false_acks: int
    refusals: int
    moved: int  # to another connection
    received: int
    applied: int
    older: int
    rejected: int
    suspects: int  # found so far: REST contradicted them, and they did not tick
    suspects_now: int
    written: int
    conflated: int
    pending: int
    writer: str  # writing, waiting for Redis, standing by
    lag_ms: float | None  # from a batch's sending to its acknowledgement, median
    cpu_percent: float  # of one core, since the last status
    rss_mb: float
    heap_mb: float | None = None  # in use, of what is resident; None where it can't be told
    loop_lag_ms: float = 0.0  # how late the event loop came to a timer, at worst since the last
    skipped: int = 0  # listed, and not tracked
    missing: int = 0  # of the suspect: REST lists them no more
    overdue: str = ""  # periodic duties without success for too long

    def __str__(self) -> str:
        lag = "-" if self.lag_ms is None else f"{self.lag_ms:.1f} ms"
        redis = f"Redis {lag}" if self.writer == "writing" else self.writer
        return (
            f"{self.venue}: {self.covered:,} of {self.wanted:,} symbols live{self._missing()}"
            f" · {self.rate:,.0f} msg/s"
            f" · received {self.received:,} = applied {self.applied:,} + older {self.older:,}"
            f" + rejected {self.rejected:,}"
            f" · applied = written {self.written:,} + conflated {self.conflated:,}"
            f" + pending {self.pending:,}"
            f" · {redis} · loop {self.loop_lag_ms:.0f} ms"
            f" · {self.connections} connections{self._false_acks()}"
            f" · CPU {self.cpu_percent:.1f} % · {self.rss_mb:.0f} MB"
        )

    def _missing(self) -> str:
        never = f", {self.never:,} never" if self.never else ""
        refused = f", {self.refused:,} refused" if self.refused else ""
        suspect = f", {self.suspects_now:,} suspect" if self.suspects_now else ""
        missing = f" ({self.missing:,} missing from REST)" if self.missing else ""
        skipped = f", {self.skipped:,} listed and not tracked" if self.skipped else ""
        overdue = f", OVERDUE: {self.overdue}" if self.overdue else ""
        return never + refused + suspect + missing + skipped + overdue

    def _false_acks(self) -> str:
        return f", {self.false_acks:,} false acks" if self.false_acks else ""


def tell(status: Status) -> None:
    """Log the status: as a line, or as fields when the log is JSON."""
    log.info("%s", status, extra={"status": asdict(status)})


class _Formatter(logging.Formatter):
    def formatException(self, ei: Any) -> str:  # noqa: N802 - logging's name
        return masked(super().formatException(ei))


class _TextFormatter(_Formatter):
    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's name
        record.message = one_line(record.message)
        return super().formatMessage(record)


class _JsonFormatter(_Formatter):
    def format(self, record: logging.LogRecord) -> str:
        fields: dict[str, Any] = {
            "time": self.formatTime(record, "%Y-%m-%dT%H:%M:%S") + f".{int(record.msecs):03d}Z",
            "level": record.levelname,
            "message": _as_utf8(masked(record.getMessage())),
        }
        status = getattr(record, "status", None)
        if status is not None:
            fields["status"] = status
        if record.exc_info:
            fields["exception"] = _as_utf8(self.formatException(record.exc_info))
        return json.dumps(fields, default=str)  # in ASCII, which any stream takes


def _as_utf8(text: str) -> str:
    """*text* with what UTF-8 can't hold escaped: half a surrogate pair must not cost a line."""
    return text.encode(errors="backslashreplace").decode()


def set_up_logging(form: str) -> Drain:
    """Log to stderr, in UTC; *form* is `text` or `json`. What stderr does not take is dropped.

    Close what is returned at the end: it writes what waits.
    """
    formatter: logging.Formatter
    if form == "json":
        formatter = _JsonFormatter()
    else:
        formatter = _TextFormatter("%(asctime)s %(levelname)-7s %(message)s", "%H:%M:%SZ")
    formatter.converter = time.gmtime
    handler = Drain(sys.stderr.fileno())
    handler.setFormatter(formatter)
    root = logging.getLogger("fastopts")
    root.handlers[:] = [handler]
    root.setLevel(logging.INFO)
    root.propagate = False
    return handler


class Bars:
    """Progress bars on a terminal; nothing elsewhere. They end with `close`."""

    def __init__(self, is_wanted: bool) -> None:
        self._progress: rich.progress.Progress | None = None
        self._tasks: dict[str, rich.progress.TaskID] = {}
        if is_wanted and sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import Progress

            self._progress = Progress(console=Console(stderr=True), transient=True)
            self._progress.start()

    def show(self, name: str, done: int, total: int) -> None:
        if self._progress is None:
            return
        if name not in self._tasks:
            self._tasks[name] = self._progress.add_task(name, total=total)
        self._progress.update(self._tasks[name], completed=done, total=total)

    def close(self) -> None:
        if self._progress is not None:
            self._progress.stop()
            self._progress = None
