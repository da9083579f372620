"""The server's CPU per update: the commands of the collector against a whole HSET of 26 fields.

Both ways write the same ticks of the same symbols into one Valkey, in turns, in batches of 100
updates per write. The collector: an HSET of the changed fields and the SET of the record. Whole:
24 numbers, `tm` and `ts` of each tick, and no record.
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
LAPS = 10  # over all symbols, in each round: 15,000 updates
WHOLE_FIELDS = (*(short for short, _ in NUMBERS), "tm", "ts")


@dataclass(slots=True)
class Cost:
    """The server's CPU per update in us, by round; sizes are those of the last round.

    *ours*: the commands of the collector, *whole*: whole hashes.
    """

    ours_us: list[float] = field(default_factory=list)
    whole_us: list[float] = field(default_factory=list)
    ours_bytes: float = 0.0
    whole_bytes: float = 0.0
    ours_fields: float = 0.0  # in an HSET

    @property
    def ratios(self) -> list[float]:
        """CPU of the collector's commands, divided by that of whole hashes, by round."""
        return [partial / whole for partial, whole in zip(self.ours_us, self.whole_us, strict=True)]


def compare(rounds: int) -> Cost:
    """Write both ways in turns, *rounds* times."""
    cost = Cost()
    with EmbeddedValkey() as server:
        writer = UpdateWriter(server)
        # Not counted: creating the keys costs more than updating them.
        writer.write_ours()
        writer.write_whole()
        for _ in range(rounds):
            ours_us, cost.ours_bytes = writer.write_ours()
            whole_us, cost.whole_bytes = writer.write_whole()
            cost.ours_us.append(ours_us)
            cost.ours_fields = writer.fields / writer.updates
            cost.whole_us.append(whole_us)
    return cost


# Not the collector's process: its loop decides when to write, and how much at once.
class UpdateWriter:
    """Feeds frames from a reel into a table and writes its updates to *server*."""

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
        """Write LAPS ticks of every symbol by the collector's commands.

        Return the server's CPU in us and the size in bytes, per update.
        """
        self.updates = self.fields = 0
        # Parsing and encoding here cost the server nothing: only its process is measured.
        size, before = 0, cpu_s(self._server.pid)
        for _ in range(LAPS * SYMBOLS // BATCH):
            self._tick()
            commands = self._batch.encode(_now_ms(), 1 << 24)
            self._sock.sendall(commands)
            # Wait for all replies: a server with a queue would be measured at another batch size.
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
        """Write LAPS ticks of every symbol by whole hashes, under other keys.

        Return the server's CPU in us and the size in bytes, per update.
        """
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
        frames, count = self._reel.take(BATCH, now_ms)
        assert count == BATCH
        self._inlet.scan(frames, 0, len(frames), now_ms)
        return self._reel.symbols[first : first + BATCH]

    def _hset(self, symbol: str) -> bytes:
        fields = self._table.fields(symbol)
        pairs = (text for name in WHOLE_FIELDS for text in (name, fields[name]))
        packed: bytes = hiredis.pack_command(("HSET", f"whole:{symbol}", *pairs))  # type: ignore[arg-type]
        return packed

    def _per_update(self, before_s: float, size: int) -> tuple[float, float]:
        updates = LAPS * SYMBOLS
        return (cpu_s(self._server.pid) - before_s) / updates * 1e6, size / updates


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
