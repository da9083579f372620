"""The venue's maximum, 36,000 messages/s: the rate received, and the state of Redis afterwards."""

import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from bench import verify_store
from bench.measure import Window
from bench.session import Contender, Session

__all__ = ("RATE", "SYMBOLS", "Burst", "run")

RATE = 36_000.0
SYMBOLS = 3_600  # each at the ten ticks a second that the venue may send
SLICE = 36  # 1,000 writes a second
# After 5 s of silence the collector probes a connection, and the source sends more messages.
DRAINED_WITHIN_S = 4.0


@dataclass(frozen=True, slots=True)
class Burst:
    """Figures of a burst.

    *faults*: fields of `option:{symbol}` that differ from the last frame, counters that do not
    add up.
    """

    window: Window
    sent: int
    drain_s: float  # until everything was written; up to 1 s of it is the period of status lines
    counts: dict[str, int]
    compared: int
    faults: list[str]


def run(contender: Contender, seconds: int) -> Burst:
    """Run the burst for *seconds* after a warm-up, pause, and compare."""
    with Session(contender, SYMBOLS, None) as session, tempfile.TemporaryDirectory() as folder:
        session.start(RATE, SLICE)
        [window] = session.windows(2, 1, seconds)
        sent = session.replay.ask("pause")["messages"]
        drain_s = _drain(session, sent)
        path = Path(folder) / "last"
        session.replay.ask(f"last {path}")
        payloads = path.read_bytes().splitlines()
        faults = verify_store.differences(payloads, session.valkey.url)
        if len(payloads) != SYMBOLS:
            faults.append(f"{len(payloads)} of {SYMBOLS} symbols are subscribed")
        counts = session.stop()
        sent = session.replay.ask("count")["messages"]
    faults += verify_store.imbalances(counts, sent)
    counters = {name: counts[name] for name in verify_store.COUNTERS}
    return Burst(window, sent, drain_s, counters, len(payloads), faults)


def _drain(session: Session, sent: int) -> float:
    """Wait until everything is written, or for DRAINED_WITHIN_S; return the seconds waited."""
    started = time.monotonic()
    while (waited_s := time.monotonic() - started) < DRAINED_WITHIN_S:
        status = session.status
        if status["received"] == sent and not status["pending"]:
            break
        time.sleep(0.02)
    return waited_s
