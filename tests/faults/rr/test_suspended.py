"""Time that passes inside a read, unseen by the reader: a suspended process, a busy loop."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fastopts.errors import StoreUnavailable, TooOld
from fastopts.reader import OptionReader, queries
from fastopts.reader import reader as reader_module
from fastopts.reader.freshness import requirements
from fastopts.reader.mirrors import replica
from fastopts.reader.mirrors.listener import NullListener
from fastopts.reader.redis import source
from fastopts.reader.selection.scope import scope_of
from tests.support import freshness_oracle
from tests.support.processes import environ
from tests.support.scripted_redis import ScriptedCommand, ScriptedRedis, honest
from tests.support.store import CALL, NUMBERS, Store

TIMEOUT_S = 0.3
STOPPED_S = 1.0
STOPPED_COMPAT_S = 2.5  # the old names wait for 2 s
OLD, NEW = NUMBERS["last_price"], 2222.0

CHILD = """
import asyncio, json, sys
from fastopts.compat import EfficientTradeExecutor
from fastopts.errors import FastoptsError
from fastopts.reader import AsyncOptionReader, OptionReader
kind, how, url, symbol, timeout_s = sys.argv[1:]
reader = OptionReader(url, timeout_s=float(timeout_s))
asynchronous = AsyncOptionReader(url, timeout_s=float(timeout_s))
executor = EfficientTradeExecutor(url=url)

WAYS = {
    "get": lambda r: r.get(symbol),
    "max_age": lambda r: r.get(symbol, max_age_s=1.5),
    "get_many": lambda r: r.get_many([symbol]),
    "chain": lambda r: r.chain("BTC"),
    "chains": lambda r: r.chains("BTC"),
    "scan": lambda r: r.scan("BTC"),
    "table": lambda r: r.table("BTC"),
    "text": lambda r: r.text(symbol),
    "text_many": lambda r: r.text_many([symbol]),
    "direct": lambda _: executor.get_option_direct(symbol),
    "cached": lambda _: executor.get_option_cached(symbol),
}
PRICE = {
    "get_many": lambda found: found[0].last_price,
    "chain": lambda found: found.options[0].last_price,
    "chains": lambda found: found[0].options[0].last_price,
    "scan": lambda found: found[0].last_price,
    "table": lambda found: float(found.to_numpy()["last_price"][0]),
    "text": lambda found: float(found["last_price"]),
    "text_many": lambda found: float(found[0]["last_price"]),
    "direct": lambda found: found,
    "cached": lambda found: None if found is None else found["price"],
}

async def read():
    if how == "blocking":
        return WAYS[kind](reader)
    return await WAYS[kind](asynchronous)

async def main():
    for _ in range(5):  # a busy machine may be slower than the timeout
        try:
            await read()
        except FastoptsError:
            continue
        break
    executor.cache.clear()
    print("ready", flush=True)
    sys.stdin.readline()
    try:
        price = PRICE.get(kind, lambda found: found.last_price)(await read())
    except FastoptsError as error:
        price = type(error).__name__
    print(json.dumps(price), flush=True)

asyncio.run(main())
"""


class Suspension:
    """A script that stops the process *pid* at its next command, and answers with what there was
    then; the process goes on when the answer has come."""

    def __init__(self, store: Store) -> None:
        self.pid: int | None = None
        self.stopped_s = STOPPED_S
        self.is_over = False
        self._store = store

    def __call__(self, said: ScriptedCommand) -> bytes:
        pid, self.pid = self.pid, None
        if pid is None:
            return honest(said)
        os.kill(pid, signal.SIGSTOP)
        while " T " not in Path(f"/proc/{pid}/stat").read_text():
            time.sleep(0.001)
        time.sleep(self.stopped_s)
        self._store.tick(CALL, 0.0, last_price=NEW)
        self._store.feed()
        self.is_over = True
        threading.Timer(0.2, os.kill, (pid, signal.SIGCONT)).start()
        return said.answer


@pytest.fixture
def suspension(store: Store) -> Suspension:
    store.option(CALL)
    return Suspension(store)


@pytest.fixture
def server(store: Store, suspension: Suspension) -> Iterator[ScriptedRedis]:
    with ScriptedRedis(int(store.url.rpartition(":")[2].partition("/")[0]), suspension) as made:
        yield made


KINDS = ("get", "max_age", "get_many", "chain", "chains", "scan", "table", "text", "text_many")


@pytest.mark.parametrize(
    ("how", "kind"),
    [(how, kind) for how in ("blocking", "asyncio") for kind in KINDS]
    + [("blocking", "direct"), ("blocking", "cached")],
)
def test_RR_11_an_answer_taken_after_a_suspension_is_asked_for_again_or_refused(
    server: ScriptedRedis, suspension: Suspension, kind: str, how: str
) -> None:
    suspension.stopped_s = STOPPED_S if kind in KINDS else STOPPED_COMPAT_S
    with subprocess.Popen(
        [sys.executable, "-c", CHILD, kind, how, server.url, CALL, str(TIMEOUT_S)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=environ(),
    ) as child:
        try:
            assert child.stdin is not None
            assert child.stdout is not None
            assert child.stdout.readline() == "ready\n"
            suspension.pid = child.pid
            child.stdin.write("\n")
            child.stdin.flush()
            price = json.loads(child.stdout.readline())
        finally:
            child.kill()
    assert suspension.is_over
    assert price in (NEW, None, "StoreUnavailable")


class SetSteadyClock:
    """A steady clock that a test sets, and a reader whose answers take *delays_s*."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, reader: OptionReader) -> None:
        self.now_s = 1000.0
        self.delays_s: list[float] = []
        self.asked = 0
        self._exchange = reader._connection.exchange
        for module in (queries, source, reader_module):
            monkeypatch.setattr(module, "steady_s", lambda: self.now_s)
        monkeypatch.setattr(reader._connection, "exchange", self._delayed)

    def _delayed(self, payload: bytes, make_replies: Any) -> Any:
        replies = self._exchange(payload, make_replies)
        self.asked += 1
        if self.delays_s:
            self.now_s += self.delays_s.pop(0)
        return replies


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch, store: Store, reader: OptionReader) -> SetSteadyClock:
    store.option(CALL)
    assert reader.get(CALL).last_price == OLD  # its terms are known from here on
    return SetSteadyClock(monkeypatch, reader)


def test_RR_11_a_late_answer_is_asked_for_again_and_then_refused(
    clock: SetSteadyClock, reader: OptionReader
) -> None:
    clock.delays_s = [2.1, 2.1]
    assert reader.get(CALL).live
    assert clock.asked == 3
    clock.delays_s = [2.1] * 3
    with pytest.raises(StoreUnavailable, match=r"processed 2.1 s late.*read again"):
        reader.get(CALL)


def test_RR_11_the_time_that_an_answer_took_counts_as_age(
    clock: SetSteadyClock, reader: OptionReader
) -> None:
    clock.delays_s = [1.9]
    age_s = reader.get(CALL).age_s
    assert age_s == pytest.approx(reader.get(CALL).age_s + 1.9, abs=1)
    clock.delays_s = [1.9]
    with pytest.raises(TooOld):
        reader.get(CALL, max_age_s=1.5)


def test_RR_11_a_suspension_after_the_last_answer_is_noticed(
    clock: SetSteadyClock, reader: OptionReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    read_options = requirements.read_options

    def slow(*arguments: Any) -> Any:
        clock.now_s += 2.1
        return read_options(*arguments)

    monkeypatch.setattr(queries, "read_options", slow)
    with pytest.raises(StoreUnavailable, match="suspended or busy"):
        reader.get(CALL)


def test_RR_11_a_mirror_dates_what_it_saw_by_the_time_of_its_question() -> None:
    server = freshness_oracle.FreshnessOracle()
    copy = replica.Replica("sim", scope_of(None), NullListener())
    copy.start(())
    copy.tick(100.0)
    server.say(copy.data_to_send())
    server.serve()
    copy.receive(server.take(), 120.0)  # the process stood still for 20 s
    assert copy.moment(120.0).now_ms == server.now_ms + 20_000
    assert copy.problem(120.0) is not None
