"""Rounds of requests until every symbol is decided, or time is up."""

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from fastopts.cli.verify import venue
from fastopts.cli.verify.judge import Case
from fastopts.cli.verify.store import StoreClient, StoreSnapshot, Tick
from fastopts.cli.verify.symbols import parse
from fastopts.cli.verify.venue import VenueClient, VenueRows
from fastopts.errors import ConnectionLost, VenueBanned, VenueError

__all__ = ("GAP_S", "Rounds")

# Between two requests for a coin: ten times as long as a tick takes to arrive, and far below the
# rate limit of the venue.
GAP_S: Final = 1.0


class Rounds:
    """Compares symbols with the venue's rows; a round has a request for each coin still needed.

    The venue must have options of *coins*, but need not have any of *extra_coins*. Afterwards
    *rows* has the first rows of each coin, *ticks* the last hash of each symbol.
    """

    def __init__(
        self,
        store: StoreClient,
        venue_client: VenueClient,
        coins: Sequence[str],
        extra_coins: Sequence[str] = (),
    ) -> None:
        self.rows: dict[str, VenueRows] = {}
        self.ticks: dict[str, Tick] = {}
        self._store = store
        self._venue = venue_client
        self._coins = coins
        self._extra_coins = extra_coins

    def run(self, sample: Iterable[str], seconds: float) -> list[Case]:
        """Compare *sample*, for about *seconds* at most.

        Raises VenueBanned at once: a banned address must not send more requests. Raises VenueError
        or ConnectionLost when a coin got no response at all.
        """
        cases = [Case(symbol) for symbol in sample]
        errors: dict[str, VenueError | ConnectionLost] = {}
        for _ in _paced(seconds):
            for coin, undecided in self._needed(cases).items():
                try:
                    self._observe(coin, undecided)
                except VenueBanned:
                    raise
                except (VenueError, ConnectionLost) as error:
                    if coin in self._extra_coins and isinstance(error, VenueError):
                        self.rows[coin] = VenueRows(0, {})
                    errors[coin] = error
            if not self._needed(cases):
                break
        for coin in errors.keys() - self.rows.keys():
            raise errors[coin]
        return cases

    def _needed(self, cases: Iterable[Case]) -> Mapping[str, list[Case]]:
        """The undecided cases by coin, and the coins that have no response yet."""
        by_coin: dict[str, list[Case]] = {
            coin: [] for coin in (*self._coins, *self._extra_coins) if coin not in self.rows
        }
        for case in cases:
            contract = parse(case.symbol)
            if case.is_open and contract is not None:
                by_coin.setdefault(contract.asset, []).append(case)
        return by_coin

    def _observe(self, coin: str, cases: Sequence[Case]) -> None:
        symbols = [case.symbol for case in cases]
        before = self._store.ticks(symbols)
        response = self._venue.request(coin)
        after = self._store.ticks(symbols)
        rows = venue.read(response)
        self.rows.setdefault(coin, rows)
        self.ticks |= after.ticks
        for case in cases:
            _add_observation(case, before, rows, after)


def _add_observation(
    case: Case, before: StoreSnapshot, rows: VenueRows, after: StoreSnapshot
) -> None:
    row = rows.by_symbol.get(case.symbol, {})
    case.observe(before.live(case.symbol), row, after.live(case.symbol), rows.time_ms)


def _paced(seconds: float) -> Iterator[None]:
    """Yield at once, then every GAP_S until *seconds* are over."""
    due = time.monotonic()
    give_up_at = due + seconds
    while True:
        yield
        due = max(due + GAP_S, time.monotonic())
        if due > give_up_at:
            return
        time.sleep(max(0.0, due - time.monotonic()))
