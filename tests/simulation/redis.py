"""A Redis that fails: `ModelRedis` with connections, a lease that ends, refusals and restarts."""

import copy
import random
from collections.abc import Callable
from typing import Any

import hiredis

from tests.core.modelredis import ModelRedis
from tests.core.resp import encode
from tests.simulation.clock import Agenda
from tests.simulation.network import Host, VirtualConnection

__all__ = ("RedisServer", "RedisSession")

WRITES = frozenset({"HSET", "HDEL", "SET", "EXPIRE", "PEXPIRE", "SADD", "SREM", "DEL", "PUBLISH"})
GROWING = frozenset({"HSET", "SET", "SADD", "PUBLISH"})  # what OOM refuses
OF_HASHES = frozenset(
    {"HSET", "HDEL", "HGET", "HMGET", "HKEYS", "SADD", "SREM", "SMEMBERS", "SCARD"}
)
ABORTED = b"-EXECABORT Transaction discarded because of previous errors.\r\n"

# Called for each command that changed something, with the key and the client that sent it.
Written = Callable[[str, "RedisSession"], None]


class RedisServer(ModelRedis):
    """The server; `host` is its address. *epoch_ms* is what its clock shows at 0."""

    def __init__(
        self, agenda: Agenda, rng: random.Random, epoch_ms: float, written: Written
    ) -> None:
        super().__init__()
        self.host = Host(self._accept)
        self.refusal = ""  # what every command is answered that it concerns
        self.is_hung = False
        self.subscribers = 0
        self.losses = 0  # of keys, by restarts and evictions
        self.keys_lost: set[str] = set()  # while their writer was connected
        self._agenda = agenda
        self._rng = rng
        self._epoch_ms = epoch_ms
        self._written = written
        self._clients: dict[int, RedisSession] = {}
        self.ends: dict[str, float] = {}
        self._number = 100
        self._run = 0

    def now_ms(self) -> float:
        return self._epoch_ms + self._agenda.now * 1000

    def backup(self) -> tuple[dict[str, Any], dict[str, float]]:
        """All keys, and when they end."""
        return copy.deepcopy(self.keys), dict(self.ends)

    def restart(self, held: dict[str, Any], ends: dict[str, float]) -> None:
        """End all connections; come back knowing only what it *held*."""
        for wire in list(self.host.wires):
            wire.reset()
        self._clients.clear()
        self.losses += 1
        self._run += 1
        self._number = 100
        self.keys, self.ends, self.ttl_s = held, ends, {}
        self.keys_lost.clear()

    def lose(self, names: list[str]) -> None:
        """Evict keys."""
        self.losses += 1
        for name in names:
            self.keys.pop(name, None)
            self.keys_lost.add(name)

    def thaw(self) -> None:
        """Answer what was asked while it hung."""
        self.is_hung = False
        for client in list(self._clients.values()):
            client.receive(b"")

    def kill(self, number: int) -> bool:
        client = self._clients.pop(number, None)
        if client is not None:
            client.wire.close_down()
        return client is not None

    def forget(self, client: "RedisSession") -> None:
        self._clients.pop(client.number, None)

    def peek(self, key: str) -> Any:
        """A copy of the current value."""
        return copy.deepcopy(self.keys[key]) if self.holds(key) else None

    def holds(self, key: str) -> bool:
        if self.ends.get(key, float("inf")) <= self._agenda.now:
            self.keys.pop(key, None)
            del self.ends[key]
        return key in self.keys

    def answer(self, words: list[bytes], client: "RedisSession") -> bytes:
        """Execute one command; return its reply."""
        name = words[0].decode()
        key = words[1].decode() if len(words) > 1 else ""
        if name == "DEL":
            return b":%d\r\n" % sum(
                self.keys.pop(word.decode(), None) is not None for word in words[1:]
            )
        if self.refusal and self._concerns(name):
            return b"-" + self.refusal.encode() + b"\r\n"
        reply = self._carry_out(name, key, words, client)
        if name in WRITES and not reply.startswith(b"-"):
            self._written(key, client)
        return reply

    def _concerns(self, name: str) -> bool:
        match self.refusal.split()[0]:
            case "LOADING" | "BUSY" | "MASTERDOWN":
                return True
            case "OOM":
                return name in GROWING
        return name in WRITES

    def _carry_out(self, name: str, key: str, words: list[bytes], client: "RedisSession") -> bytes:
        value = self.keys[key] if self.holds(key) else None
        match name:
            case _ if name in OF_HASHES and not isinstance(value, dict | None):
                return b"-WRONGTYPE Operation against a key holding the wrong kind of value\r\n"
            case "HSET":
                return self._execute(words)
            case "SET" if key.startswith("optrec:"):
                return self._execute(words)
            case "SET":
                return self._set(key, words)
            case "PUBLISH":
                self._execute(words)
                return b":%d\r\n" % self.subscribers
            case "EXPIRE":
                return self._execute(words) if value is not None else b":0\r\n"
        return encode(self._plain(name, key, value, words, client))

    def _plain(
        self, name: str, key: str, value: Any, words: list[bytes], client: "RedisSession"
    ) -> Any:
        match name:
            case "PING":
                return "PONG"
            case "GET":
                return value
            case "TIME":
                second, ms = divmod(self.now_ms(), 1000)
                return [b"%d" % second, b"%d" % (ms * 1000)]
            case "INFO":
                return f"run_id:run{self._run}\r\nredis_version:7.2.0\r\nmaxmemory:0\r\n".encode()
            case "CLIENT" if words[1] == b"ID":
                return client.number
            case "CLIENT":
                return int(self.kill(int(words[3])))
            case "HGET":
                return (value or {}).get(words[2])
            case "HMGET":
                return [(value or {}).get(field) for field in words[2:]]
            case "HKEYS":
                return list(value or {})
            case "HDEL":
                gone = [(value or {}).pop(field, None) for field in words[2:]]
                return len(gone) - gone.count(None)
            case "PEXPIRE":
                self.ends[key] = self._agenda.now + int(words[2]) / 1000
                return int(value is not None)
            case "SADD":
                self.keys.setdefault(key, {}).update(dict.fromkeys(words[2:], b""))
                return len(words) - 2
            case "SREM":
                gone = [(value or {}).pop(member, None) for member in words[2:]]
                return len(gone) - gone.count(None)
            case "SMEMBERS":
                return sorted(value or {})
            case "SCARD" | "HLEN":
                return len(value or {})
            case "EXISTS":
                return int(value is not None)
            case "PUBSUB":
                return [words[2], self.subscribers]
        raise AssertionError(f"the model has no {name}")

    def _set(self, key: str, words: list[bytes]) -> bytes:
        """SET of the lease, whose end counts."""
        if b"NX" in words and self.holds(key):
            return b"$-1\r\n"
        self.keys[key] = words[2]
        self.ends[key] = self._agenda.now + int(words[-1]) / 1000
        return b"+OK\r\n"

    def _accept(self, wire: VirtualConnection) -> "RedisSession":
        self._number += 1
        client = RedisSession(self, wire, self._number)
        self._clients[self._number] = client
        return client


class RedisSession:
    """One connection, at the server."""

    def __init__(self, server: RedisServer, wire: VirtualConnection, number: int) -> None:
        self.wire = wire
        self.number = number
        self._server = server
        self._reader = hiredis.Reader()
        self._queued: list[list[bytes]] | None = None
        self._is_aborted = False
        self._watched: dict[str, Any] = {}

    def receive(self, data: bytes) -> None:
        self._reader.feed(data)
        if self._server.is_hung:
            return
        replies = []
        while (words := self._reader.gets()) is not False:
            replies.append(self._command(words))
        if replies:
            self.wire.send(b"".join(replies))

    def hung_up(self) -> None:
        self._server.forget(self)

    def _command(self, words: list[bytes]) -> bytes:
        if words[0] == b"MULTI":
            self._queued, self._is_aborted = [], False
            return b"+OK\r\n"
        if words[0] == b"WATCH":
            names = [word.decode() for word in words[1:]]
            self._watched = {name: self._server.peek(name) for name in names}
            return b"+OK\r\n"
        if words[0] == b"UNWATCH":
            self._watched = {}
            return b"+OK\r\n"
        if words[0] == b"EXEC":
            assert self._queued is not None
            queued, self._queued = self._queued, None
            watched, self._watched = self._watched, {}
            if self._is_aborted:
                return ABORTED
            if any(self._server.peek(name) != value for name, value in watched.items()):
                return b"*-1\r\n"
            return b"*%d\r\n" % len(queued) + b"".join(self._execute(queued))
        if self._queued is None:
            return self._server.answer(words, self)
        if self._server.refusal:
            self._is_aborted = True
            return b"-" + self._server.refusal.encode() + b"\r\n"
        self._queued.append(words)
        return b"+QUEUED\r\n"

    def _execute(self, queued: list[list[bytes]]) -> list[bytes]:
        """All as one: nobody looks at the keys in between."""
        hears, self._server._written = self._server._written, lambda key, client: None
        try:
            replies = [self._server.answer(words, self) for words in queued]
        finally:
            self._server._written = hears
        for key in {words[1].decode() for words in queued}:
            hears(key, self)
        return replies
