"""A reader that polls without pause and records every untrue value that it gets."""

import contextlib
import random
import threading
import time
from collections import deque
from collections.abc import Mapping
from typing import Any, Final, Self

from fastopts.errors import FastoptsError
from fastopts.reader import Option, OptionReader
from tests.chaos.system import System

__all__ = ("LIVE_MAX_S", "Witness")

# Heartbeat limit 5 s, watchdog limit 12 s, a second between beats, and time for us to look.
LIVE_MAX_S: Final = 22.0
LOOK_EVERY_S: Final = 0.05
TRUTH_EVERY_S: Final = 0.5
AT_ONCE: Final = 20


class Witness:
    """Reads a few symbols again and again while its `with` block runs.

    What it is given as live must not be from the future, must not go back under one epoch, and
    must not be older than what the venue had sent *LIVE_MAX_S* ago.
    """

    def __init__(self, system: System, seed: int) -> None:
        self.reads = self.live = self.refused = 0
        self.lies: list[str] = []
        self._system = system
        self._luck = random.Random(seed)
        self._truth: deque[tuple[float, dict[str, int]]] = deque()
        self._seen: dict[tuple[str, int], int] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="witness")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        with OptionReader(self._system.reader_url, venue="sim", timeout_s=1.0) as reader:
            while not self._stop.wait(LOOK_EVERY_S):
                self._learn()
                with contextlib.suppress(FastoptsError):
                    self._read(reader)

    def _learn(self) -> None:
        now = time.monotonic()
        if self._truth and now - self._truth[-1][0] < TRUTH_EVERY_S:
            return
        frames = self._system.venue.last()
        self._truth.append((now, {symbol: frame["ts"] for symbol, frame in frames.items()}))
        while len(self._truth) > 1 and now - self._truth[1][0] > LIVE_MAX_S:
            self._truth.popleft()

    def _read(self, reader: OptionReader) -> None:
        symbols = sorted(self._truth[-1][1])
        chosen = self._luck.sample(symbols, min(AT_ONCE, len(symbols)))
        options = reader.get_many(chosen, require_live=False)
        latest = self._system.venue.last()
        self.reads += len(options)
        for option in options:
            if isinstance(option, Option) and option.live:
                self.live += 1
                self.judge(option, latest)
            else:
                self.refused += 1

    def judge(self, option: Option, frames: Mapping[str, dict[str, Any]]) -> None:
        """Hold a live *option* against the venue's last *frames*, and against what came before."""
        at, truth = self._truth[0] if self._truth else (time.monotonic(), {})
        tm = round(option.ts.timestamp() * 1000)
        latest = frames.get(option.symbol)
        if latest is not None and tm > latest["ts"]:
            self._lie(option, f"of {tm}, but the venue's last is of {latest['ts']}")
        is_long_ago = time.monotonic() - at > LIVE_MAX_S
        if is_long_ago and tm < truth.get(option.symbol, 0):
            self._lie(option, f"of {tm}, but {LIVE_MAX_S:g} s ago one of {truth[option.symbol]}")
        key = option.symbol, option.epoch  # another collector's connection may lag behind
        if tm < self._seen.get(key, 0):
            self._lie(option, f"of {tm} after one of {self._seen[key]}")
        self._seen[key] = tm

    def _lie(self, option: Option, words: str) -> None:
        self.lies.append(f"{option.symbol} is live, and {words}")
