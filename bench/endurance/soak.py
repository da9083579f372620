"""`python -m bench.endurance.soak`: a steady load for long, drops and restarts, and the memory.

Every *drop* seconds all WebSocket connections are cut, every *restart* seconds Redis is killed and
comes back empty; before each of these the source pauses, and everything must stand in Redis. The
slope of the memory is a straight line's through the samples after a warm-up.
"""

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bench import results, verify_store
from bench.plan import FASTOPTS
from bench.session import Session

__all__ = ("Outcome", "run", "slope")

SETTLE_WITHIN_S = 20.0
SAMPLE_EVERY_S = 5.0


@dataclass(slots=True)
class Outcome:
    """Samples are (hours, MiB) of the collector's resident memory.

    `heap_mib` has what its C library's allocator had given out, where that can be told: growth of
    the one without the other is free memory, and no leak.
    """

    seconds: float = 0.0
    messages: int = 0
    drops: int = 0
    restarts: int = 0
    checkpoints: int = 0
    samples: list[tuple[float, float]] = field(default_factory=list)
    heap_mib: list[float | None] = field(default_factory=list)
    descriptors: list[int] = field(default_factory=list)
    threads: list[int] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)


def run(
    rate: float, symbols: int, seconds: float, warm_up_s: float, drop_s: float, restart_s: float
) -> Outcome:
    outcome = Outcome()
    with Session(FASTOPTS, symbols, None) as session:
        session.windows(1, 1, 1)
        started = time.monotonic()
        next_drop, next_restart = drop_s, restart_s
        while (at := time.monotonic() - started) < seconds:
            session.start(rate, 1)
            time.sleep(min(SAMPLE_EVERY_S, seconds))
            if at > warm_up_s:
                _look(session, at, outcome)
            if at > next_restart:
                next_restart += restart_s
                _checkpoint(session, outcome)
                session.valkey.stop()
                session.valkey.start()
                outcome.restarts += 1
            elif at > next_drop:
                next_drop += drop_s
                _checkpoint(session, outcome)
                session.replay.ask("drop")
                outcome.drops += 1
        _checkpoint(session, outcome)
        outcome.seconds = time.monotonic() - started
        status = session.stop()
        outcome.messages = status["received"]
        # What was on its way when a connection was cut is not received: the first equation is out.
        outcome.faults += verify_store.imbalances(status, status["received"])
    return outcome


def slope(samples: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """The slope of a straight line through *samples*, per unit of x, and its standard error."""
    line = statistics.linear_regression(*zip(*samples, strict=True))
    xs = [x for x, _ in samples]
    errors = [y - line.slope * x - line.intercept for x, y in samples]
    spread = statistics.pvariance(xs) * len(xs)
    variance = sum(error**2 for error in errors) / max(1, len(samples) - 2)
    return line.slope, (variance / spread) ** 0.5


def _look(session: Session, at: float, outcome: Outcome) -> None:
    pid = session.client.pid
    outcome.samples.append((at / 3600, session.samples[-1].rss_mb * 1e6 / 2**20))
    heap_mb = session.samples[-1].status.get("heap_mb")
    outcome.heap_mib.append(None if heap_mb is None else round(heap_mb * 1e6 / 2**20, 1))
    outcome.descriptors.append(len(os.listdir(f"/proc/{pid}/fd")))
    outcome.threads.append(len(os.listdir(f"/proc/{pid}/task")))


def _checkpoint(session: Session, outcome: Outcome) -> None:
    """Everything that was sent last comes to stand in Redis."""
    session.replay.ask("pause")
    deadline = time.monotonic() + SETTLE_WITHIN_S
    while faults := _differences(session):
        if time.monotonic() > deadline:
            outcome.faults += faults
            break
        time.sleep(0.1)
    outcome.checkpoints += 1


def _differences(session: Session) -> list[str]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "last"
        topics = session.replay.ask(f"last {path}")["topics"]
        payloads = path.read_bytes().splitlines()
    if len(payloads) != session.symbols:
        return [f"{topics} of {session.symbols} symbols are subscribed"]
    return verify_store.differences(payloads, session.valkey.url)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.endurance.soak", description=__doc__)
    parser.add_argument("--rate", type=float, default=5_000, help="messages a second")
    parser.add_argument("--symbols", type=int, default=2_000)
    parser.add_argument("--seconds", type=float, default=1800)
    parser.add_argument("--warm-up-s", type=float, default=300)
    parser.add_argument("--drop-s", type=float, default=60)
    parser.add_argument("--restart-s", type=float, default=300)
    parser.add_argument("--keep", action="store_true", help="write the result to reliability/")
    given = parser.parse_args()
    outcome = run(
        given.rate, given.symbols, given.seconds, given.warm_up_s, given.drop_s, given.restart_s
    )
    mib_an_hour, error = slope(outcome.samples)
    figures = {
        "rate": round(outcome.messages / outcome.seconds),
        "symbols": given.symbols,
        "seconds": round(outcome.seconds),
        "messages": outcome.messages,
        "drops": outcome.drops,
        "restarts": outcome.restarts,
        "checkpoints": outcome.checkpoints,
        "mismatches": len(outcome.faults),
        "rss_mib_an_hour": round(mib_an_hour, 2),
        "rss_mib_an_hour_error": round(error, 2),
        "rss_mib_first": round(outcome.samples[0][1], 1),
        "rss_mib_last": round(outcome.samples[-1][1], 1),
        "heap_mib_first": outcome.heap_mib[0],
        "heap_mib_last": outcome.heap_mib[-1],
        "samples": len(outcome.samples),
        "descriptors_first": outcome.descriptors[0],
        "descriptors_last": outcome.descriptors[-1],
        "threads_first": outcome.threads[0],
        "threads_last": outcome.threads[-1],
    }
    if given.keep:
        words = " ".join(sys.argv[1:])
        what = "the collector's memory under a steady load, with drops and restarts"
        command = f"python -m bench.endurance.soak {words}"
        results.write(results.FOLDER / "soak.json", what, command, 1, figures)
    results.end(figures, outcome.faults)


if __name__ == "__main__":
    main()
