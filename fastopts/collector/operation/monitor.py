"""The monitor: coverage, status line and warnings, at intervals."""

import asyncio
import logging
import time
from dataclasses import dataclass

from fastopts import metrics, model
from fastopts.collector.limits import CollectorLimits
from fastopts.collector.operation.loop_lag import LoopLag
from fastopts.collector.operation.progress import ProgressBars
from fastopts.collector.operation.status import Status, log_status
from fastopts.collector.store.statistics import Statistics
from fastopts.collector.store.writer import WAITING, Writer
from fastopts.collector.venue.pool import ConnectionPool
from fastopts.collector.venue.universe import InstrumentUniverse
from fastopts.contract import StatsField
from fastopts.core import Table
from fastopts.session.alarms import Alarms
from fastopts.session.resubscribe_policy import ResubscribePolicy

__all__ = ("Monitor", "Observed")

log = logging.getLogger(__name__)

COVERAGE_ENOUGH = 0.99
COVERAGE_WITHIN_S = 20.0
POLL_S = 0.25


@dataclass(frozen=True, slots=True)
class Observed:
    """The parts of a collector of which the status consists."""

    table: Table
    universe: InstrumentUniverse
    connections: ConnectionPool
    writer: Writer
    statistics: Statistics
    policy: ResubscribePolicy


class Monitor:
    """Watches one collector: `run` it in a task."""

    def __init__(
        self,
        venue: str,
        observed: Observed,
        status_s: float,
        limits: CollectorLimits | None = None,
    ) -> None:
        self._venue = venue
        self._table = observed.table
        self._universe = observed.universe
        self._connections = observed.connections
        self._writer = observed.writer
        self._statistics = observed.statistics
        self._policy = observed.policy
        self._status_s = status_s
        self._limits = limits or CollectorLimits()
        self._alarms = Alarms()
        self.lag = LoopLag()
        self._logged_reasons: set[str] = set()  # of rejected messages
        self._logged_fields: set[str] = set()  # unknown ones
        # Time, messages and CPU time at the last status, of which the next one's rates are.
        self._rate_base = (time.monotonic(), 0, metrics.cpu_s())
        self.absent_fields: tuple[str, ...] = ()
        """Fields that no option's newest tick has: the venue omits them or sends empty texts."""
        self._absent_checked_at = float("-inf")

    async def run(self, bars: ProgressBars) -> None:
        """Show the first quotes on *bars*, then log status and warnings until cancelled."""
        self.lag.begin()
        try:
            await self._until_covered(bars)
            while True:
                self._update_feed()
                status = self.take_status()
                log_status(status)
                warnings = (*self._alarms_of(status), *self._new_rejects(), *self._new_fields())
                for text in (*warnings, *self._check_absent_fields()):
                    log.warning("%s", text)
                await asyncio.sleep(self._status_s)
        finally:
            self.lag.end()

    def status(self) -> Status:
        """Return the present status; rates are those since the last `take_status`."""
        return self._status(self.lag.worst_ms)

    def take_status(self) -> Status:
        """Return the present status, and begin the next period of its rates."""
        status = self._status(self.lag.take_ms())
        self._rate_base = (time.monotonic(), self._table.received, metrics.cpu_s())
        return status

    def _status(self, loop_lag_ms: float) -> Status:
        table, connections = self._table, self._connections
        last_at, last_received, last_cpu_s = self._rate_base
        elapsed_s = max(time.monotonic() - last_at, 1e-9)
        covered, total, never = self.coverage()
        fields = self._statistics.fields()
        counts = self.counts()
        return Status(
            venue=self._venue,
            rate=(table.received - last_received) / elapsed_s,
            covered=covered,
            wanted=total,
            never=never,
            refused=connections.refused,
            connections=connections.open_count,
            reconnects=counts[StatsField.RECONNECTS],
            false_acks=counts[StatsField.FALSE_ACKS],
            refusals=counts[StatsField.REFUSALS],
            moved=counts[StatsField.MOVED],
            received=table.received,
            applied=table.applied,
            older=table.older,
            rejected=sum(table.rejected.values()),
            suspects=table.suspects,
            suspects_now=table.suspects_now,
            written=table.written,
            conflated=table.conflated,
            pending=table.pending,
            writer=self._writer.state,
            lag_ms=self._writer.flusher.lag.quantile_ms(0.5),
            cpu_percent=100 * (metrics.cpu_s() - last_cpu_s) / elapsed_s,
            rss_mb=metrics.rss_mb(),
            heap_mb=metrics.heap_in_use_mb(),
            loop_lag_ms=loop_lag_ms,
            skipped=int(fields.get(StatsField.SKIPPED, "0")),
            missing=int(fields.get(StatsField.MISSING, "0")),
            overdue=fields.get(StatsField.OVERDUE, ""),
            recording=fields[StatsField.RECORDING],
            frames_recorded=int(fields.get(StatsField.FRAMES_RECORDED, "0")),
            frames_not_recorded=int(fields.get(StatsField.FRAMES_NOT_RECORDED, "0")),
        )

    def counts(self) -> dict[str, int]:
        """Return what happened to connections and subscriptions so far, by field of `stats`."""
        return {
            StatsField.RECONNECTS: self._connections.reconnects,
            StatsField.FALSE_ACKS: self._connections.false_acks,
            StatsField.REFUSALS: self._connections.refusals,
            StatsField.MOVED: self._policy.moves,
        }

    def coverage(self) -> tuple[int, int, int]:
        """Return the numbers of symbols that are live, wanted, and never delivered."""
        live = self._writer.live(self._connections.live)
        return live, len(self._universe.instruments), self._connections.never

    def statistics(self) -> dict[str, str]:
        """Return the fields of `stats` about connections, and about fields of ticks."""
        counts = {name: str(count) for name, count in self.counts().items()}
        return {**counts, StatsField.ABSENT_FIELDS: ",".join(self.absent_fields)}

    def _update_feed(self) -> None:
        """Set the coverage that readers see.

        Here rather than with each heartbeat, as it looks at every symbol.
        """
        feed = self._writer.feed
        feed.covered = self._connections.live
        feed.wanted = len(self._universe.instruments)
        feed.never = self._connections.never

    async def _until_covered(self, bars: ProgressBars) -> None:
        """Show the progress of first quotes until nearly all are there, or for 20 s."""
        deadline = time.monotonic() + COVERAGE_WITHIN_S
        while time.monotonic() < deadline:
            self._update_feed()
            covered, total, _ = self.coverage()
            bars.show("first quotes", covered, total)
            if covered >= COVERAGE_ENOUGH * total:
                break
            await asyncio.sleep(POLL_S)
        bars.close()

    def _alarms_of(self, status: Status) -> list[str]:
        lag_ms = None if status.writer == WAITING else status.lag_ms or 0.0
        skew = self._writer.skew()
        return self._alarms.judge(
            time.monotonic(),
            rate=status.rate,
            covered=status.covered,
            wanted=status.wanted,
            lag_ms=lag_ms,
            skew_ms=None if skew is None else skew.ms,
            loop_lag_ms=status.loop_lag_ms,
        )

    def _new_rejects(self) -> list[str]:
        """Return an example of each reason for which messages are rejected for the first time."""
        # One example per reason and run: a venue that sends nothing else must not fill the log.
        samples = self._table.samples
        reasons = samples.keys() - self._logged_reasons
        self._logged_reasons |= reasons
        return [f"rejected ({name}), for example: {samples[name]!r}" for name in sorted(reasons)]

    def _new_fields(self) -> list[str]:
        """Return a warning about unknown fields that appeared since the last call."""
        names = sorted(self._table.unknown_names - self._logged_fields)
        self._logged_fields.update(names)
        return [f"the venue sends unknown fields: {names!r}"] if names else []

    def _check_absent_fields(self) -> list[str]:
        """Once a minute, update `absent_fields`; return a warning when they change."""
        now = time.monotonic()
        if now - self._absent_checked_at < self._limits.absent_fields_every_s:
            return []
        self._absent_checked_at = now
        before, self.absent_fields = self.absent_fields, self._find_absent_fields()
        if self.absent_fields == before or not self.absent_fields:
            return []
        return [f"no option has {', '.join(self.absent_fields)}: the venue does not send it"]

    def _find_absent_fields(self) -> tuple[str, ...]:
        """Return the fields that no option's newest tick has.

        As a rule the first few options have all fields between them, which ends the search.
        """
        table, missing = self._table, set(model.NUMBER_INDEX)
        has_ticked = False
        for symbol in self._universe.instruments:
            if not missing:
                return ()
            if table.origin_of(symbol)[0]:
                has_ticked = True
                missing -= table.fields(symbol).keys()
        return tuple(n for short, n in model.NUMBERS if has_ticked and short in missing)
