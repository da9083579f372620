"""Looks at the whole collector again and again: coverage, status line, warnings."""

import asyncio
import logging
import time
from collections.abc import Sequence

from fastopts import metrics, model
from fastopts.collector.operation.loop_lag import LoopLag
from fastopts.collector.operation.progress import ProgressBars
from fastopts.collector.operation.status import Status, log_status
from fastopts.collector.store.writer import WAITING, Writer
from fastopts.collector.venue.connection import VenueConnection
from fastopts.collector.venue.universe import InstrumentUniverse
from fastopts.contract import StatsField
from fastopts.core import Table
from fastopts.session.alarms import Alarms
from fastopts.session.resubscribe_policy import ResubscribePolicy

__all__ = ("Monitor",)

log = logging.getLogger(__name__)

COVERED_ENOUGH = 0.99
COVERAGE_WITHIN_S = 20.0
LOOK_S = 0.25
FIELDS_AGAIN_S = 60.0


class Monitor:
    """`run` it in a task; `status` may be asked at any time."""

    def __init__(
        self,
        venue: str,
        table: Table,
        market: InstrumentUniverse,
        lines: Sequence[VenueConnection],
        writer: Writer,
        moves: ResubscribePolicy,
        status_s: float,
    ) -> None:
        self._venue = venue
        self._table = table
        self._market = market
        self._lines = lines
        self._writer = writer
        self._moves = moves
        self._status_s = status_s
        self._alarms = Alarms()
        self.lag = LoopLag()
        self._shown: set[str] = set()  # reasons of rejects
        self._named: set[str] = set()  # unknown fields
        self._last = (time.monotonic(), 0, metrics.cpu_s())
        self.absent_fields: tuple[str, ...] = ()
        """Fields that no option's newest tick has: the venue omits them, or sends empty texts."""
        self._fields_at = float("-inf")

    async def run(self, bars: ProgressBars) -> None:
        """Show how the symbols come in, then tell the status for ever."""
        self.lag.begin()
        try:
            await self._look(bars)
        finally:
            self.lag.end()

    async def _look(self, bars: ProgressBars) -> None:
        await self._until_covered(bars)
        while True:
            status = self.status()
            log_status(status)
            warnings = (*self._warnings(status), *self._rejects(), *self._novelties())
            for words in (*warnings, *self._absences()):
                log.warning("%s", words)
            await asyncio.sleep(self._status_s)

    def status(self) -> Status:
        """Look at everything once; rates are since the last look."""
        table = self._table
        now, received, cpu_s = time.monotonic(), table.received, metrics.cpu_s()
        last_at, last_received, last_cpu_s = self._last
        self._last = (now, received, cpu_s)
        elapsed_s = max(now - last_at, 1e-9)
        covered, wanted, never = self.coverage()
        counts = self.counts()
        self._writer.counts = counts
        facts = self._writer.facts()
        return Status(
            venue=self._venue,
            rate=(received - last_received) / elapsed_s,
            covered=covered,
            wanted=wanted,
            never=never,
            refused=sum(len(line.learned.refused) for line in self._lines),
            connections=sum(line.is_open for line in self._lines),
            **counts,
            received=received,
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
            cpu_percent=100 * (cpu_s - last_cpu_s) / elapsed_s,
            rss_mb=metrics.rss_mb(),
            heap_mb=metrics.heap_in_use_mb(),
            loop_lag_ms=self.lag.take_ms(),
            skipped=int(facts.get(StatsField.SKIPPED, "0")),
            missing=int(facts.get(StatsField.MISSING, "0")),
            overdue=facts.get(StatsField.OVERDUE, ""),
        )

    def counts(self) -> dict[str, int]:
        """What happened to connections and subscriptions so far."""
        return {
            StatsField.RECONNECTS: sum(line.reconnects for line in self._lines),
            StatsField.FALSE_ACKS: sum(line.learned.false_acks for line in self._lines),
            StatsField.REFUSALS: sum(line.learned.refusals for line in self._lines),
            StatsField.MOVED: self._moves.moves,
        }

    def _warnings(self, status: Status) -> list[str]:
        lag_ms = None if status.writer == WAITING else status.lag_ms or 0.0
        skew = self._writer.skew()
        skew_ms = None if skew is None else skew.ms
        return self._alarms.judge(
            time.monotonic(),
            rate=status.rate,
            covered=status.covered,
            wanted=status.wanted,
            lag_ms=lag_ms,
            skew_ms=skew_ms,
            loop_lag_ms=status.loop_lag_ms,
        )

    def _rejects(self) -> list[str]:
        """The first rejected message for each reason that is new."""
        fresh = self._table.samples.keys() - self._shown
        self._shown |= fresh
        return [f"rejected ({r}), for example: {self._table.samples[r]!r}" for r in sorted(fresh)]

    def _novelties(self) -> list[str]:
        """The names of fields that are new since the last look."""
        fresh = sorted(self._table.unknown_names - self._named)
        self._named.update(fresh)
        return [f"the venue sends fields that are not known: {fresh!r}"] if fresh else []

    def _absences(self) -> list[str]:
        """Look once a minute for fields that no option has; what to say when these change."""
        now = time.monotonic()
        if now - self._fields_at < FIELDS_AGAIN_S:
            return []
        self._fields_at = now
        before, self.absent_fields = self.absent_fields, self._absent()
        if self.absent_fields == before or not self.absent_fields:
            return []
        return [f"no option has {', '.join(self.absent_fields)}: the venue sends none"]

    def _absent(self) -> tuple[str, ...]:
        """As a rule the first few options have all fields between them, and that is the end."""
        table, missing = self._table, set(model.NUMBER_INDEX)
        has_ticked = False
        for symbol in self._market.instruments:
            if not missing:
                return ()
            if table.origin_of(symbol)[0]:
                has_ticked = True
                missing -= table.fields(symbol).keys()
        return tuple(n for short, n in model.NUMBERS if has_ticked and short in missing)

    async def _until_covered(self, bars: ProgressBars) -> None:
        """Show how the symbols come in, until nearly all have, or for twenty seconds."""
        deadline = time.monotonic() + COVERAGE_WITHIN_S
        while time.monotonic() < deadline:
            covered, wanted, _ = self.coverage()
            bars.show("first quotes", covered, wanted)
            if covered >= COVERED_ENOUGH * wanted:
                break
            await asyncio.sleep(LOOK_S)
        bars.close()

    def coverage(self) -> tuple[int, int, int]:
        """Count the symbols that are live, wanted and never delivered, and update the feed."""
        feed = self._writer.feed
        feed.covered = sum(line.live for line in self._lines)
        feed.wanted = len(self._market.instruments)
        feed.never = sum(len(line.never) for line in self._lines)
        return self._writer.live, feed.wanted, feed.never
