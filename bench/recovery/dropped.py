"""Connections to the venue are cut, which accepts new ones at once."""

from collections.abc import Iterator
from functools import partial

from bench.plan import FASTOPTS
from bench.recovery.figures import Trials
from bench.recovery.watched import Watched, until
from bench.session import TRICKLE, Session

__all__ = ("run",)


def run(symbols: int, count: int, is_all: bool) -> Trials:
    """Cut one connection or all of them, *count* times.

    A trial ends when every symbol of what was cut stands there as delivered by a new connection;
    then it is compared with what was sent last, off the clock. No connection is cut twice: soon
    after the first time the collector waits longer, on purpose, and not after a quiet day.
    """
    found = Trials()
    while len(found.seconds) < count:
        with Session(FASTOPTS, symbols, None) as session:
            session.windows(1, 1, 1)
            for seconds, faults in _trials(session, is_all, count - len(found.seconds)):
                found.seconds.append(seconds)
                found.faults += faults
    return found


def _trials(session: Session, is_all: bool, count: int) -> Iterator[tuple[float, list[str]]]:
    watched = Watched(session)
    faults = watched.settled()
    opened = len(watched.conns())
    for _ in range(1 if is_all else min(count, opened)):
        session.start(TRICKLE)
        before = watched.conns()
        left = 0 if is_all else len(before) - 1
        session.replay.ask("drop" if is_all else "drop 1")
        seconds = until(partial(_are_renewed, watched, before, left))
        yield seconds, faults + watched.settled()
        faults = []
    watched.close()


def _are_renewed(watched: Watched, before: set[str], left: int) -> bool:
    """Whether no more than *left* of the connections *before* have symbols to their name."""
    return len(before & watched.conns()) <= left
