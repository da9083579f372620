"""Once the venue shuts an address out, nothing more is asked of it for a while."""

from dataclasses import dataclass

__all__ = ("Ban",)


@dataclass(slots=True)
class Ban:
    """Begins with an HTTP 403, to a request or to a WebSocket handshake. Times are in seconds."""

    _until: float = float("-inf")

    def begin(self, now: float, seconds: float) -> None:
        self._until = max(self._until, now + seconds)

    def left_s(self, now: float) -> float:
        return max(0.0, self._until - now)
