"""What a mirror of everything costs to hold, while the market moves."""

import time
from dataclasses import dataclass

from bench.measure import cpu_s, rss_mb
from bench.plan import PACE
from bench.reader.contenders.common import Market
from bench.reader.plan import MIRROR_HELD
from bench.reader.turns import Contender
from bench.session import Session

__all__ = ("Held", "run")

WARM_UP_S = 2
SECONDS = 5


@dataclass(frozen=True, slots=True)
class Held:
    """*mb*: what the process grew by over a reader that has read one option."""

    mb: float
    share: float  # of a core
    update_rate: float


def run(session: Session, given: Market) -> Held:
    """Let the collector write 2,600 updates a second, and look at a process that follows them."""
    with Contender(MIRROR_HELD, given) as contender:
        contender.wait()
        before_mb, _ = rss_mb(contender.pid)
        contender.sure_turn(0, 1)
        session.start(PACE)
        session.windows(0, 1, WARM_UP_S)
        cpu, at = cpu_s(contender.pid), time.monotonic()
        [window] = session.windows(0, 1, SECONDS)
        share = (cpu_s(contender.pid) - cpu) / (time.monotonic() - at)
        after_mb, _ = rss_mb(contender.pid)
    return Held(after_mb - before_mb, share, window.update_rate)
