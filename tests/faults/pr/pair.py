"""Collectors as processes at one server, and a witness of every command that reaches it."""

import contextlib
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import redis

from fastopts import keys
from tests.support.broken_valkey import BrokenValkey, wait_for
from tests.support.processes import environ
from tests.support.waiting import PATIENCE_S

__all__ = ("CommandWitness", "Pair", "TrackProcess", "pair")

LINE = re.compile(r'^\+[\d.]+ \[\d+ (\S+)\] "(\w+)"(?: "([^"]*)")?(.*)')
READS = frozenset(
    (
        *("AUTH", "CLIENT", "EXISTS", "GET", "HELLO", "HGET", "HGETALL", "HKEYS", "HMGET", "INFO"),
        *(
            "KEYS",
            "MGET",
            "PING",
            "SCAN",
            "SCARD",
            "SELECT",
            "SMEMBERS",
            "TIME",
            "UNWATCH",
            "WATCH",
        ),
    )
)


class TrackProcess:
    """`python -m fastopts.track` with *words*; `said` is what it has logged so far."""

    def __init__(self, words: Sequence[str], folder: Path) -> None:
        self.said: list[str] = []
        self.process = subprocess.Popen(
            [sys.executable, "-m", "fastopts.track", *words],
            stderr=subprocess.PIPE,
            text=True,
            cwd=folder,
            env=environ(PYTHONPATH=str(Path(__file__).parents[3])),
        )
        self._listening = threading.Thread(target=self._listen)
        self._listening.start()

    def _listen(self) -> None:
        assert self.process.stderr is not None
        with self.process.stderr as stream:
            self.said.extend(stream)  # one by one, as they come

    def has_said(self, words: str, after: int = 0) -> bool:
        """Whether a line beyond the first *after* has *words*."""
        return any(words in line for line in self.said[after:])

    def send(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def ended(self, seconds: float = PATIENCE_S) -> int:
        """Wait for its end; return the exit code."""
        code = self.process.wait(seconds)
        self._listening.join()
        return code

    def kill(self) -> None:
        self.process.kill()
        self.ended()


@dataclass(frozen=True, slots=True)
class Command:
    """One command as the server got it, and from whom."""

    client: str
    name: str
    key: str
    rest: str


class CommandWitness:
    """Takes down every command that the server on *port* carries out, in the server's order."""

    def __init__(self, port: int) -> None:
        self.commands: list[Command] = []
        self._socket = socket.create_connection(("127.0.0.1", port))
        self._stream = self._socket.makefile("rb")
        self._thread = threading.Thread(target=self._listen)

    def __enter__(self) -> Self:
        self._socket.sendall(b"MONITOR\r\n")
        assert self._stream.readline() == b"+OK\r\n"
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._stream.close()
        self._socket.close()

    def _listen(self) -> None:
        with contextlib.suppress(ConnectionResetError):  # commands came while it was closed
            for line in self._stream:
                found = LINE.match(line.decode("latin-1"))
                if found is not None:
                    client, name, key, rest = found.groups()
                    self.commands.append(Command(client, name.upper(), key or "", rest))

    def taken_over(self, epoch: int) -> int:
        """The place of the command that raised the epoch to *epoch*, once the server named it."""
        words = f' "epoch" "{epoch}" "writer"'

        def places() -> list[int]:
            return [
                place
                for place, command in enumerate(self.commands[:])
                if command.key == keys.FEED and command.rest.startswith(words)
            ]

        # The thread that listens may be behind a client that has seen the epoch already.
        wait_for(lambda: bool(places()))
        return places()[0]

    def strangers_writes(self, epoch: int) -> list[Command]:
        """What others than the taker wrote after *epoch* had begun."""
        place = self.taken_over(epoch)
        taker = self.commands[place].client
        return [
            command
            for command in self.commands[place:]
            if command.client != taker and command.name not in READS
        ]

    def writers(self, since: int = 0) -> set[str]:
        """The clients that wrote anything after the first *since* commands."""
        return {c.client for c in self.commands[since:] if c.name not in READS}


class Pair:
    """Any number of collectors at one server."""

    def __init__(self, server: BrokenValkey, venue: Sequence[str], folder: Path) -> None:
        self.server = server
        self.client = server.client
        self.collectors: list[TrackProcess] = []
        self._words = [*venue, "--redis-url", server.url, "--status-s", "0.2"]
        self._folder = folder

    def start(self, *words: str) -> TrackProcess:
        made = TrackProcess([*self._words, *words], self._folder)
        self.collectors.append(made)
        return made

    def writing(self, *words: str) -> TrackProcess:
        """Start one, and wait until it writes."""
        before = self.epoch
        made = self.start(*words)
        wait_for(lambda: self.epoch > before and self.client.keys(keys.record("*")), 20)
        return made

    def standing_by(self, *words: str) -> TrackProcess:
        """Start one that waits for the other, and wait until it listens to the venue, too."""
        made = self.start("--standby", *words)
        wait_for(lambda: made.has_said(" standing by ·") and made.has_said("symbols live"), 20)
        return made

    @property
    def epoch(self) -> int:
        return int(self.client.hget(keys.FEED, "epoch") or 0)

    def epochs(self) -> set[int]:
        """Those of all records."""
        names = list(self.client.scan_iter(keys.record("*")))
        with redis.Redis(port=self.server.port, protocol=2) as raw:
            found = raw.mget(names)
        return {int.from_bytes(record[4:8], "little") for record in found if record}


@contextmanager
def pair(venue: Sequence[str], folder: Path) -> Iterator[Pair]:
    """A server for collectors, all of which end with the block."""
    with BrokenValkey() as server:
        made = Pair(server, venue, folder)
        try:
            yield made
        finally:
            for collector in made.collectors:
                collector.kill()
