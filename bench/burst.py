"""The venue's ceiling, 36,000 messages/s: is it held, and is everything in Redis after it?"""

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
DRAINED_WITHIN_S = 4.0  # after 5 s of silence the collector would probe, and be sent more


@dataclass(frozen=True, slots=True)
class Burst:
    """*faults*: fields of `option:{symbol}` that differ from the last frame; books off balance."""

    window: Window
    sent: int
    drain_s: float  # until all that was sent was written; up to 1 s of it is the status's period
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
    kept = {name: counts[name] for name in verify_store.COUNTERS}
    return Burst(window, sent, drain_s, kept, len(payloads), faults)


def _drain(session: Session, sent: int) -> float:
    """Wait until everything is written, or for a few seconds; return how long that took."""
    started = time.monotonic()
    while (waited_s := time.monotonic() - started) < DRAINED_WITHIN_S:
        status = session.status
        if status["received"] == sent and not status["pending"]:
            break
        time.sleep(0.02)
    return waited_s
