"""The pause after the venue has shut out this address."""

from dataclasses import dataclass, field

__all__ = ("Ban",)


@dataclass(slots=True)
class Ban:
    """Begins with an HTTP 403 to a request or a WebSocket handshake. Times are in seconds.

    Bybit asks for at least ten minutes without any request: retrying during a ban extends it.
    """

    _until: float = field(default=float("-inf"), init=False)

    def begin(self, now: float, seconds: float) -> None:
        """Ban for *seconds* from *now*; a ban that already lasts longer is not shortened."""
        self._until = max(self._until, now + seconds)

    def remaining_s(self, now: float) -> float:
        """Return for how long the ban still lasts; 0 if there is none."""
        return max(0.0, self._until - now)
