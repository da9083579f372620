"""Compares live values with the venue's REST answers, and resubscribes symbols that look dead."""

import asyncio
import logging
from collections import Counter
from collections.abc import Mapping, Sequence

from fastopts.collector.limits import CollectorLimits
from fastopts.collector.operation.duties import Duty
from fastopts.collector.store.outage_log import ConditionLog
from fastopts.collector.venue.suspects import Suspects
from fastopts.collector.venue.universe import InstrumentUniverse
from fastopts.contract import StatsField
from fastopts.core import Table
from fastopts.session.staleness_rule import StalenessRule
from fastopts.venues.bybit.rest import TickerRows

__all__ = ("RestCheck",)

log = logging.getLogger(__name__)

# A coin that fails so many rounds in a row, while others are answered, counts as one without rows:
# a venue that removes a coin may answer its requests with errors.
FAILED_ROUNDS_MAX = 3


class RestCheck:
    """One comparison per minute: `run` it in a task."""

    def __init__(
        self,
        universe: InstrumentUniverse,
        table: Table,
        suspects: Suspects,
        limits: CollectorLimits | None = None,
    ) -> None:
        self._universe = universe
        self._table = table
        self._suspects = suspects
        self._rule = StalenessRule()
        self._missing_by_coin: dict[str, tuple[str, ...]] = {}
        self._rounds_missing: Counter[str] = Counter()  # in a row, by symbol
        self._failed_rounds: Counter[str] = Counter()  # in a row, by coin
        self._missing_log = ConditionLog(logging.WARNING, limits)

    @property
    def missing(self) -> list[str]:
        """Suspect symbols that REST no longer lists."""
        return [symbol for symbols in self._missing_by_coin.values() for symbol in symbols]

    def statistics(self) -> Mapping[str, str]:
        """Return the fields of `stats`."""
        return {StatsField.MISSING: str(len(self.missing))}

    async def run(self, duty: Duty) -> None:
        """Compare as often as *duty* is due; runs until cancelled."""
        while True:
            await asyncio.sleep(duty.every_s)
            await duty.attempt(self.compare())

    async def compare(self) -> bool:
        """Request the tickers of each coin, and judge them; True when every coin was answered."""
        failed, is_answered = [], False
        async for coin, rows in self._universe.quotes("comparison with REST"):
            if rows is None:
                failed.append(coin)
                continue
            is_answered = True
            self._failed_rounds.pop(coin, None)
            self._judge(coin, rows)
        if is_answered:  # otherwise it is REST that fails, not a coin that has gone
            self._failed_rounds.update(failed)
            for coin in failed:
                if self._failed_rounds[coin] >= FAILED_ROUNDS_MAX:
                    self._judge(coin, TickerRows(self._universe.now_ms(), {}))
        self._log_missing()
        return not failed

    def _judge(self, coin: str, rows: TickerRows) -> None:
        verdict = self._rule.judge(coin, rows.by_symbol, rows.time_ms, self._live_ticks(coin))
        self._missing_by_coin[coin] = verdict.missing
        if verdict.contradicted:
            self._log_contradicted(verdict.contradicted)
            self._suspects.mark_and_resubscribe(verdict.contradicted)
        tracked = self._universe.tracked()
        for symbol in list(self._rounds_missing):
            if symbol in rows.by_symbol or symbol not in tracked:
                del self._rounds_missing[symbol]
        self._rounds_missing.update(verdict.missing)
        self._suspects.mark(verdict.missing)
        # After 1, 2, 4, 8 rounds and so on: an option that has left the market must not cost a
        # subscription a minute without end.
        due = [s for s in verdict.missing if self._rounds_missing[s].bit_count() == 1]
        self._suspects.mark_and_resubscribe(due)

    def _live_ticks(self, coin: str) -> dict[str, Mapping[str, str]]:
        """Return the hash fields of live symbols: others are refused already, or expired."""
        table, now_ms = self._table, self._universe.now_ms()
        return {
            symbol: table.fields(symbol)
            for symbol, instrument in self._universe.tracked().items()
            if instrument.asset == coin
            and instrument.expiry_ms > now_ms
            and table.origin_of(symbol)[0] in table.delivering
        }

    def _log_contradicted(self, symbols: Sequence[str]) -> None:
        new = [symbol for symbol in symbols if not self._suspects.is_suspect(symbol)]
        if new:
            others = f" (nor do {len(new) - 1} others)" if len(new) > 1 else ""
            log.warning("%s does not tick though REST moves on%s: resubscribed", new[0], others)

    def _log_missing(self) -> None:
        now = asyncio.get_running_loop().time()
        missing = self.missing
        if not missing:
            self._missing_log.end("no live option is missing from REST any more", now)
            return
        coins = ", ".join(
            sorted(coin for coin, symbols in self._missing_by_coin.items() if symbols)
        )
        self._missing_log.begin(
            f"{coins}: {len(missing)} options are missing from REST's tickers and do not tick, such"
            f" as {missing[0]}: not live until they tick",
            now,
        )
