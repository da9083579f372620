"""Moves symbols that don't come over their connection to another one."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Final

from fastopts.collector.venue.connection import VenueConnection
from fastopts.core import Table
from fastopts.session.resubscribe_policy import ResubscribePolicy
from fastopts.session.shards import Change, Shards
from fastopts.venues.bybit.session import Timing

__all__ = ("Resubscriber",)

log = logging.getLogger(__name__)

LOOK_S: Final = 0.5


class Resubscriber:
    """`run` it in a task; *deal* brings what changes to the lines."""

    def __init__(
        self,
        lines: Sequence[VenueConnection],
        shards: Shards,
        table: Table,
        timing: Timing,
        deal: Callable[[Sequence[Change]], None],
    ) -> None:
        self.moves = ResubscribePolicy(timing.moved_again_after)
        self._lines = lines
        self._shards = shards
        self._table = table
        self._deal = deal

    async def run(self) -> None:
        while True:
            await asyncio.sleep(LOOK_S)
            if self._table.delivering:  # else it is the venue that is silent, not a symbol
                self._look()

    def _look(self) -> None:
        silent = [symbol for line in self._lines for symbol in line.silent]
        elsewhere, home = self.moves.plan(silent, asyncio.get_running_loop().time())
        if elsewhere:
            log.warning("%s: not delivered, tried on another connection", _named(elsewhere))
            self._deal(self._shards.move(elsewhere))
        if home:
            log.warning("%s: not delivered by any connection", _named(home))
            self._deal(self._shards.move_back(home))


def _named(symbols: Sequence[str]) -> str:
    if len(symbols) == 1:
        return symbols[0]
    return f"{len(symbols)} symbols, such as {symbols[0]}"
