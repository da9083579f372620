"""The store that is read, the processes that read it, and their turns."""

import os
import random
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Self

import orjson

from bench import plan as collecting
from bench.failures import Failed, retried
from bench.reader.contenders.common import Workload
from bench.reader.figures import Turn
from bench.reader.plan import APART, ONE_CORE, PING, ReaderPlan, Row
from bench.reader.results import Turns
from bench.session import Session
from bench.worker_process import WorkerProcess
from fastopts.reader import Chain, OptionReader, StaleData

__all__ = ("SYMBOLS", "ContenderProcess", "filled_store", "run")

SYMBOLS = 2_000
VENUE = "custom:127.0.0.1"  # the collector's name of the replay
ASSET = "BTC"
TRICKLE = 20.0  # messages/s: several on each connection within the watchdog's time
FILLED_WITHIN_S = 30.0

_CORES = sorted(os.sched_getaffinity(0))
READER_CORE = {_CORES[0]}
SERVER_CORES = {APART: {_CORES[-1]}, ONE_CORE: READER_CORE}


class ContenderProcess:
    """The process of one row, which waits for its turns. A context manager."""

    def __init__(self, row: Row, workload: Workload) -> None:
        self._process = WorkerProcess(
            row.module, row.call, cores=READER_CORE, environment=row.environment, name=row.title
        )
        self._process.send(orjson.dumps(workload))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.end()

    @property
    def pid(self) -> int:
        """The process ID."""
        return self._process.pid

    def wait(self) -> None:
        """Wait until the process has prepared its call. Raises Failed."""
        self._process.receive()

    def turn(self, seconds: float, calls: int) -> Turn:
        """Have it call for *seconds*, and at least *calls* times. Raises Failed."""
        return Turn(**self._process.ask(b"%g %d" % (seconds, calls)))

    def retried_turn(self, seconds: float, calls: int) -> Turn:
        """As `turn`, repeated if it fails."""
        return retried(lambda: self.turn(seconds, calls), "reader")


@contextmanager
def filled_store() -> Iterator[tuple[Session, Workload]]:
    """Run a server that a collector has filled and keeps alive; yield it and its contents."""
    with Session(collecting.FASTOPTS, SYMBOLS, None) as session:
        session.start(TRICKLE)
        yield session, _workload(session.valkey.url)


def run(plan: ReaderPlan, session: Session, workload: Workload) -> Turns:
    """Measure PING and every row of the plan in turns."""
    rows = [PING, *(row for group in plan.groups for row in group.rows)]
    turns: Turns = {row: {place: [] for place in SERVER_CORES} for row in rows}
    with ExitStack() as stack:
        contenders = {row: stack.enter_context(ContenderProcess(row, workload)) for row in rows}
        for contender in contenders.values():
            contender.wait()
        for number in range(plan.rounds):
            print(f"reader: round {number + 1} of {plan.rounds}", file=sys.stderr, flush=True)
            # Both places within a round: they are compared with each other, too.
            for place, cores in SERVER_CORES.items():
                os.sched_setaffinity(session.valkey.pid, cores)
                for row, contender in contenders.items():
                    turn = contender.retried_turn(plan.turn_s, plan.calls)
                    turns[row][place].append(turn)
    return turns


def _workload(url: str) -> Workload:
    with OptionReader(url, VENUE) as reader:
        _wait_until_filled(reader)
        universe = [instrument.symbol for instrument in reader.instruments()]
        chain = retried(lambda: _complete_chain(reader), "reader")
        series = [option.symbol for option in chain.options]
    # A fixed seed: two runs read the same symbols.
    symbols = random.Random(1).sample(universe, 100)
    return Workload(url, VENUE, ASSET, series, symbols, universe)


def _complete_chain(reader: OptionReader) -> Chain:
    try:
        chain = reader.chain(ASSET)
    except StaleData as error:
        raise Failed(f"{ASSET}: {error}") from error
    if chain.absent:
        raise Failed(f"{ASSET}: {next(iter(chain.absent.values())).reason}")
    return chain


def _wait_until_filled(reader: OptionReader) -> None:
    deadline = time.monotonic() + FILLED_WITHIN_S
    while reader.feed().covered < SYMBOLS:
        if time.monotonic() > deadline:
            raise Failed(f"store not filled after {FILLED_WITHIN_S:g} s: {reader.feed()!r}")
        time.sleep(0.05)
