"""Counters of the server: requests, refusals, dropped connections, streams."""

from collections import Counter
from enum import StrEnum
from typing import Final

from fastopts.metrics import Histogram

__all__ = ("DropReason", "ServerStats")

# Long-lived responses: their duration says nothing about the time to answer a request.
STREAM_ROUTES: Final = ("/v1/events",)

# From 0.5 ms (an option out of memory) to 1 s (a scan of the whole market on a busy machine).
DURATION_BOUNDS_MS: Final = (0.5, 1, 2.5, 5, 10, 25, 50, 100, 250, 1000)


class DropReason(StrEnum):
    """Why the server closed a connection; the label `reason` of a metric."""

    CONNECTION_LIMIT = "connection_limit"
    EVICTED = "evicted"
    FRAGMENT_LIMIT = "fragment_limit"
    IDLE = "idle"
    MALFORMED_REQUEST = "malformed_request"
    MALFORMED_WEBSOCKET = "malformed_websocket"
    PING_LIMIT = "ping_limit"
    PIPELINE_LIMIT = "pipeline_limit"
    PONG_LIMIT = "pong_limit"
    REQUEST_TIMEOUT = "request_timeout"
    TOO_LARGE = "too_large"
    WRITE_STALL = "write_stall"


class ServerStats:
    """Counters since the start of the server; each is a public attribute.

    Nothing is locked: all of them are changed in the server's event loop.
    """

    def __init__(self) -> None:
        self.requests: Counter[tuple[str, int]] = Counter()  # by route and status
        self.durations = Histogram(DURATION_BOUNDS_MS)  # without STREAM_ROUTES
        self.refusals: Counter[str] = Counter()  # requests that the guard refused, by reason
        self.drops: Counter[str] = Counter()  # connections, by DropReason
        self.streams: Counter[str] = Counter()  # open now, by kind: "sse", "websocket"
        self.lockouts = 0  # addresses locked out after too many wrong tokens
        self.messages = 0  # sent to streams
        self.skipped = 0  # changes that a newer one replaced before a slow client read them

    def count_request(self, route: str, status: int, duration_s: float) -> None:
        """Count a request that was answered."""
        self.requests[route, status] += 1
        if route not in STREAM_ROUTES:
            self.durations.add(duration_s * 1000)

    def count_refusal(self, reason: str) -> None:
        """Count a request that the guard refused."""
        self.refusals[reason] += 1

    def count_drop(self, reason: DropReason) -> None:
        """Count a connection that the server closed before its client did."""
        self.drops[reason] += 1
