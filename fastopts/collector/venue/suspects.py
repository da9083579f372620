"""Marks symbols whose values readers must refuse until their next tick."""

from collections.abc import Sequence

from fastopts.collector.store.flusher import Flusher
from fastopts.collector.venue.pool import ConnectionPool
from fastopts.core import Table
from fastopts.model import FLAG_SUSPECT

__all__ = ("Suspects",)


class Suspects:
    """Sets the flag `suspect` in the records of symbols; their next tick clears it."""

    def __init__(self, table: Table, connections: ConnectionPool, flusher: Flusher) -> None:
        self._table = table
        self._connections = connections
        self._flusher = flusher

    def is_suspect(self, symbol: str) -> bool:
        """Whether *symbol* is marked."""
        return bool(self._table.flags_of(symbol) & FLAG_SUSPECT)

    def mark(self, symbols: Sequence[str]) -> None:
        """Mark *symbols*, and write their records."""
        if [symbol for symbol in symbols if self._table.mark_suspect(symbol)]:
            self._flusher.wake()

    def mark_and_resubscribe(self, symbols: Sequence[str]) -> None:
        """Mark *symbols*, and subscribe them again: the snapshot that follows clears the mark."""
        self.mark(symbols)
        self._connections.resubscribe(symbols)
