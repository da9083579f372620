"""`python -m bench.endurance.load`: a load far above the venue's, and whether anything is lost.

At each checkpoint the source pauses, the collector catches up, and every field of every hash and
record must be what was sent last; at the end the counters must add up to what was sent.
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

__all__ = ("Outcome", "run")

SLICE = 50
SETTLE_WITHIN_S = 4.0  # after 5 s of silence the collector would probe, and be sent more


@dataclass(slots=True)
class Outcome:
    """*seconds* of sending; *faults* name what differed, where the books do not balance."""

    sent: int = 0
    seconds: float = 0.0
    checkpoints: int = 0
    compared: int = 0
    settle_ms: list[float] = field(default_factory=list)
    rss_mb_max: float = 0.0
    cpu_us_a_message: float = 0.0
    conflated_share: float = 0.0
    faults: list[str] = field(default_factory=list)


def run(rate: float, symbols: int, seconds: float, checkpoints: int) -> Outcome:
    """Send *rate* messages a second over *symbols* for *seconds*, with *checkpoints* in between."""
    outcome = Outcome()
    with Session(FASTOPTS, symbols, None) as session:
        session.windows(1, 1, 1)
        before = session.samples[-1]
        for _ in range(checkpoints):
            started = time.monotonic()
            session.start(rate, SLICE)
            time.sleep(seconds / checkpoints)
            outcome.sent = session.replay.ask("pause")["messages"]
            outcome.seconds += time.monotonic() - started
            outcome.settle_ms.append(1000 * _settle(session, outcome.sent))
            _compare(session, symbols, outcome)
        after = session.samples[-1]
        outcome.rss_mb_max = after.rss_mb_max
        status = session.stop()
        sent = session.replay.ask("count")["messages"]
        outcome.faults += verify_store.imbalances(status, sent)
        outcome.sent = sent - before.status["received"]
        cpu_s = after.client_cpu_s - before.client_cpu_s
        outcome.cpu_us_a_message = 1e6 * cpu_s / max(1, outcome.sent)
        outcome.conflated_share = status["conflated"] / max(1, status["applied"])
    return outcome


def _settle(session: Session, sent: int) -> float:
    """Wait until all is written, or for a few seconds; return how long, to a status's period."""
    started = time.monotonic()
    while (waited_s := time.monotonic() - started) < SETTLE_WITHIN_S:
        if session.status["received"] == sent and not session.status["pending"]:
            break
        time.sleep(0.01)
    return waited_s


def _compare(session: Session, symbols: int, outcome: Outcome) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "last"
        session.replay.ask(f"last {path}")
        payloads = path.read_bytes().splitlines()
    if len(payloads) != symbols:
        outcome.faults.append(f"{len(payloads)} of {symbols} symbols are subscribed")
    outcome.faults += verify_store.differences(payloads, session.valkey.url)
    outcome.checkpoints += 1
    outcome.compared += len(payloads)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.endurance.load", description=__doc__)
    parser.add_argument("--rate", type=float, default=50_000, help="messages a second")
    parser.add_argument("--symbols", type=int, default=5_000)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--checkpoints", type=int, default=100)
    parser.add_argument("--keep", action="store_true", help="write the result to reliability/")
    given = parser.parse_args()
    outcome = run(given.rate, given.symbols, given.seconds, given.checkpoints)
    figures = {
        "rate_wanted": given.rate,
        "rate": round(outcome.sent / outcome.seconds),
        "symbols": given.symbols,
        "seconds": round(outcome.seconds, 1),
        "messages": outcome.sent,
        "checkpoints": outcome.checkpoints,
        "compared": outcome.compared,
        "mismatches": len(outcome.faults),
        "settle_ms_median": round(statistics.median(outcome.settle_ms)),
        "settle_ms_max": round(max(outcome.settle_ms)),
        "cpu_us_a_message": round(outcome.cpu_us_a_message, 2),
        "conflated_share": round(outcome.conflated_share, 3),
        "rss_mb_max": round(outcome.rss_mb_max, 1),
    }
    if given.keep:
        words = " ".join(sys.argv[1:])
        what = "every field of every hash and record against the last message sent"
        command = f"python -m bench.endurance.load {words}"
        results.write(results.FOLDER / "load.json", what, command, 1, figures)
    results.end(figures, outcome.faults)


if __name__ == "__main__":
    main()
