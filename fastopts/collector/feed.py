"""What readers are told of the feed: who writes, how alive it is, which connections deliver."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from fastopts import keys
from fastopts.session.clocks import RemoteClock

__all__ = ("HEARTBEAT_LIMIT_MS", "HEARTBEAT_S", "NEVER", "Feed")

HEARTBEAT_S = 1.0
HEARTBEAT_LIMIT_MS = 5000
NEVER = float("-inf")


@dataclass(slots=True)
class Feed:
    """The contents of `fastopts:feed`. Times go in as our monotonic seconds, out as server ms."""

    venue: str
    watchdog_ms: int
    universe: int = 0
    assets: tuple[str, ...] = ()  # that have listed symbols
    covered: int = 0
    wanted: int = 0
    never: int = 0  # asked for more than once, and never came
    server: RemoteClock = field(default_factory=RemoteClock)
    exchange: RemoteClock = field(default_factory=RemoteClock)
    conns: dict[int, float | None] = field(default_factory=dict)
    # What came after this has not been written: to a reader it has not been delivered yet.
    behind_since: float | None = None

    def opened(self, conn: int) -> None:
        self.conns[conn] = None

    def delivered(self, conn: int, at: float) -> bool:
        """Note a delivery; True when readers must hear of it before anything else is written."""
        is_first = conn in self.conns and self.conns[conn] is None
        self.conns[conn] = at
        return is_first

    def doubt(self) -> None:
        """None of the open connections has delivered anything, as far as readers are concerned."""
        self.conns = dict.fromkeys(self.conns)

    def closed(self, conn: int) -> None:
        self.conns.pop(conn, None)

    def skew_ms(self, now: float) -> float | None:
        """The venue's clock minus the server's; None while one of them is not known."""
        if not (self.server.known and self.exchange.known):
            return None
        return self.exchange.at(now * 1000) - self.server.at(now * 1000)

    def fields(self, epoch: int, writer: str, now: float) -> Mapping[str, str]:
        """The hash's fields. Needs `server` to be known."""
        skew_ms = self.skew_ms(now)
        shown = {
            "schema": keys.SCHEMA,
            "venue": self.venue,
            "epoch": str(epoch),
            "writer": writer,
            "heartbeat_limit_ms": str(HEARTBEAT_LIMIT_MS),
            "watchdog_limit_ms": str(self.watchdog_ms),
            "heartbeat_ms": str(round(self.server.at(now * 1000))),
            "universe": str(self.universe),
            "assets": ",".join(self.assets),
            "skew_ms": "" if skew_ms is None else str(round(skew_ms)),
            "coverage": f"{self.covered}/{self.wanted}",
            "never": str(self.never),
        }
        conns = {
            f"conn:{conn}": "0" if at is None else self._shown_time(at)
            for conn, at in self.conns.items()
        }
        return shown | conns

    def _shown_time(self, at: float) -> str:
        seen = at if self.behind_since is None else min(at, self.behind_since)
        return "0" if seen == NEVER else str(round(self.server.at(seen * 1000)))
