"""Recovery from a Redis that is killed and restarted empty."""

import time
from functools import partial

from bench.plan import FASTOPTS
from bench.recovery.figures import Trials
from bench.recovery.store_view import StoreView, until
from bench.session import TRICKLE, Session

__all__ = ("run",)


def run(symbols: int, count: int, outage_s: float) -> Trials:
    """Stop Redis for *outage_s* while the market ticks, in *count* trials.

    A trial begins with the first reply of the new server to PING, and ends when it has as many
    keys as before; then each hash and record is compared with the last message sent, off the clock.
    """
    trials = Trials()
    with Session(FASTOPTS, symbols, None) as session:
        session.windows(1, 1, 1)
        store = StoreView(session)
        trials.faults += store.settle()
        for _ in range(count):
            session.start(TRICKLE)
            keys = store.key_count()
            session.valkey.stop()
            time.sleep(outage_s)
            # A venue at rest: the collector must restore everything from its own table.
            session.replay.ask("pause")
            session.valkey.start()
            trials.seconds.append(until(partial(_has, store, keys)))
            trials.faults += store.differences()
        store.close()
    return trials


def _has(store: StoreView, keys: int) -> bool:
    return store.key_count() >= keys
