"""The market that is read, the processes that read it, and their turns."""

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
from bench.reader.contenders.common import Market
from bench.reader.figures import Window
from bench.reader.plan import APART, ONE_CORE, PING, Plan, Row
from bench.reader.results import Measured
from bench.session import Session
from bench.worker_process import WorkerProcess
from fastopts.reader import Chain, OptionReader, StaleData

__all__ = ("SYMBOLS", "Contender", "market", "run")

SYMBOLS = 2_000
VENUE = "custom:127.0.0.1"  # what the collector calls the replay
ASSET = "BTC"
TRICKLE = 20.0  # messages a second: each connection delivers several times in a watchdog's time
FILLED_WITHIN_S = 30.0

_CORES = sorted(os.sched_getaffinity(0))
READER_CORE = {_CORES[0]}
SERVER_CORES = {APART: {_CORES[-1]}, ONE_CORE: READER_CORE}


class Contender:
    """The process of one row, ready for its turns. A context manager."""

    def __init__(self, row: Row, given: Market) -> None:
        self._process = WorkerProcess(
            row.module, row.call, cores=READER_CORE, environment=row.environment, name=row.title
        )
        self._process.send(orjson.dumps(given))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.end()

    @property
    def pid(self) -> int:
        return self._process.pid

    def wait(self) -> None:
        """Return when it has prepared its call."""
        self._process.receive()

    def turn(self, seconds: float, calls: int) -> Window:
        """Have it call for *seconds*, and *calls* times at least. Raises Failed."""
        return Window(**self._process.ask(b"%g %d" % (seconds, calls)))

    def sure_turn(self, seconds: float, calls: int) -> Window:
        """As `turn`, repeated where it failed."""
        return retried(lambda: self.turn(seconds, calls), "reader")


@contextmanager
def market() -> Iterator[tuple[Session, Market]]:
    """A server that a collector has filled and keeps alive, and what is in it."""
    with Session(collecting.FASTOPTS, SYMBOLS, None) as session:
        session.start(TRICKLE)
        yield session, _look(session.valkey.url)


def run(chosen: Plan, session: Session, given: Market) -> Measured:
    """Let every row of the plan, and a PING, take its turns."""
    rows = [PING, *(row for group in chosen.groups for row in group.rows)]
    measured: Measured = {row: {place: [] for place in SERVER_CORES} for row in rows}
    with ExitStack() as stack:
        contenders = {row: stack.enter_context(Contender(row, given)) for row in rows}
        for contender in contenders.values():
            contender.wait()
        for number in range(chosen.rounds):
            print(f"reader: round {number + 1} of {chosen.rounds}", file=sys.stderr, flush=True)
            for place, cores in SERVER_CORES.items():
                os.sched_setaffinity(session.valkey.pid, cores)
                for row, contender in contenders.items():
                    found = contender.sure_turn(chosen.turn_s, chosen.calls)
                    measured[row][place].append(found)
    return measured


def _look(url: str) -> Market:
    with OptionReader(url, VENUE) as reader:
        _wait_until_filled(reader)
        listed = [one.symbol for one in reader.instruments()]
        series = [one.symbol for one in retried(lambda: _whole_chain(reader), "reader").options]
    symbols = random.Random(1).sample(listed, 100)
    return Market(url, VENUE, ASSET, series, symbols, listed)


def _whole_chain(reader: OptionReader) -> Chain:
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
            raise Failed(f"after {FILLED_WITHIN_S:g} s: {reader.feed()!r}")
        time.sleep(0.05)
