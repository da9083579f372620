"""Row after row until every symbol is judged, or time is up."""

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

GAP_S: Final = 1.0  # between two rows of a coin: a tick is on its way for a tenth of that


class Rounds:
    """Judges symbols of *coins*; a round asks the venue once for each coin that is still needed.
    Of *perhaps*, the other coins that are asked for, the venue need not have any options.

    Afterwards *rows* has the first answer of each coin, *ticks* what was read of each symbol.
    """

    def __init__(
        self,
        store: StoreClient,
        there: VenueClient,
        coins: Sequence[str],
        perhaps: Sequence[str] = (),
    ) -> None:
        self.rows: dict[str, VenueRows] = {}
        self.ticks: dict[str, Tick] = {}
        self._store = store
        self._venue = there
        self._coins = coins
        self._perhaps = perhaps

    def run(self, sample: Iterable[str], seconds: float) -> list[Case]:
        """Judge *sample*, for about *seconds* at most.

        Raises VenueBanned at once, VenueError or ConnectionLost when a coin got no answer at all.
        """
        cases = [Case(symbol) for symbol in sample]
        troubles: dict[str, VenueError | ConnectionLost] = {}
        for _ in _paces(seconds):
            for coin, waiting in self._needed(cases).items():
                try:
                    self._look(coin, waiting)
                except VenueBanned:
                    raise
                except (VenueError, ConnectionLost) as error:
                    if coin in self._perhaps and isinstance(error, VenueError):
                        self.rows[coin] = VenueRows(0, {})
                    troubles[coin] = error
            if not self._needed(cases):
                break
        for coin in troubles.keys() - self.rows.keys():
            raise troubles[coin]
        return cases

    def _needed(self, cases: Iterable[Case]) -> Mapping[str, list[Case]]:
        """The coins that must be asked: what is open of each, and those without any answer."""
        found: dict[str, list[Case]] = {
            coin: [] for coin in (*self._coins, *self._perhaps) if coin not in self.rows
        }
        for case in cases:
            contract = parse(case.symbol)
            if case.is_open and contract is not None:
                found.setdefault(contract.asset, []).append(case)
        return found

    def _look(self, coin: str, cases: Sequence[Case]) -> None:
        of = [case.symbol for case in cases]
        before = self._store.ticks(of)
        answer = self._venue.ask(coin)
        after = self._store.ticks(of)
        rows = venue.read(answer)
        self.rows.setdefault(coin, rows)
        self.ticks |= after.ticks
        for case in cases:
            _show(case, before, rows, after)


def _show(case: Case, before: StoreSnapshot, rows: VenueRows, after: StoreSnapshot) -> None:
    row = rows.by_symbol.get(case.symbol, {})
    case.see(before.live(case.symbol), row, after.live(case.symbol), rows.time_ms)


def _paces(seconds: float) -> Iterator[None]:
    """Once at least, then every GAP_S until *seconds* are over."""
    due = time.monotonic()
    give_up_at = due + seconds
    while True:
        yield
        due = max(due + GAP_S, time.monotonic())
        if due > give_up_at:
            return
        time.sleep(max(0.0, due - time.monotonic()))
