"""What the server counts about itself."""

from collections import Counter
from typing import Final

from fastopts.metrics import Histogram

STREAMS: Final = ("/v1/events",)  # which last

__all__ = ("Figures",)

BOUNDS_MS: Final = (0.5, 1, 2.5, 5, 10, 25, 50, 100, 250, 1000)


class Figures:
    """Counts since the start."""

    def __init__(self) -> None:
        self.requests: Counter[tuple[str, int]] = Counter()  # by route and status
        self.took = Histogram(BOUNDS_MS)  # streams left out
        self.refusals: Counter[str] = Counter()  # by reason
        self.drops: Counter[str] = Counter()  # of connections, by reason
        self.streams: Counter[str] = Counter()  # open now, by kind
        self.lockouts = 0  # addresses that sent too many wrong tokens
        self.messages = 0
        self.skipped = 0

    def answered(self, route: str, status: int, seconds: float) -> None:
        self.requests[route, status] += 1
        if route not in STREAMS:
            self.took.add(seconds * 1000)

    def refused(self, reason: str) -> None:
        self.refusals[reason] += 1

    def dropped(self, reason: str) -> None:
        self.drops[reason] += 1
