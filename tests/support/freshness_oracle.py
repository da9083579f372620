"""A server whose every step a test decides, and what a collector does with it: the oracle of the
replica. No socket: commands go in as bytes, answers and announcements come out in one stream."""

import itertools
import struct
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import hiredis

from tests.support.store import EPOCH, LAYOUT, NUMBERS, STORE

EXPIRY_MS = 4_000_000_000_000
STABLE = [f"BTC-27NOV96-{strike}-C-USDT" for strike in range(4)]
FLOATING = [f"BTC-27NOV96-{strike}-P-USDT" for strike in range(4)]

_serial = itertools.count(1)


def record(epoch: int, conn: int, flags: int = 0) -> bytes:
    """A record that differs from all others, by its sequence."""
    head = (1, b"C", flags, epoch, 7, 8, next(_serial), conn, EXPIRY_MS, b"USDT", 9.0)
    return struct.pack(LAYOUT, *head, *NUMBERS.values())


@dataclass
class AnnouncedState:
    """What is in the server, and what of it was announced."""

    stored: dict[str, bytes] = field(default_factory=dict)
    announced: dict[str, bytes] = field(default_factory=dict)
    listed: frozenset[str] = frozenset(STABLE)
    feed: dict[str, Any] = field(default_factory=dict)

    def copy(self) -> "AnnouncedState":
        return AnnouncedState(dict(self.stored), dict(self.announced), self.listed, dict(self.feed))


class FreshnessOracle:
    """The server, and the collector that writes to it.

    `world` is how it is; `heard` how it was where the client has read to.
    """

    def __init__(self, venue: str = "sim") -> None:
        self.world = AnnouncedState()
        self.heard = self.world
        self.now_ms = 1_000_000
        self.commands: deque[list[bytes]] = deque()
        self.log: list[bytes] = []
        self.refusals: dict[bytes, str] = {}
        self.epoch, self.number, self.conn = EPOCH, 0, 1
        self.announces = True
        self._owes_a_message = False
        self._subscribed = ""
        self._wire: deque[tuple[bytes, AnnouncedState]] = deque()
        self._reader = hiredis.Reader()
        self._unannounced: dict[str, bytes] = {}
        self.world.feed = {
            "venue": venue,
            "store": STORE,
            "epoch": EPOCH,
            "universe": 1,
            "assets": "BTC",
            "heartbeat_limit_ms": 5000,
            "watchdog_limit_ms": 12000,
            "coverage": "4/4",
        }
        self.beat()
        self.write(STABLE)
        self.announce()

    # The client's side

    def connect(self) -> None:
        """Another connection: what was under way over the last one is lost."""
        self._wire.clear()
        self.commands.clear()
        self._subscribed = ""
        self._reader = hiredis.Reader()

    def say(self, data: bytes) -> None:
        self._reader.feed(data)
        while (command := self._reader.gets()) is not False:
            self.commands.append(command)

    def serve(self, count: int = 1_000_000) -> None:
        """Answer the next *count* commands."""
        for _ in range(min(count, len(self.commands))):
            command = self.commands.popleft()
            self.log.append(command[0])
            refusal = self.refusals.get(command[0])
            answer = self._answer(command) if refusal is None else f"-{refusal}\r\n".encode()
            self.put(answer)

    def put(self, data: bytes) -> None:
        self._wire.append((data, self.world.copy()))

    def take(self, size: int = 1_000_000_000) -> bytes:
        """What the client reads next; `heard` follows at the end of each answer."""
        taken = bytearray()
        while self._wire and len(taken) < size:
            data, world = self._wire.popleft()
            room = size - len(taken)
            taken += data[:room]
            if len(data) > room:
                self._wire.appendleft((data[room:], world))
            else:
                self.heard = world
        return bytes(taken)

    def _answer(self, command: list[bytes]) -> bytes:
        name, *words = command
        if name == b"HELLO":
            return b"%1\r\n+proto\r\n:3\r\n"
        if name == b"PING":
            return b"+PONG\r\n"
        if name == b"SUBSCRIBE":
            self._subscribed = words[0].decode()
            return b">3\r\n" + _bulk(b"subscribe") + _bulk(words[0]) + b":1\r\n"
        if name == b"TIME":
            seconds, ms = divmod(self.now_ms, 1000)
            return b"*2\r\n" + _bulk(str(seconds)) + _bulk(str(ms * 1000))
        if name == b"INFO":
            return _bulk("# Replication\r\nrole:master\r\n")
        if name == b"HGETALL":
            return _map(self.world.feed)
        if name == b"SMEMBERS":
            return b"~%d\r\n" % len(self.world.listed) + b"".join(
                _bulk(symbol) for symbol in sorted(self.world.listed)
            )
        if name == b"HMGET":
            return b"*%d\r\n" % (len(words) - 1) + b"_\r\n" * (len(words) - 1)
        assert name == b"MGET", command
        found = [self.world.stored.get(key.decode().removeprefix("optrec:")) for key in words]
        return b"*%d\r\n" % len(found) + b"".join(
            b"_\r\n" if one is None else _bulk(one) for one in found
        )

    # The collector's side

    def write(self, symbols: Iterable[str], flags: int = 0) -> None:
        """Write a batch; its announcement is to follow."""
        assert not self._unannounced
        self._unannounced = {s: record(self.epoch, self.conn, flags) for s in symbols}
        self.world.stored |= self._unannounced

    def announce(self, *, is_lost: bool = False) -> None:
        """Announce the batch that was written; subscribers do not receive one that *is_lost*."""
        entries = b"".join(
            bytes([len(symbol)]) + symbol.encode() + found
            for symbol, found in self._unannounced.items()
        )
        count, self._unannounced = len(self._unannounced), {}
        self.number += 1
        if self.announces and not is_lost:
            self.publish(struct.pack("<BxHIQ", 1, count, self.epoch, self.number) + entries)
        self._owes_a_message = is_lost
        if not is_lost:
            self.world.announced = dict(self.world.stored)
            if self._wire:
                self._wire[-1] = (self._wire[-1][0], self.world.copy())

    def tick(self, *symbols: str) -> None:
        self.settle()
        self.write(symbols)
        self.announce()

    def put_again(self, *symbols: str) -> None:
        """Write what stands there once more, in case that somebody deleted it."""
        self.settle()
        self._unannounced = {symbol: self.world.stored[symbol] for symbol in symbols}
        self.announce()

    def settle(self) -> None:
        """End the batch under way, if one is; let it be known if one was lost."""
        if self._unannounced or self._owes_a_message:
            self.announce()

    def publish(self, message: bytes) -> None:
        if self._subscribed and self._subscribed.endswith(str(self.world.feed.get("store", STORE))):
            self.put(b">3\r\n" + _bulk(b"message") + _bulk(self._subscribed) + _bulk(message))

    def beat(self, age_ms: int = 0) -> None:
        """A heartbeat, and the announcement behind it."""
        self.settle()
        at = self.now_ms - age_ms
        self.world.feed |= {"heartbeat_ms": at, f"conn:{self.conn}": at}
        self.announce()

    def lose_conn(self) -> None:
        """The venue's connection is lost, another opened."""
        self.settle()
        del self.world.feed[f"conn:{self.conn}"]
        self.conn += 1
        self.beat()

    def redeliver(self) -> None:
        """Have the open connection deliver what it did not yet, as it does when it subscribes."""
        self.settle()
        owner = (self.epoch, self.conn)
        self.tick(*[s for s in sorted(self.world.listed) if self._owner(s) != owner])

    def _owner(self, symbol: str) -> tuple[int, int] | None:
        """Epoch and conn that delivered what is stored."""
        found = self.world.stored.get(symbol)
        if found is None:
            return None
        _, _, _, epoch, _, _, _, conn, *_ = struct.unpack(LAYOUT, found)
        return epoch, conn

    def take_over(self) -> None:
        """Another collector begins."""
        self.settle()
        del self.world.feed[f"conn:{self.conn}"]
        self.epoch, self.number, self.conn = self.epoch + 1, 0, 1
        self.world.feed |= {"epoch": self.epoch, "universe": 1}
        self.beat()

    def relist(self, listed: Iterable[str]) -> None:
        """List *listed* beside the stable ones; what is new has not ticked yet."""
        self.settle()
        before, self.world.listed = self.world.listed, frozenset({*STABLE, *listed})
        for symbol in (before | self.world.listed) - (before & self.world.listed):
            self.world.stored.pop(symbol, None)
            self.world.announced.pop(symbol, None)
        self.world.feed["universe"] += 1
        self.beat()

    def is_acceptable(self, records: Mapping[str, bytes]) -> bool:
        """Whether a replica that has read to where the client has may hold *records*: what was
        announced, or what a snapshot found written and not announced yet."""
        world = self.heard
        return all(symbol in records for symbol in STABLE) and all(
            found in (world.announced.get(symbol), world.stored.get(symbol))
            for symbol, found in records.items()
            if symbol in STABLE
        )


def _bulk(text: bytes | str) -> bytes:
    raw = text if isinstance(text, bytes) else text.encode()
    return b"$%d\r\n%s\r\n" % (len(raw), raw)


def _map(fields: Mapping[str, Any]) -> bytes:
    return b"%%%d\r\n" % len(fields) + b"".join(
        _bulk(name) + _bulk(str(value)) for name, value in fields.items()
    )
