"""Who receives which tickers, and when. No I/O: frames pile up in outlets until they are taken.

Only what somebody subscribed to ticks by itself. Its state is what was pushed last, so that REST
and WebSocket never disagree; the state of anything else is brought to the present when asked for.
"""

import json
from dataclasses import dataclass, field
from typing import Any, Final

from fastopts.sim import dialect
from fastopts.sim.faults import Faults
from fastopts.sim.prices.market import Market
from fastopts.sim.prices.option import Option
from fastopts.sim.prices.pace import Pace
from fastopts.sim.settings import SimSettings

__all__ = ("Feed", "Outlet", "text_frame")

INTERVAL_MIN_MS: Final = 100  # between two tickers of a symbol, by their ts

_FIRST_SEQUENCE = 76_000_000_000


def text_frame(payload: bytes) -> bytes:
    """Return *payload* as one WebSocket text frame of a server (RFC 6455, 5.2)."""
    size = len(payload)
    if size < 126:
        return bytes((0x81, size)) + payload
    if size < 1 << 16:
        return b"\x81\x7e" + size.to_bytes(2, "big") + payload
    return b"\x81\x7f" + size.to_bytes(8, "big") + payload


@dataclass(slots=True, eq=False)
class Outlet:
    """What waits to be written to one connection. A mute one stays empty."""

    is_mute: bool = False
    frames: list[bytes] = field(default_factory=list)


class Feed:
    """The subscriptions to *market*, and their pace."""

    def __init__(self, market: Market, settings: SimSettings, faults: Faults | None = None) -> None:
        self.is_paused = False
        self._market = market
        self._faults = faults or Faults()
        self._order = settings.key_order
        self._pace = Pace[Option](settings.rate, settings.seed)
        self._outlets: dict[Option, set[Outlet]] = {}
        self._pushed: dict[str, bytes] = {}
        self._sequence = _FIRST_SEQUENCE

    def is_trading(self, symbol: str) -> bool:
        option = self._market.options.get(symbol)
        return option is not None and option.listing.status == "Trading"

    def last_frame(self, symbol: str) -> dict[str, Any]:
        """Return the last message made for *symbol*. Raises KeyError if there was none."""
        frame: dict[str, Any] = json.loads(self._pushed[symbol])
        return frame

    def subscribe(self, outlet: Outlet, symbol: str) -> None:
        """Begin to deliver a trading *symbol*, with a snapshot at once."""
        option = self._market.options[symbol]
        outlets = self._outlets.get(option)
        if outlets is None:
            self.refresh(option)
            outlets = self._outlets[option] = set()
            self._pace.add(option, option.listing.weight)
            self._render(option)
        outlets.add(outlet)
        if not outlet.is_mute and symbol not in self._faults.stuck:
            outlet.frames.append(text_frame(self._pushed[symbol]))

    def unsubscribe(self, outlet: Outlet, symbol: str) -> None:
        option = self._market.options.get(symbol)
        if option is not None:
            self._remove(outlet, option)

    def leave(self, outlet: Outlet) -> None:
        """Forget a connection that ended."""
        for option in [option for option, outlets in self._outlets.items() if outlet in outlets]:
            self._remove(outlet, option)

    def refresh(self, option: Option) -> None:
        """Bring to the present what does not tick by itself."""
        if not self.is_paused and option not in self._outlets:
            self._tick(option)

    def advance(self, now_ms: int) -> None:
        """Let the market come to *now_ms*, listings and deliveries included; no ticker is sent."""
        if self.is_paused or not self._market.advance(now_ms):
            return
        for option in list(self._outlets):
            if option.listing.status == "Trading":
                self._pace.add(option, option.listing.weight)
            else:
                del self._outlets[option]
                self._pace.discard(option)
        options = self._market.options
        self._pushed = {name: text for name, text in self._pushed.items() if name in options}

    def push(self, now: float) -> set[Outlet]:
        """Let tick what is due at *now*, in seconds of any clock; return who has frames now."""
        touched: set[Outlet] = set()
        if self.is_paused:
            return touched
        for option in self._pace.due(now):
            if not self._tick(option):
                continue
            frame = text_frame(self._render(option))
            if option.symbol in self._faults.stuck:
                continue
            for outlet in self._outlets[option]:
                if not outlet.is_mute:
                    outlet.frames.append(frame)
                    touched.add(outlet)
        return touched

    def next_due(self) -> float | None:
        return None if self.is_paused else self._pace.next_due()

    def _tick(self, option: Option) -> bool:
        return self._market.now_ms - option.ts_ms >= INTERVAL_MIN_MS and self._market.tick(option)

    def _render(self, option: Option) -> bytes:
        self._sequence += 1
        payload = dialect.snapshot(option, self._sequence, self._order)
        self._pushed[option.symbol] = payload
        return payload

    def _remove(self, outlet: Outlet, option: Option) -> None:
        outlets = self._outlets.get(option)
        if outlets is None:
            return
        outlets.discard(outlet)
        if not outlets:
            del self._outlets[option]
            self._pace.discard(option)
