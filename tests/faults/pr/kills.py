"""A collector's writer that is killed in the middle of what it writes, again and again.

``python -m tests.faults.pr.kills --kills 2000`` writes the figures to ``reliability/kills.json``.

Each run is a forked process with the collector's own writer, which ticks flat out. All numbers of
a tick are the same one, and no tick of any run has another's: so whatever mixes two of them, or was
never sent, is seen. After each kill every hash and every record is looked at. The socket's buffer
is small, so that a flush goes out in many pieces and most kills come between two of them.
"""

import argparse
import asyncio
import dataclasses
import math
import mmap
import os
import random
import signal
import socket
import struct
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import redis

from bench import results
from fastopts import keys
from fastopts.embedded import EmbeddedValkey
from tests.support.payloads import NUMBERS, T0, dump, ticker
from tests.support.store import LAYOUT
from tests.support.writer_harness import INSTRUMENTS, WriterHarness

__all__ = ("KillFigures", "Killing")

SYMBOLS: Final = [
    *(instrument.symbol for instrument in INSTRUMENTS),
    *(f"BTC-27NOV26-{strike}-C-USDT" for strike in range(len(INSTRUMENTS), 100)),
]
SEND_BUFFER: Final = 4096
RUN_NUMBERS: Final = 1_000_000  # of each run: that many ticks it never makes
LIFE_MAX_S: Final = 0.025
MARK: Final = b"@"
MARKED: Final = 987_654_321
START_MAX_S: Final = 20.0
CONVERGE_EVERY: Final = 20
SOMETIMES: Final = ("change24h", "gamma", "bidSize")  # not in every tick
SOMETIMES_SHORT: Final = {"c24", "g", "bq"}
TIMES: Final = {"ts", "tm", "rt", "cn"}
HEADS: Final = 11  # of a record, before the numbers


@dataclass
class KillFigures:
    """What was found. *apart* are hashes that were newer than their record when the kill came;
    *without_expiry* are keys that had none yet: a hash gets it after the answer to its first write,
    as its key might be another program's. The next writer gives it one."""

    kills: int = 0
    hashes: int = 0
    records: int = 0
    torn: int = 0
    never_sent: int = 0
    went_back: int = 0
    apart: int = 0
    without_expiry: int = 0
    converged: int = 0
    not_converged: int = 0


class Killing:
    """Writers on the server at *port*, one after the other; the parent looks at what they leave."""

    def __init__(self, port: int, seed: int) -> None:
        self.figures = KillFigures()
        self._port = port
        self._luck = random.Random(seed)
        self._run = 0
        self._ticked = mmap.mmap(-1, 8)  # the newest number that the running writer has taken
        self._newest = dict.fromkeys(SYMBOLS, 0)
        self._client = redis.Redis(port=port, protocol=2)

    def kill(self, count: int) -> None:
        """Kill *count* writers, and let one end in order now and then."""
        for nth in range(1, count + 1):
            child = self._start(ends=False)
            if nth % 4:  # the others are killed wherever they are in their start
                self._await_ticks()
            time.sleep(self._luck.uniform(0, LIFE_MAX_S))
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            self.figures.kills += 1
            self._look()
            if nth % CONVERGE_EVERY == 0 or nth == count:
                self._converge()

    def close(self) -> None:
        self._client.close()

    def _start(self, ends: bool) -> int:
        self._run += 1
        self._client.delete(keys.LEASE)  # as if its three seconds were over
        self._ticked[:] = bytes(8)
        child = os.fork()
        if child == 0:
            code = 1
            try:
                asyncio.run(self._write(self._run * RUN_NUMBERS, ends))
                code = 0
            finally:
                os._exit(code)
        return child

    def _await_ticks(self) -> None:
        deadline = time.monotonic() + START_MAX_S
        while self._ticked[:] == bytes(8):
            assert time.monotonic() < deadline, "the writer does not start"
            time.sleep(0.001)

    async def _write(self, number: int, ends: bool) -> None:
        """Tick and write, without end or once."""
        harness = _world(self._port)
        await harness.writer.open()
        _shrink(harness)
        harness.writer.conn_opened(harness.conn)
        writing = asyncio.create_task(harness.writer.run())
        while not writing.done():
            number += 1
            self._ticked[:] = struct.pack("<q", number)
            _tick(harness, number)
            if ends:
                harness.writer.end()
                await writing
            await asyncio.sleep(0)

    def _converge(self) -> None:
        _, status = os.waitpid(self._start(ends=True), 0)
        number = self._run * RUN_NUMBERS + 1
        left = self._look()
        is_whole = status == 0 and left == {(number, number)} and not self._without_expiry()
        self.figures.converged += is_whole
        self.figures.not_converged += not is_whole

    def _look(self) -> set[tuple[int | None, int | None]]:
        """Judge everything that stands there; return the numbers of each symbol's hash and record
        (None: there is none)."""
        pipe = self._client.pipeline(transaction=False)
        for symbol in SYMBOLS:
            pipe.hgetall(keys.option(symbol)).get(keys.record(symbol))
        replies = pipe.execute()
        found = set()
        for symbol, held, record in zip(SYMBOLS, replies[::2], replies[1::2], strict=True):
            ours = self._hash(held), self._record(record)
            found.add(ours)
            self._compare(symbol, *ours)
        self.figures.without_expiry += self._without_expiry()
        return found

    def _hash(self, held: dict[bytes, bytes]) -> int | None:
        if not held:
            return None
        self.figures.hashes += 1
        texts = {name.decode(): text.decode() for name, text in held.items()}
        numbers = {text for name, text in texts.items() if name not in TIMES}
        lacking = SOMETIMES_SHORT - texts.keys()
        number = int(numbers.pop())
        is_whole = not numbers and len(texts) + len(lacking) == len(NUMBERS) + len(TIMES) + 1
        return self._judge(number, is_whole and lacking == _lacking(number))

    def _record(self, record: bytes | None) -> int | None:
        if record is None:
            return None
        self.figures.records += 1
        unpacked = struct.unpack(LAYOUT, record)
        sequence, numbers = unpacked[6], unpacked[HEADS:]
        absent = sum(map(math.isnan, numbers))
        is_one = all(math.isnan(number) or number == sequence for number in numbers)
        return self._judge(sequence, is_one and absent == len(_lacking(sequence)))

    def _judge(self, number: int, is_whole: bool) -> int:
        run, nth = divmod(number, RUN_NUMBERS)
        newest = struct.unpack("<q", self._ticked[:])[0]
        self.figures.torn += not is_whole
        self.figures.never_sent += not (0 < run <= self._run and nth > 0)
        self.figures.never_sent += run == self._run and number > newest
        return number

    def _compare(self, symbol: str, hashed: int | None, recorded: int | None) -> None:
        self.figures.apart += hashed != recorded
        # The hash is written first: a record is never newer.
        older, newer = recorded or 0, hashed or 0
        self.figures.went_back += not self._newest[symbol] <= older <= newer
        self._newest[symbol] = older

    def _without_expiry(self) -> int:
        pipe = self._client.pipeline(transaction=False)
        for symbol in SYMBOLS:
            pipe.ttl(keys.option(symbol))
            pipe.ttl(keys.record(symbol))
        return pipe.execute().count(-1)


def _world(port: int) -> WriterHarness:
    harness = WriterHarness(port)
    for symbol in SYMBOLS[len(INSTRUMENTS) :]:
        strike = symbol.split("-")[2]
        one = dataclasses.replace(INSTRUMENTS[0], symbol=symbol, strike_text=strike)
        harness.table.add(symbol, one.expiry_ms, one.strike, one.type, one.settle)
        harness.listed.append(one)
    return harness


def _frame(symbol: str, lacking: tuple[str, ...]) -> bytes:
    """A message with a mark in place of its number."""
    fields: dict[str, Any] = dict.fromkeys(NUMBERS, MARK.decode()) | dict.fromkeys(lacking)
    return dump(ticker(symbol, T0, MARKED, **fields)).replace(str(MARKED).encode(), MARK)


FRAMES: Final = {
    bool(lacking): [_frame(symbol, lacking) for symbol in SYMBOLS] for lacking in ((), SOMETIMES)
}


def _tick(harness: WriterHarness, number: int) -> None:
    digits = str(number).encode()
    for frame in FRAMES[number % 3 == 0]:
        harness.inlet.message(frame.replace(MARK, digits), T0)
    harness.writer.conn_lags(harness.conn, 40)
    harness.writer.conn_delivered(harness.conn, harness.now())
    harness.writer.flusher.wake()


def _shrink(harness: WriterHarness) -> None:
    channel = harness.writer._connection
    assert channel is not None
    assert channel._transport is not None
    ours = channel._transport.get_extra_info("socket")
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)


def _lacking(number: int) -> set[str]:
    return SOMETIMES_SHORT if number % 3 == 0 else set()


WHAT = (
    "SIGKILL at a random moment of a writer that writes flat out; every hash and record is then"
    " looked at"
)


def main(words: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.faults.pr.kills")
    parser.add_argument("--kills", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=Path, default=Path("reliability/kills.json"))
    told = parser.parse_args(words)
    with EmbeddedValkey() as server:
        killing = Killing(server.port, told.seed)
        killing.kill(told.kills)
        killing.close()
    command = " ".join(["python -m tests.faults.pr.kills", *words])
    results.write(told.json, WHAT, command, told.seed, asdict(killing.figures))


if __name__ == "__main__":
    main(sys.argv[1:])
