"""Moves symbols that their connection does not deliver to another one."""

import asyncio
import logging
from collections.abc import Sequence
from typing import Final

from fastopts.collector.venue.pool import ConnectionPool, SubscriptionPlan
from fastopts.core import Table
from fastopts.session.resubscribe_policy import ResubscribePolicy

__all__ = ("Resubscriber",)

log = logging.getLogger(__name__)

POLL_S: Final = 0.5


class Resubscriber:
    """Applies *policy* to the symbols that connections do not serve: `run` it in a task."""

    def __init__(
        self,
        connections: ConnectionPool,
        plan: SubscriptionPlan,
        policy: ResubscribePolicy,
        table: Table,
    ) -> None:
        self._connections = connections
        self._plan = plan
        self._policy = policy
        self._table = table

    async def run(self) -> None:
        """Poll until cancelled."""
        while True:
            await asyncio.sleep(POLL_S)
            if self._table.delivering:  # otherwise it is the venue that is silent, not a symbol
                self._poll()

    def _poll(self) -> None:
        unserved = [symbol for connection in self._connections for symbol in connection.unserved]
        moved, moved_back = self._policy.plan(unserved, asyncio.get_running_loop().time())
        if moved:
            log.warning("%s: not delivered, moved to another connection", _summary(moved))
            self._plan.move(moved)
        if moved_back:
            log.warning("%s: not delivered by any connection", _summary(moved_back))
            self._plan.move_back(moved_back)


def _summary(symbols: Sequence[str]) -> str:
    if len(symbols) == 1:
        return symbols[0]
    return f"{len(symbols)} symbols, such as {symbols[0]}"
