"""Two collectors that take turns: how soon, and whether a write ever comes under an old epoch.

``python -m tests.faults.pr.turns`` writes the figures to ``reliability/takeover.json``.
"""

import argparse
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from bench import results
from bench.recovery.figures import Trials
from fastopts import keys
from tests.faults.pr.pair import CommandWitness, Pair, TrackProcess, pair
from tests.support.broken_valkey import wait_for
from tests.support.processes import sim_venue

__all__ = ("Turns", "kill_writers", "take_turns")

WHAT: Final = (
    "a writer that is killed, from its end to the standby's epoch, and to the last of its records;"
    " and one that is stopped past its lease (which is taken away by hand: only quicker) and goes"
    " on, with all that reaches the server looked at"
)


@dataclass
class Turns:
    """*old_writes* are commands of a writer after another's epoch had begun."""

    kills: int = 0
    turns: int = 0
    old_writes: int = 0
    takeover: Trials = field(default_factory=Trials)
    whole: Trials = field(default_factory=Trials)


def kill_writers(both: Pair, times: int, found: Turns) -> None:
    """Kill the writer, and have the standby take over; the lease runs out by itself."""
    writer = both.writing("--standby")
    for _ in range(times):
        waiting = both.standing_by()
        epoch = both.epoch
        with CommandWitness(both.server.port) as witness:
            writer.kill()
            began = time.monotonic()
            wait_for(lambda epoch=epoch: both.epoch > epoch)  # type: ignore[misc]
            found.takeover.seconds.append(time.monotonic() - began)
            wait_for(lambda: both.epochs() == {both.epoch})
            found.whole.seconds.append(time.monotonic() - began)
            found.old_writes += len(witness.strangers_writes(both.epoch))
        found.kills += 1
        both.collectors.remove(writer)
        writer = waiting


def take_turns(both: Pair, times: int, found: Turns) -> None:
    """Have the writer sleep past its lease, and the other take over."""
    writer, waiting = both.writing("--standby"), both.standing_by()
    for _ in range(times):
        found.old_writes += _take_turn(both, writer, waiting)
        found.turns += 1
        writer, waiting = waiting, writer


def _take_turn(both: Pair, sleeper: TrackProcess, taker: TrackProcess) -> int:
    epoch, lines = both.epoch, len(sleeper.said)
    with CommandWitness(both.server.port) as witness:
        sleeper.send(signal.SIGSTOP)
        both.client.delete(keys.LEASE)
        wait_for(lambda: both.epoch > epoch)
        sleeper.send(signal.SIGCONT)
        wait_for(lambda: sleeper.has_said("another collector writes", after=lines))
        wait_for(lambda: both.epochs() == {both.epoch})
        assert taker.process.poll() is None
        return len(witness.strangers_writes(both.epoch))


def main(words: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.faults.pr.turns", description=WHAT)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--turns", type=int, default=1000)
    parser.add_argument("--json", type=Path, default=results.FOLDER / "takeover.json")
    told = parser.parse_args(words)
    found = Turns()
    with sim_venue(rate=400) as venue, tempfile.TemporaryDirectory() as folder:
        for work, times in ((kill_writers, told.kills), (take_turns, told.turns)):
            with pair(venue, Path(folder)) as both:
                work(both, times, found)
    figures = {"kills": found.kills, "turns": found.turns, "old_writes": found.old_writes}
    for name, trials in (("takeover", found.takeover), ("whole", found.whole)):
        figures |= dict(trials.figures(name))
    command = " ".join(["python -m tests.faults.pr.turns", *words])
    results.write(told.json, WHAT, command, None, figures)


if __name__ == "__main__":
    main(sys.argv[1:])
