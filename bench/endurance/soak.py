"""`python -m bench.endurance.soak`: a long steady load with outages; memory over time.

Every *drop* seconds all WebSocket connections are cut, every *restart* seconds Redis is killed and
restarted empty. Before each of these the source pauses, and Redis must have every message sent.
The growth of memory is the slope of a straight line through the samples after a warm-up.
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

__all__ = ("SoakResult", "run", "slope")

# Long enough for an earlier outage: a dropped connection may be in its reconnect backoff.
SETTLE_WITHIN_S = 20.0
SAMPLE_EVERY_S = 5.0


@dataclass(slots=True)
class SoakResult:
    """Figures of a run; *samples* are (hours, MiB) of the collector's resident memory.

    `heap_mib` has the memory in use according to its C library's allocator, None where that is
    unknown. Growth of resident memory without growth of the heap is free memory, not a leak.
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
) -> SoakResult:
    """Send *rate* messages/s for *seconds*; sample memory after *warm_up_s*.

    All connections are cut every *drop_s*, Redis is restarted every *restart_s*.
    """
    result = SoakResult()
    with Session(FASTOPTS, symbols, None) as session:
        session.windows(1, 1, 1)
        started = time.monotonic()
        next_drop, next_restart = drop_s, restart_s
        while (elapsed_s := time.monotonic() - started) < seconds:
            session.start(rate, 1)
            time.sleep(min(SAMPLE_EVERY_S, seconds))
            if elapsed_s > warm_up_s:
                _sample(session, elapsed_s, result)
            # Never both at once: a fault would have two possible causes.
            if elapsed_s > next_restart:
                next_restart += restart_s
                _checkpoint(session, result)
                session.valkey.stop()
                session.valkey.start()
                result.restarts += 1
            elif elapsed_s > next_drop:
                next_drop += drop_s
                _checkpoint(session, result)
                session.replay.ask("drop")
                result.drops += 1
        _checkpoint(session, result)
        result.seconds = time.monotonic() - started
        status = session.stop()
        result.messages = status["received"]
        # Messages in flight when a connection is cut are never received: `sent = received` can't
        # hold here. The checkpoints show that later messages replaced them.
        result.faults += verify_store.imbalances(status, status["received"])
    return result


def slope(samples: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """Return the slope of a straight line through *samples*, per unit of x, and its standard error.

    The points are (x, y); the line is fitted by least squares.
    """
    line = statistics.linear_regression(*zip(*samples, strict=True))
    xs = [x for x, _ in samples]
    errors = [y - line.slope * x - line.intercept for x, y in samples]
    spread = statistics.pvariance(xs) * len(xs)
    variance = sum(error**2 for error in errors) / max(1, len(samples) - 2)
    return line.slope, (variance / spread) ** 0.5


def _sample(session: Session, elapsed_s: float, result: SoakResult) -> None:
    pid = session.client.pid
    result.samples.append((elapsed_s / 3600, session.samples[-1].rss_mb * 1e6 / 2**20))
    heap_mb = session.samples[-1].status.get("heap_mb")
    result.heap_mib.append(None if heap_mb is None else round(heap_mb * 1e6 / 2**20, 1))
    # Leaks that resident memory hides for hours: a socket or a thread is small.
    result.descriptors.append(len(os.listdir(f"/proc/{pid}/fd")))
    result.threads.append(len(os.listdir(f"/proc/{pid}/task")))


def _checkpoint(session: Session, result: SoakResult) -> None:
    """Pause the source and compare Redis with the last messages; record lasting differences."""
    session.replay.ask("pause")
    # Compared until equal: there is no counter that says when an outage has been recovered from.
    deadline = time.monotonic() + SETTLE_WITHIN_S
    while faults := _differences(session):
        if time.monotonic() > deadline:
            result.faults += faults
            break
        time.sleep(0.1)
    result.checkpoints += 1


def _differences(session: Session) -> list[str]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "last"
        topics = session.replay.ask(f"last {path}")["topics"]
        payloads = path.read_bytes().splitlines()
    if len(payloads) != session.symbols:
        return [f"{topics} of {session.symbols} symbols are subscribed"]
    return verify_store.differences(payloads, session.valkey.url)


def main() -> None:
    """Run the soak with the options of the command line; exit with 1 on any fault."""
    parser = argparse.ArgumentParser(prog="python -m bench.endurance.soak", description=__doc__)
    parser.add_argument("--rate", type=float, default=5_000, help="messages a second")
    parser.add_argument("--symbols", type=int, default=2_000)
    parser.add_argument("--seconds", type=float, default=1800)
    parser.add_argument("--warm-up-s", type=float, default=300)
    parser.add_argument("--drop-s", type=float, default=60)
    parser.add_argument("--restart-s", type=float, default=300)
    parser.add_argument("--keep", action="store_true", help="write the result to reliability/")
    arguments = parser.parse_args()
    result = run(
        arguments.rate,
        arguments.symbols,
        arguments.seconds,
        warm_up_s=arguments.warm_up_s,
        drop_s=arguments.drop_s,
        restart_s=arguments.restart_s,
    )
    mib_an_hour, error = slope(result.samples)
    figures = {
        "rate": round(result.messages / result.seconds),
        "symbols": arguments.symbols,
        "seconds": round(result.seconds),
        "messages": result.messages,
        "drops": result.drops,
        "restarts": result.restarts,
        "checkpoints": result.checkpoints,
        "mismatches": len(result.faults),
        "rss_mib_an_hour": round(mib_an_hour, 2),
        "rss_mib_an_hour_error": round(error, 2),
        "rss_mib_first": round(result.samples[0][1], 1),
        "rss_mib_last": round(result.samples[-1][1], 1),
        "heap_mib_first": result.heap_mib[0],
        "heap_mib_last": result.heap_mib[-1],
        "samples": len(result.samples),
        "descriptors_first": result.descriptors[0],
        "descriptors_last": result.descriptors[-1],
        "threads_first": result.threads[0],
        "threads_last": result.threads[-1],
    }
    if arguments.keep:
        title = "the collector's memory under a steady load, with drops and restarts"
        command = f"python -m bench.endurance.soak {' '.join(sys.argv[1:])}"
        results.write(results.FOLDER / "soak.json", title, command, 1, figures)
    results.end(figures, result.faults)


if __name__ == "__main__":
    main()
