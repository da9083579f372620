"""All connections to the venue, and the distribution of symbols over them."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from fastopts.collector.tasks import TaskSupervisor
from fastopts.collector.venue.connection import ConnectionContext, VenueConnection
from fastopts.model import Instrument
from fastopts.session.shards import Change, Shards

__all__ = ("ConnectionPool", "SubscriptionPlan")


class ConnectionPool(Sequence[VenueConnection]):
    """The connections, by the number of their shard, with their totals."""

    def __init__(self) -> None:
        self._connections: list[VenueConnection] = []

    def __len__(self) -> int:
        return len(self._connections)

    def __iter__(self) -> Iterator[VenueConnection]:
        return iter(self._connections)

    def __getitem__(self, index: Any) -> Any:
        return self._connections[index]

    def append(self, connection: VenueConnection) -> None:
        """Add the connection of the next shard."""
        self._connections.append(connection)

    @property
    def open_count(self) -> int:
        """Number of open connections."""
        return sum(connection.is_open for connection in self)

    @property
    def live(self) -> int:
        """Number of symbols that open connections deliver in time."""
        return sum(connection.live for connection in self)

    @property
    def never(self) -> int:
        """Number of symbols that were subscribed more than once and never delivered."""
        return sum(len(connection.undelivered) for connection in self)

    @property
    def refused(self) -> int:
        """Number of symbols whose subscription the venue refuses for now."""
        return sum(len(connection.history.refused) for connection in self)

    @property
    def reconnects(self) -> int:
        """Number of connections that replaced a lost one so far."""
        return sum(connection.reconnects for connection in self)

    @property
    def false_acks(self) -> int:
        """Number of acknowledged subscriptions so far that delivered nothing."""
        return sum(connection.history.false_acks for connection in self)

    @property
    def refusals(self) -> int:
        """Number of refused subscriptions so far."""
        return sum(connection.history.refusals for connection in self)

    def invalidate(self) -> None:
        """Treat nothing as delivered until each connection delivers again."""
        for connection in self:
            connection.invalidate()

    def shift_lags(self, by_ms: int) -> None:
        """Correct measured lags: the venue's clock is *by_ms* ahead of the former estimate."""
        for connection in self:
            connection.shift_lags(by_ms)

    def resubscribe(self, symbols: Iterable[str]) -> None:
        """Subscribe *symbols* again, each on its own connection."""
        for connection in self:
            connection.resubscribe(symbols)


class SubscriptionPlan:
    """Keeps the connections' subscriptions in line with `shards`; opens connections as needed."""

    def __init__(
        self, connections: ConnectionPool, context: ConnectionContext, tasks: TaskSupervisor
    ) -> None:
        self._connections = connections
        self._context = context
        self._tasks = tasks
        self._shards = Shards()

    def update(self, listed: Sequence[Instrument], delisted: Sequence[Instrument]) -> None:
        """Subscribe *listed*, unsubscribe *delisted*."""
        symbols = [instrument.symbol for instrument in delisted]
        self._apply(self._shards.update(listed, symbols))

    def move(self, symbols: Iterable[str]) -> None:
        """Move *symbols* to other connections, as theirs do not deliver them."""
        self._apply(self._shards.move(symbols))

    def move_back(self, symbols: Iterable[str]) -> None:
        """Move *symbols*, which no connection delivers, to where most others are."""
        self._apply(self._shards.move_back(symbols))

    def _apply(self, changes: Sequence[Change]) -> None:
        for change in changes:
            number = change.shard.number
            # Shards are numbered in the order in which they were opened, as connections are.
            if number == len(self._connections):
                connection = VenueConnection(change.shard, self._context)
                self._connections.append(connection)
                connection.task = self._tasks.start(f"connection {number}", connection.run())
            else:
                self._connections[number].change(change.added, change.removed)
