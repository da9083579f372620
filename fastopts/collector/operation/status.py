"""The status of a collector: a snapshot of its counters, and the status line."""

import logging
from dataclasses import asdict, dataclass

from fastopts.capture.status import OFF

__all__ = ("Status", "log_status")

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Status:
    """A snapshot of the collector. Counts are since its start; `str` gives the status line.

    The field names are those of `status` in JSON logs.
    """

    venue: str
    rate: float  # messages/s since the last status
    covered: int  # symbols that are live for readers; on a standby: that it could take over
    wanted: int  # symbols of the universe
    never: int  # subscribed more than once, and never delivered
    refused: int  # by the venue; subscribed again later
    connections: int  # to the venue, open
    reconnects: int
    false_acks: int  # acknowledged subscriptions that delivered nothing
    refusals: int
    moved: int  # subscriptions moved to another connection
    received: int
    applied: int
    older: int
    rejected: int
    suspects: int  # so far: symbols that REST contradicted while they did not tick
    suspects_now: int
    written: int
    conflated: int
    pending: int
    writer: str  # writing, waiting for Redis, standing by
    lag_ms: float | None  # from sending a batch to its last acknowledgement, median
    cpu_percent: float  # of one core, since the last status
    rss_mb: float
    heap_mb: float | None = None  # allocated by malloc; None where that is unknown
    loop_lag_ms: float = 0.0  # the latest that the event loop ran a timer since the last status
    skipped: int = 0  # listed by the venue and not tracked
    missing: int = 0  # suspects that REST no longer lists
    recording: str = OFF  # or recording, slow, stopped
    frames_recorded: int = 0
    frames_not_recorded: int = 0
    overdue: str = ""  # names of overdue duties, separated by commas

    def __str__(self) -> str:
        lag = "-" if self.lag_ms is None else f"{self.lag_ms:.1f} ms"
        redis = f"Redis {lag}" if self.writer == "writing" else self.writer
        return (
            f"{self.venue}: {self.covered:,} of {self.wanted:,} symbols live{self._exceptions()}"
            f" · {self.rate:,.0f} msg/s"
            f" · received {self.received:,} = applied {self.applied:,} + older {self.older:,}"
            f" + rejected {self.rejected:,}"
            f" · applied = written {self.written:,} + conflated {self.conflated:,}"
            f" + pending {self.pending:,}"
            f" · {redis} · loop {self.loop_lag_ms:.0f} ms{self._recorded()}"
            f" · {self.connections} connections{self._false_acks()}"
            f" · CPU {self.cpu_percent:.1f} % · {self.rss_mb:.0f} MB"
        )

    def _exceptions(self) -> str:
        """The counts that are 0 in normal operation, where they are not."""
        never = f", {self.never:,} never" if self.never else ""
        refused = f", {self.refused:,} refused" if self.refused else ""
        suspect = f", {self.suspects_now:,} suspect" if self.suspects_now else ""
        missing = f" ({self.missing:,} missing from REST)" if self.missing else ""
        skipped = f", {self.skipped:,} listed but not tracked" if self.skipped else ""
        overdue = f", OVERDUE: {self.overdue}" if self.overdue else ""
        return never + refused + suspect + missing + skipped + overdue

    def _recorded(self) -> str:
        if self.recording == OFF:
            return ""
        state = "" if self.recording == "recording" else f" ({self.recording.upper()})"
        lost = f", {self.frames_not_recorded:,} NOT RECORDED" if self.frames_not_recorded else ""
        return f" · recorded {self.frames_recorded:,}{lost}{state}"

    def _false_acks(self) -> str:
        return f", {self.false_acks:,} false acks" if self.false_acks else ""


def log_status(status: Status) -> None:
    """Log the status line; JSON logs carry the fields as `status`, too."""
    log.info("%s", status, extra={"status": asdict(status)})
