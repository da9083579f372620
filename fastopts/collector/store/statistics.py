"""The content of the hash `stats`: counters of the table and of registered sources."""

import time
from collections.abc import Callable, Mapping

from fastopts.contract import StatsField
from fastopts.core import Table

__all__ = ("Source", "Statistics")

# Returns fields of `stats` with their values as text.
Source = Callable[[], Mapping[str, str]]


class Statistics:
    """Fields of `stats`: the terms of the loss equations, and the fields of all sources.

    The counters are since the start of the collector.
    """

    def __init__(self, table: Table, venue: str) -> None:
        self._table = table
        self._venue = venue
        self._started_at = time.time()
        self._sources: list[Source] = []

    def add_source(self, source: Source) -> None:
        """Add the fields that *source* returns each time they are written."""
        self._sources.append(source)

    def fields(self) -> Mapping[str, str]:
        """Return all fields."""
        fields = self._table_fields()
        for source in self._sources:
            fields.update(source())
        return fields

    def totals(self) -> Mapping[str, str]:
        """Return the fields that are written when a collector ends."""
        now = time.time()
        received = self._table.received
        return {
            StatsField.SHUTDOWN_TIME: f"{now:.3f}",
            StatsField.TOTAL_MESSAGES: str(received),
            StatsField.AVG_MSG_RATE: f"{received / max(now - self._started_at, 1e-9):.1f}",
        }

    def _table_fields(self) -> dict[str, str]:
        table = self._table
        rejected = table.rejected
        return {
            StatsField.VENUE: self._venue,
            # The older trackers' name of `received`: their tools read it.
            StatsField.MESSAGES: str(table.received),
            StatsField.LAST_UPDATE: f"{time.time():.3f}",
            StatsField.STARTED_AT: f"{self._started_at:.3f}",
            StatsField.RECEIVED: str(table.received),
            StatsField.APPLIED: str(table.applied),
            StatsField.OLDER: str(table.older),
            StatsField.REJECTED: str(sum(rejected.values())),
            StatsField.WRITTEN: str(table.written),
            StatsField.CONFLATED: str(table.conflated),
            StatsField.PENDING: str(table.pending),
            **{f"{StatsField.REJECTED_BY}{name}": str(count) for name, count in rejected.items()},
            StatsField.BAD_FIELDS: str(table.bad_fields),
            StatsField.MISSING_FIELDS: str(table.missing_fields),
            StatsField.UNKNOWN_FIELDS: str(table.unknown_fields),
            StatsField.SUSPECTS: str(table.suspects),
            StatsField.SUSPECTS_NOW: str(table.suspects_now),
            StatsField.DELTAS: str(table.deltas),
            StatsField.UNUSUAL: str(table.general),
            StatsField.VANISHED: str(table.vanished),
        }
