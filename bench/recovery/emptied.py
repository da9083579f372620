"""Redis is killed, and comes back empty."""

import time
from functools import partial

from bench.plan import FASTOPTS
from bench.recovery.figures import Trials
from bench.recovery.watched import Watched, until
from bench.session import TRICKLE, Session

__all__ = ("run",)


def run(symbols: int, count: int, outage_s: float) -> Trials:
    """Have it gone for *outage_s*, *count* times, while the market ticks.

    A trial begins when the new server first answers a PING, and ends when as many keys are there as
    before; then each hash and record is compared with what was sent last, off the clock.
    """
    found = Trials()
    with Session(FASTOPTS, symbols, None) as session:
        session.windows(1, 1, 1)
        watched = Watched(session)
        found.faults += watched.settled()
        for _ in range(count):
            session.start(TRICKLE)
            keys = watched.size()
            session.valkey.stop()
            time.sleep(outage_s)
            session.replay.ask("pause")
            session.valkey.start()
            found.seconds.append(until(partial(_has, watched, keys)))
            found.faults += watched.faults()
        watched.close()
    return found


def _has(watched: Watched, keys: int) -> bool:
    return watched.size() >= keys
