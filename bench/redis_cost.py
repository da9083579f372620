"""The server's CPU per update: what our encoder sends, against one whole HSET of 26 fields.

Both ways write the same ticks of the same symbols into one Valkey, in turns, in batches of 100
updates a write. Ours: the HSET of what changed and the SET of the record. Whole: 24 numbers, `tm`
and `ts` of each tick, and no record.
"""

import re
import socket
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime

import hiredis

from bench.frames import Reel, contracts, render, tickers
from bench.measure import cpu_s
from fastopts.core import Batch, Grammar, Table
from fastopts.embedded import EmbeddedValkey
from fastopts.model import NUMBERS
from fastopts.venues.bybit.fields import TICKER_FIELDS, TOPIC_PREFIX

__all__ = ("Cost", "compare")

SYMBOLS = 1500
VERSIONS = 5
BATCH = 100
_HSET = re.compile(rb"\*(\d+)\r\n\$4\r\nHSET\r\n")
LAPS = 10  # over all symbols, in each round
WHOLE_FIELDS = (*(short for short, _ in NUMBERS), "tm", "ts")


@dataclass(slots=True)
class Cost:
    """Per round the server's CPU in us per update; of the last one also the size of an update."""

    ours_us: list[float] = field(default_factory=list)
    whole_us: list[float] = field(default_factory=list)
    ours_bytes: float = 0.0
    whole_bytes: float = 0.0
    ours_fields: float = 0.0  # in a HSET

    @property
    def ratios(self) -> list[float]:
        return [ours / whole for ours, whole in zip(self.ours_us, self.whole_us, strict=True)]


def compare(rounds: int) -> Cost:
    """Write both ways in turns; the first round of each fills the server and is not counted."""
    cost = Cost()
    with EmbeddedValkey() as server:
        bed = Bed(server)
        bed.write_ours()
        bed.write_whole()
        for _ in range(rounds):
            ours_us, cost.ours_bytes = bed.write_ours()
            whole_us, cost.whole_bytes = bed.write_whole()
            cost.ours_us.append(ours_us)
            cost.ours_fields = bed.fields / bed.updates
            cost.whole_us.append(whole_us)
    return cost


class Bed:
    """A table that takes frames from a reel, and a server to write it to."""

    def __init__(self, server: EmbeddedValkey) -> None:
        self._server = server
        self._sock = socket.create_connection(("127.0.0.1", server.port))
        self._table = Table(Grammar(TOPIC_PREFIX, TICKER_FIELDS))
        self._table.epoch = 1
        self._inlet = self._table.inlet(1)
        self._batch = Batch(self._table)
        self._reel = Reel(VERSIONS)
        listed = contracts(SYMBOLS, datetime.now(UTC))
        states = tickers(listed, VERSIONS, seed=2)
        for index, contract in enumerate(listed):
            self._table.add(contract.symbol, contract.expiry_ms, contract.strike, "C", "USDT")
            self._reel.add(contract.symbol, [render(state[index]) for state in states])

    def write_ours(self) -> tuple[float, float]:
        """Write LAPS ticks of every symbol our way; return server CPU in us and bytes of one."""
        self.updates = self.fields = 0
        size, before = 0, cpu_s(self._server.pid)
        for _ in range(LAPS * SYMBOLS // BATCH):
            self._tick()
            commands = self._batch.encode(_now_ms(), 1 << 24)
            self._sock.sendall(commands)
            replies, read = b"", 0
            while not self._batch.done:
                replies += self._sock.recv(65536)
                read = self._batch.acknowledge(memoryview(replies), read, len(replies))
            assert not self._batch.errors, self._batch.errors
            size += len(commands)
            counts = [int(count) for count in _HSET.findall(commands)]
            self.updates += len(counts)
            self.fields += sum(count // 2 - 1 for count in counts)
        return self._per_update(before, size)

    def write_whole(self) -> tuple[float, float]:
        """The same by whole hashes, under keys of their own."""
        size, before = 0, cpu_s(self._server.pid)
        for _ in range(LAPS * SYMBOLS // BATCH):
            commands = b"".join(map(self._hset, self._tick()))
            self._sock.sendall(commands)
            replies = b""
            while replies.count(b"\n") < BATCH:
                replies += self._sock.recv(65536)
            assert b"-" not in replies, replies
            size += len(commands)
        return self._per_update(before, size)

    def _tick(self) -> list[str]:
        """Put the next frames into the table; return their symbols."""
        now_ms = _now_ms()
        first = self._reel.at % SYMBOLS
        frames, taken = self._reel.take(BATCH, now_ms)
        assert taken == BATCH
        self._inlet.scan(frames, 0, len(frames), now_ms)
        return self._reel.symbols[first : first + BATCH]

    def _hset(self, symbol: str) -> bytes:
        fields = self._table.fields(symbol)
        words = (word for name in WHOLE_FIELDS for word in (name, fields[name]))
        packed: bytes = hiredis.pack_command(("HSET", f"whole:{symbol}", *words))  # type: ignore[arg-type]
        return packed

    def _per_update(self, before_s: float, size: int) -> tuple[float, float]:
        updates = LAPS * SYMBOLS
        return (cpu_s(self._server.pid) - before_s) / updates * 1e6, size / updates


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
