"""Memory and CPU of a mirror of all symbols while the market moves."""

import time
from dataclasses import dataclass

from bench.measure import cpu_s, rss_mb
from bench.plan import PACE
from bench.reader.contenders.common import Workload
from bench.reader.plan import MIRROR_HELD
from bench.reader.turns import ContenderProcess
from bench.session import Session

__all__ = ("MirrorCost", "run")

WARM_UP_S = 2
SECONDS = 5


@dataclass(frozen=True, slots=True)
class MirrorCost:
    """*mb*: growth of the process, compared with a reader that has read one option."""

    mb: float
    share: float  # of a core
    update_rate: float


def run(session: Session, workload: Workload) -> MirrorCost:
    """Have the collector write 2,600 updates a second, and measure a process that follows them."""
    with ContenderProcess(MIRROR_HELD, workload) as contender:
        contender.wait()
        # Before the mirror exists: interpreter, modules and connection belong to any reader.
        before_mb, _ = rss_mb(contender.pid)
        contender.retried_turn(0, 1)
        session.start(PACE)
        session.windows(0, 1, WARM_UP_S)
        started_cpu_s, started = cpu_s(contender.pid), time.monotonic()
        [window] = session.windows(0, 1, SECONDS)
        share = (cpu_s(contender.pid) - started_cpu_s) / (time.monotonic() - started)
        after_mb, _ = rss_mb(contender.pid)
    return MirrorCost(after_mb - before_mb, share, window.update_rate)
