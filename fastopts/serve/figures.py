"""What the server counts about itself."""

from collections import Counter
from typing import Final

STREAMS: Final = ("/v1/events",)  # which last

__all__ = ("BUCKETS_S", "Figures")

BUCKETS_S: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0)


class Figures:
    """Counts since the start."""

    def __init__(self) -> None:
        self.requests: Counter[tuple[str, int]] = Counter()  # by route and status
        self.seconds = [0] * (len(BUCKETS_S) + 1)
        self.seconds_sum = 0.0
        self.refusals: Counter[str] = Counter()  # by reason
        self.drops: Counter[str] = Counter()  # of connections, by reason
        self.streams: Counter[str] = Counter()  # open now, by kind
        self.messages = 0
        self.skipped = 0

    def answered(self, route: str, status: int, seconds: float) -> None:
        self.requests[route, status] += 1
        if route in STREAMS:
            return
        self.seconds_sum += seconds
        place = sum(seconds > bound for bound in BUCKETS_S)
        self.seconds[place] += 1

    def refused(self, reason: str) -> None:
        self.refusals[reason] += 1

    def dropped(self, reason: str) -> None:
        self.drops[reason] += 1
