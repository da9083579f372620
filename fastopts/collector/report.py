"""What the operator sees: progress at the start, then a status line, warnings, the log's form."""

import logging
import resource
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from fastopts.errors import one_line

if TYPE_CHECKING:
    import rich.progress

__all__ = ("Bars", "Status", "cpu_s", "rss_mb", "set_up_logging")

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Status:
    """One look at the collector. Counts are since its start."""

    venue: str
    rate: float  # messages/s since the last status
    covered: int  # symbols whose open connection has delivered them
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
    written: int
    conflated: int
    pending: int
    lag_ms: float | None  # from a batch's sending to its acknowledgement, median
    cpu_percent: float  # of one core, since the last status
    rss_mb: float

    def __str__(self) -> str:
        lag = "-" if self.lag_ms is None else f"{self.lag_ms:.1f} ms"
        return (
            f"{self.venue}: {self.covered:,} of {self.wanted:,} symbols live{self._missing()}"
            f" · {self.rate:,.0f} msg/s"
            f" · received {self.received:,} = applied {self.applied:,} + older {self.older:,}"
            f" + rejected {self.rejected:,}"
            f" · applied = written {self.written:,} + conflated {self.conflated:,}"
            f" + pending {self.pending:,}"
            f" · Redis {lag} · {self.connections} connections{self._false_acks()}"
            f" · CPU {self.cpu_percent:.1f} % · {self.rss_mb:.0f} MB"
        )

    def _missing(self) -> str:
        never = f", {self.never:,} never" if self.never else ""
        return never + (f", {self.refused:,} refused" if self.refused else "")

    def _false_acks(self) -> str:
        return f", {self.false_acks:,} false acks" if self.false_acks else ""


def tell(status: Status) -> None:
    """Log the status: as a line, or as fields when the log is JSON."""
    log.info("%s", status, extra={"status": asdict(status)})


def cpu_s() -> float:
    """CPU time of this process so far, in seconds."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def rss_mb() -> float:
    """Resident memory of this process, in MB (10**6 bytes)."""
    statm = Path("/proc/self/statm")
    if statm.exists():
        return int(statm.read_text().split()[1]) * resource.getpagesize() / 1e6
    # elsewhere only the highest so far is told, in bytes on macOS
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


class _TextFormatter(logging.Formatter):
    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's name
        record.message = one_line(record.message)
        return super().formatMessage(record)


class _JsonFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        fields: dict[str, Any] = {
            "time": self.formatTime(record, "%Y-%m-%dT%H:%M:%S") + f".{int(record.msecs):03d}Z",
            "level": record.levelname,
            "message": record.getMessage(),
        }
        status = getattr(record, "status", None)
        if status is not None:
            fields["status"] = status
        if record.exc_info:
            fields["exception"] = self.formatException(record.exc_info)
        return orjson.dumps(fields, default=str).decode()


def set_up_logging(form: str) -> None:
    """Log to stderr, in UTC; *form* is `text` or `json`."""
    formatter: logging.Formatter
    if form == "json":
        formatter = _JsonFormatter()
    else:
        formatter = _TextFormatter("%(asctime)s %(levelname)-7s %(message)s", "%H:%M:%SZ")
    formatter.converter = time.gmtime
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    root = logging.getLogger("fastopts")
    root.handlers[:] = [handler]
    root.setLevel(logging.INFO)
    root.propagate = False


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
