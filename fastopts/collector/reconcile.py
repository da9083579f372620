"""Compares what is held with the venue's REST answers, and subscribes anew what they contradict."""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence

from fastopts.collector.line import Line
from fastopts.collector.market import Market
from fastopts.core import Table
from fastopts.session.clocks import wall_ms
from fastopts.session.reconcile import Reconciler

__all__ = ("Reconciliation",)

log = logging.getLogger(__name__)


class Reconciliation:
    """`run` it in a task."""

    def __init__(
        self, market: Market, table: Table, lines: Sequence[Line], wake: Callable[[], None]
    ) -> None:
        self._market = market
        self._table = table
        self._lines = lines
        self._wake = wake
        self._reconciler = Reconciler()

    async def run(self, every_s: float) -> None:
        """Look for ever, every *every_s*."""
        while True:
            await asyncio.sleep(every_s)
            await self.look()

    async def look(self) -> None:
        """Ask REST once for each coin. A coin whose answer fails is not judged."""
        async for coin, rows in self._market.quotes("reconciliation"):
            held = self._held(coin)
            suspects = self._reconciler.judge(coin, rows.by_symbol, rows.time_ms, held)
            if suspects:
                self._doubt(suspects)

    def _held(self, coin: str) -> dict[str, Mapping[str, str]]:
        """The hashes of what is live: the rest is refused already, or expired."""
        table, now = self._table, wall_ms()
        return {
            symbol: table.fields(symbol)
            for symbol, instrument in self._market.instruments.items()
            if instrument.asset == coin
            and instrument.expiry_ms > now
            and table.origin_of(symbol)[0] in table.delivering
        }

    def _doubt(self, suspects: Sequence[str]) -> None:
        fresh = [symbol for symbol in suspects if self._table.mark_suspect(symbol)]
        if fresh:
            others = f" (nor do {len(fresh) - 1} others)" if len(fresh) > 1 else ""
            log.warning(
                "%s does not tick though REST moves on%s: subscribed anew", fresh[0], others
            )
            self._wake()
        for line in self._lines:
            line.renew(suspects)
