"""Recovery from cut connections to a venue that accepts new ones at once."""

from collections.abc import Iterator
from functools import partial

from bench.plan import FASTOPTS
from bench.recovery.figures import Trials
from bench.recovery.store_view import StoreView, until
from bench.session import TRICKLE, Session

__all__ = ("run",)


def run(symbols: int, count: int, is_all: bool) -> Trials:
    """Cut one connection or all of them, in *count* trials.

    A trial ends when a new connection has delivered every symbol of those that were cut; then
    Redis is compared with the last messages sent, off the clock.
    """
    trials = Trials()
    while len(trials.seconds) < count:
        # No connection is cut twice: the reconnect backoff grows with repeated failures, on
        # purpose, and a trial is to measure the first failure after a quiet period.
        with Session(FASTOPTS, symbols, None) as session:
            session.windows(1, 1, 1)
            for seconds, faults in _trials(session, is_all, count - len(trials.seconds)):
                trials.seconds.append(seconds)
                trials.faults += faults
    return trials


def _trials(session: Session, is_all: bool, count: int) -> Iterator[tuple[float, list[str]]]:
    store = StoreView(session)
    faults = store.settle()
    opened = len(store.connection_ids())
    for _ in range(1 if is_all else min(count, opened)):
        session.start(TRICKLE)
        before = store.connection_ids()
        survivors = 0 if is_all else len(before) - 1
        session.replay.ask("drop" if is_all else "drop 1")
        seconds = until(partial(_are_replaced, store, before, survivors))
        yield seconds, faults + store.settle()
        faults = []
    store.close()


def _are_replaced(store: StoreView, before: set[str], survivors: int) -> bool:
    """Whether at most *survivors* of the connections *before* are the source of an option."""
    return len(before & store.connection_ids()) <= survivors
