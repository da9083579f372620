"""Compares the values held with the venue's REST answers; renews subscriptions that look dead."""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from fastopts.collector.operation.duties import Duty
from fastopts.collector.store.outage_log import ConditionLog
from fastopts.collector.venue.connection import VenueConnection
from fastopts.collector.venue.universe import InstrumentUniverse
from fastopts.core import Table
from fastopts.model import FLAG_SUSPECT
from fastopts.session.staleness_rule import StalenessRule
from fastopts.venues.bybit.rest import TickerRows

__all__ = ("RestCheck",)

log = logging.getLogger(__name__)

# A coin without an answer for so many rounds in which others had one counts as one without rows.
FAILED_ROUNDS_MAX = 3


class RestCheck:
    """`run` it in a task. `missing` are the suspect symbols that REST does not list any more."""

    def __init__(
        self,
        market: InstrumentUniverse,
        table: Table,
        lines: Sequence[VenueConnection],
        wake: Callable[[], None],
    ) -> None:
        self._market = market
        self._table = table
        self._lines = lines
        self._wake = wake
        self._reconciler = StalenessRule()
        self._missing_of: dict[str, tuple[str, ...]] = {}
        self._renewals: Counter[str] = Counter()  # of symbols that are missing again and again
        self._failed_rounds: Counter[str] = Counter()
        self._warning = ConditionLog(logging.WARNING)

    @property
    def missing(self) -> list[str]:
        return [symbol for symbols in self._missing_of.values() for symbol in symbols]

    async def run(self, duty: Duty) -> None:
        """Look for ever, as often as *duty* is due."""
        while True:
            await asyncio.sleep(duty.every_s)
            await duty.attempt(self.look())

    async def look(self) -> bool:
        """Ask REST once for each coin, and judge; True when every coin was answered."""
        failed, answered = [], False
        async for coin, rows in self._market.quotes("reconciliation"):
            if rows is None:
                failed.append(coin)
                continue
            answered = True
            self._failed_rounds.pop(coin, None)
            self._judge(coin, rows)
        if answered:  # else it is REST that fails, and not a coin that is gone
            self._failed_rounds.update(failed)
            for coin in failed:
                if self._failed_rounds[coin] >= FAILED_ROUNDS_MAX:
                    self._judge(coin, TickerRows(self._market.now_ms(), {}))
        self._warn()
        return not failed

    def distrust(self, symbols: Sequence[str]) -> None:
        """Refuse the values of *symbols* until they tick, and subscribe anew to them."""
        self._refuse(symbols)
        self._renew(symbols)

    def _judge(self, coin: str, rows: TickerRows) -> None:
        verdict = self._reconciler.judge(coin, rows.by_symbol, rows.time_ms, self._held(coin))
        self._missing_of[coin] = verdict.missing
        if verdict.contradicted:
            self._warn_of(verdict.contradicted)
            self.distrust(verdict.contradicted)
        tracked = self._market.tracked()
        for symbol in list(self._renewals):
            if symbol in rows.by_symbol or symbol not in tracked:
                del self._renewals[symbol]
        # A snapshot may come for an option that is no more: renew ever more rarely.
        self._renewals.update(verdict.missing)
        self._refuse(verdict.missing)
        self._renew([s for s in verdict.missing if self._renewals[s].bit_count() == 1])

    def _held(self, coin: str) -> dict[str, Mapping[str, str]]:
        """The hashes of what is live: the rest is refused already, or expired."""
        table, now = self._table, self._market.now_ms()
        return {
            symbol: table.fields(symbol)
            for symbol, instrument in self._market.tracked().items()
            if instrument.asset == coin
            and instrument.expiry_ms > now
            and table.origin_of(symbol)[0] in table.delivering
        }

    def _warn_of(self, suspects: Sequence[str]) -> None:
        fresh = [symbol for symbol in suspects if not self._is_suspect(symbol)]
        if fresh:
            others = f" (nor do {len(fresh) - 1} others)" if len(fresh) > 1 else ""
            log.warning(
                "%s does not tick though REST moves on%s: subscribed anew", fresh[0], others
            )

    def _is_suspect(self, symbol: str) -> bool:
        return bool(self._table.flags_of(symbol) & FLAG_SUSPECT)

    def _warn(self) -> None:
        now = asyncio.get_running_loop().time()
        missing = self.missing
        if not missing:
            self._warning.end("no option that is held is missing from REST any more", now)
            return
        coins = ", ".join(sorted(coin for coin, symbols in self._missing_of.items() if symbols))
        self._warning.begin(
            f"{coins}: {len(missing)} options are missing from REST's tickers and do not tick, such"
            f" as {missing[0]}: not live until they tick",
            now,
        )

    def _refuse(self, symbols: Sequence[str]) -> None:
        if [symbol for symbol in symbols if self._table.mark_suspect(symbol)]:
            self._wake()

    def _renew(self, symbols: Sequence[str]) -> None:
        for line in self._lines:
            line.renew(symbols)
