"""`python -m bench.endurance.load`: check that nothing is lost under a load far above the venue's.

At each checkpoint the source pauses, the collector catches up, and every field of every hash and
record must equal the last message sent; at the end the counters must add up to the messages sent.
"""

import argparse
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from bench import results, verify_store
from bench.plan import FASTOPTS
from bench.session import Session

__all__ = ("LoadResult", "run")

SLICE = 50  # messages per write of the source
# After 5 s of silence the collector probes a connection, and the source sends more messages.
SETTLE_WITHIN_S = 4.0


@dataclass(slots=True)
class LoadResult:
    """Figures of a run: *seconds* of sending; *faults*: differences and counters that don't add up.

    *settle_ms* has the time that the collector needed at each checkpoint to write everything.
    """

    sent: int = 0
    seconds: float = 0.0
    checkpoints: int = 0
    compared: int = 0
    settle_ms: list[float] = field(default_factory=list)
    rss_mb_max: float = 0.0
    cpu_us_a_message: float = 0.0
    conflated_share: float = 0.0
    faults: list[str] = field(default_factory=list)


def run(rate: float, symbols: int, seconds: float, checkpoints: int) -> LoadResult:
    """Send *rate* messages a second over *symbols* for *seconds*, with *checkpoints* in between."""
    result = LoadResult()
    with Session(FASTOPTS, symbols, None) as session:
        session.windows(1, 1, 1)
        before = session.samples[-1]
        for _ in range(checkpoints):
            # Only sending counts: a checkpoint's pause and comparison would lower the rate.
            started = time.monotonic()
            session.start(rate, SLICE)
            time.sleep(seconds / checkpoints)
            result.sent = session.replay.ask("pause")["messages"]
            result.seconds += time.monotonic() - started
            result.settle_ms.append(1000 * _settle(session, result.sent))
            _compare(session, symbols, result)
        after = session.samples[-1]
        result.rss_mb_max = after.rss_mb_max
        status = session.stop()
        # Counted after the stop: snapshots may have been sent since the last checkpoint.
        sent = session.replay.ask("count")["messages"]
        result.faults += verify_store.imbalances(status, sent)
        # CPU per message is that of the load, without subscription and warm-up.
        result.sent = sent - before.status["received"]
        cpu_s = after.client_cpu_s - before.client_cpu_s
        result.cpu_us_a_message = 1e6 * cpu_s / max(1, result.sent)
        result.conflated_share = status["conflated"] / max(1, status["applied"])
    return result


def _settle(session: Session, sent: int) -> float:
    """Wait until everything is written, or for SETTLE_WITHIN_S; return the seconds waited.

    The resolution is the period of the collector's status lines, 1 s.
    """
    started = time.monotonic()
    while (waited_s := time.monotonic() - started) < SETTLE_WITHIN_S:
        if session.status["received"] == sent and not session.status["pending"]:
            break
        time.sleep(0.01)
    return waited_s


def _compare(session: Session, symbols: int, result: LoadResult) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "last"
        session.replay.ask(f"last {path}")
        payloads = path.read_bytes().splitlines()
    if len(payloads) != symbols:
        result.faults.append(f"{len(payloads)} of {symbols} symbols are subscribed")
    result.faults += verify_store.differences(payloads, session.valkey.url)
    result.checkpoints += 1
    result.compared += len(payloads)


def main() -> None:
    """Run the load with the options of the command line; exit with 1 on any fault."""
    parser = argparse.ArgumentParser(prog="python -m bench.endurance.load", description=__doc__)
    parser.add_argument("--rate", type=float, default=50_000, help="messages a second")
    parser.add_argument("--symbols", type=int, default=5_000)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--checkpoints", type=int, default=100)
    parser.add_argument("--keep", action="store_true", help="write the result to reliability/")
    arguments = parser.parse_args()
    result = run(arguments.rate, arguments.symbols, arguments.seconds, arguments.checkpoints)
    figures = {
        "rate_wanted": arguments.rate,
        "rate": round(result.sent / result.seconds),
        "symbols": arguments.symbols,
        "seconds": round(result.seconds, 1),
        "messages": result.sent,
        "checkpoints": result.checkpoints,
        "compared": result.compared,
        "mismatches": len(result.faults),
        "settle_ms_median": round(statistics.median(result.settle_ms)),
        "settle_ms_max": round(max(result.settle_ms)),
        "cpu_us_a_message": round(result.cpu_us_a_message, 2),
        "conflated_share": round(result.conflated_share, 3),
        "rss_mb_max": round(result.rss_mb_max, 1),
    }
    if arguments.keep:
        title = "every field of every hash and record against the last message sent"
        command = f"python -m bench.endurance.load {' '.join(sys.argv[1:])}"
        results.write(results.FOLDER / "load.json", title, command, 1, figures)
    results.end(figures, result.faults)


if __name__ == "__main__":
    main()
