"""A simulated venue that keeps its own log of what it sent, to compare captures with."""

import time
from collections.abc import Iterator
from typing import Any

from fastopts.sim import SimSettings, SimVenue
from fastopts.sim.clock import Clock

__all__ = ("LoggingVenue",)


class LoggingVenue(SimVenue):
    """`log` has the messages of each connection with their monotonic times, in order."""

    def __init__(self, settings: SimSettings, clock: Clock | None = None) -> None:
        super().__init__(settings, clock)
        self.log: list[list[tuple[float, bytes]]] = []
        self._logs: dict[int, list[tuple[float, bytes]]] = {}

    def _open(self, connection: Any) -> Any:
        link = super()._open(connection)
        log = self._logs[id(link)] = list[tuple[float, bytes]]()
        self.log.append(log)
        return link

    def _write(self, link: Any, frames: bytes) -> bool:
        is_written = super()._write(link, frames)
        if is_written:
            now = time.monotonic()
            self._logs[id(link)] += [(now, payload) for payload in _payloads(frames)]
        return is_written


def _payloads(frames: bytes) -> Iterator[bytes]:
    """Yield the payloads of unmasked text frames (RFC 6455, 5.2)."""
    at = 0
    while at < len(frames):
        size, header = frames[at + 1], 2
        if size >= 126:
            width = 2 if size == 126 else 8
            size, header = int.from_bytes(frames[at + 2 : at + 2 + width], "big"), 2 + width
        yield frames[at + header : at + header + size]
        at += header + size
