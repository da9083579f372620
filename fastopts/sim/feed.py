"""Ticker subscriptions and their schedule, without I/O: frames wait in send queues.

Only subscribed options tick by themselves. REST returns their last pushed state, so that REST and
WebSocket never disagree; other options are brought up to date when REST is asked for them.
"""

import json
from dataclasses import dataclass, field
from typing import Any, Final

from fastopts.sim import dialect
from fastopts.sim.faults import Faults
from fastopts.sim.prices.market import SimMarket
from fastopts.sim.prices.option import SimOption
from fastopts.sim.prices.pace import Pace
from fastopts.sim.settings import SimSettings

__all__ = ("SendQueue", "SimFeed", "text_frame")

INTERVAL_MIN_MS: Final = 100  # the venue pushes a symbol at most every 100 ms, by its `ts`

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
class SendQueue:
    """Frames that wait to be written to one connection; a mute connection's queue stays empty."""

    is_mute: bool = False
    frames: list[bytes] = field(default_factory=list)


class SimFeed:
    """Subscriptions to the options of *market*, and the schedule of their ticks."""

    def __init__(
        self, market: SimMarket, settings: SimSettings, faults: Faults | None = None
    ) -> None:
        self.is_paused = False
        self._market = market
        self._faults = faults or Faults()
        self._order = settings.key_order
        self._pace = Pace[SimOption](settings.rate, settings.seed)
        self._queues: dict[SimOption, set[SendQueue]] = {}
        self._pushed: dict[str, bytes] = {}
        self._sequence = _FIRST_SEQUENCE

    def is_trading(self, symbol: str) -> bool:
        """Whether *symbol* is listed and trading."""
        option = self._market.options.get(symbol)
        return option is not None and option.listing.status == "Trading"

    def last_frame(self, symbol: str) -> dict[str, Any]:
        """Return the last message rendered for *symbol*. Raises KeyError if there is none."""
        frame: dict[str, Any] = json.loads(self._pushed[symbol])
        return frame

    def subscribe(self, queue: SendQueue, symbol: str) -> None:
        """Deliver *symbol*, which must be trading, beginning with a snapshot."""
        option = self._market.options[symbol]
        queues = self._queues.get(option)
        if queues is None:
            self.refresh(option)
            queues = self._queues[option] = set()
            self._pace.add(option, option.listing.weight)
            self._render(option)
        queues.add(queue)
        if not queue.is_mute and symbol not in self._faults.stuck:
            queue.frames.append(text_frame(self._pushed[symbol]))

    def unsubscribe(self, queue: SendQueue, symbol: str) -> None:
        """Stop delivering *symbol*. No-op if it was not subscribed."""
        option = self._market.options.get(symbol)
        if option is not None:
            self._remove(queue, option)

    def leave(self, queue: SendQueue) -> None:
        """Remove the subscriptions of a closed connection."""
        for option in [option for option, queues in self._queues.items() if queue in queues]:
            self._remove(queue, option)

    def refresh(self, option: SimOption) -> None:
        """Bring an option without subscribers up to date."""
        if not self.is_paused and option not in self._queues:
            self._tick(option)

    def advance(self, now_ms: int) -> None:
        """Advance the market to *now_ms*, with listings and deliveries, without sending tickers."""
        if self.is_paused or not self._market.advance(now_ms):
            return
        for option in list(self._queues):
            if option.listing.status == "Trading":
                self._pace.add(option, option.listing.weight)
            else:
                del self._queues[option]
                self._pace.discard(option)
        options = self._market.options
        self._pushed = {name: text for name, text in self._pushed.items() if name in options}

    def push(self, now: float) -> set[SendQueue]:
        """Tick the options that are due at *now* (seconds); return the queues that have frames."""
        touched: set[SendQueue] = set()
        if self.is_paused:
            return touched
        for option in self._pace.due(now):
            if not self._tick(option):
                continue
            frame = text_frame(self._render(option))
            if option.symbol in self._faults.stuck:
                continue
            for queue in self._queues[option]:
                if not queue.is_mute:
                    queue.frames.append(frame)
                    touched.add(queue)
        return touched

    def next_due(self) -> float | None:
        """Time of the next tick in seconds; None if nothing is scheduled."""
        return None if self.is_paused else self._pace.next_due()

    def _tick(self, option: SimOption) -> bool:
        return self._market.now_ms - option.ts_ms >= INTERVAL_MIN_MS and self._market.tick(option)

    def _render(self, option: SimOption) -> bytes:
        self._sequence += 1
        payload = dialect.snapshot(option, self._sequence, self._order)
        self._pushed[option.symbol] = payload
        return payload

    def _remove(self, queue: SendQueue, option: SimOption) -> None:
        queues = self._queues.get(option)
        if queues is None:
            return
        queues.discard(queue)
        if not queues:
            del self._queues[option]
            self._pace.discard(option)
