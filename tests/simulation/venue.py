"""The venue: what it lists, what it sends to whom, and the log of that, which is the truth.

Each message has a serial number of its own, hidden in numbers that come through to Redis
(`totalVolume`; a snapshot's also in `bidSize`). So whatever stands there names the one message
that it must be equal to.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import orjson
from websockets.frames import Frame
from websockets.http11 import Request
from websockets.protocol import OPEN
from websockets.server import ServerProtocol

from fastopts.net.http import HttpResponse
from fastopts.sim.faults import Faults
from fastopts.sim.feed import text_frame
from fastopts.sim.session import SimSession
from fastopts.sim.settings import SimSettings
from tests.simulation.clock import Agenda
from tests.simulation.network import Host, VirtualConnection
from tests.support.payloads import ticker

__all__ = ("Conn", "ListedOption", "Message", "VirtualVenue")

DAY_MS = 24 * 3600 * 1000
PING_TIMEOUT_S = 12.0
OPTIONAL = ("bidIv", "askPrice", "askIv", "lastPrice", "delta", "openInterest")
REST_NAMES = {"bidPrice": "bid1Price", "bidSize": "bid1Size", "bidIv": "bid1Iv"} | {
    "askPrice": "ask1Price",
    "askSize": "ask1Size",
    "askIv": "ask1Iv",
    "markPriceIv": "markIv",
}


@dataclass(eq=False)
class ListedOption:
    """One option. It is delivered at *expiry_ms*, which only the list knows exactly."""

    symbol: str
    expiry_ms: float
    is_listed: bool = True
    last: "Message | None" = None

    def row(self) -> dict[str, Any]:
        base, *_, kind, settle = self.symbol.split("-")
        return {
            "symbol": self.symbol,
            "status": "Trading",
            "baseCoin": base,
            "quoteCoin": "USDT",
            "settleCoin": settle,
            "optionsType": "Call" if kind == "C" else "Put",
            "launchTime": "1790000000000",
            "deliveryTime": str(round(self.expiry_ms)),
            "priceFilter": {"tickSize": "5"},
            "lotSizeFilter": {"qtyStep": "0.01"},
        }


@dataclass(eq=False)
class Message:
    """What was sent about a symbol.

    *whole* are all its numbers in the venue's words, *frame* may hold fewer of them (a delta).
    *is_sound* is false for what must never be stored, *is_late* where the time is not the newest.
    """

    serial: int
    symbol: str
    frame: dict[str, Any]
    whole: dict[str, str]
    sent_at: float
    is_sound: bool = True
    is_late: bool = False
    payload: bytes = b""  # what is sent, if it is not the frame
    conns: list["Conn"] = field(default_factory=list)
    arrived: dict["Conn", float] = field(default_factory=dict)

    @property
    def ts(self) -> int:
        return int(self.frame["ts"])


class VirtualVenue:
    """REST and WebSocket of one venue. *epoch_ms* is what its clock shows at 0."""

    def __init__(self, agenda: Agenda, rng: random.Random, epoch_ms: float) -> None:
        self.host = Host(lambda wire: Conn(self, wire))
        self.faults = Faults()
        self.rest_fails: Callable[[str], HttpResponse] | None = None
        self.listings: dict[str, ListedOption] = {}
        self.messages: list[Message] = []
        self.news: dict[str, list[Message]] = {}
        self.conns: list[Conn] = []
        self.is_ticking = True
        self.refuse_whole = 0  # requests of more topics than this; 0: none
        self.absurd_pongs = False
        self.is_fragmenting = False
        self.agenda = agenda
        self.rng = rng
        self._epoch_ms = epoch_ms

    def now_ms(self) -> float:
        return self._epoch_ms + self.agenda.now * 1000

    def list_option(self, symbol: str, days: float) -> None:
        self.listings[symbol] = ListedOption(symbol, self.now_ms() + days * DAY_MS)

    def is_trading(self, symbol: str) -> bool:
        found = self.listings.get(symbol)
        return found is not None and found.is_listed and found.expiry_ms > self.now_ms()

    def trading(self) -> list[ListedOption]:
        return [listing for name, listing in self.listings.items() if self.is_trading(name)]

    def tick(self, symbol: str, late_ms: int = 0, **fields: Any) -> Message:
        """Make a tick of *symbol*, and send it to its subscribers."""
        message = self.make(symbol, late_ms, **fields)
        for conn in self.subscribers(symbol):
            conn.deliver(message)
        return message

    def subscribers(self, symbol: str) -> list["Conn"]:
        return [conn for conn in self.conns if symbol in conn.symbols]

    def make(self, symbol: str, late_ms: int = 0, **fields: Any) -> Message:
        """Make a snapshot; it is its symbol's newest unless it is late."""
        serial = len(self.messages)
        absent = {name: "" for name in OPTIONAL if self.rng.random() < 0.2}
        numbers = {
            "totalVolume": str(serial),
            "bidSize": str(serial),
            "bidPrice": f"{serial}.5",
            "markPrice": f"{serial}.25",
            "vega": f"0.{serial}1",
        }
        ts = round(self.now_ms()) - late_ms
        frame = ticker(symbol, ts, serial, **absent, **numbers, **fields)
        whole = frame["data"]
        message = Message(serial, symbol, frame, whole, self.agenda.now, is_late=late_ms != 0)
        self.messages.append(message)
        if not late_ms and symbol in self.listings:
            self.listings[symbol].last = message
            self.news.setdefault(symbol, []).append(message)
        return message

    def news_since(self, message: Message) -> list[Message]:
        """What of its symbol was new after *message*."""
        news = self.news.get(message.symbol, ())
        return [newer for newer in news if newer.serial > message.serial]

    def answer_rest(self, path: str, params: dict[str, str]) -> HttpResponse:
        if self.rest_fails is not None:
            return self.rest_fails(path)
        if path.endswith("/time"):
            body = {"retCode": 0, "retMsg": "", "result": {}, "time": round(self.now_ms())}
            return HttpResponse(200, {}, orjson.dumps(body))
        coin = params["baseCoin"]
        listed = [x for x in self.trading() if x.symbol.startswith(coin + "-")]
        if path.endswith("instruments-info"):
            rows = [listing.row() for listing in listed]
        else:
            rows = [self._ticker_row(listing) for listing in listed]
        result = {"list": rows, "nextPageCursor": "", "category": "option"}
        body = {"retCode": 0, "retMsg": "", "result": result, "time": round(self.now_ms())}
        return HttpResponse(200, {}, orjson.dumps(body))

    def _ticker_row(self, listing: ListedOption) -> dict[str, str]:
        newest = listing.last or self.make(listing.symbol)
        return {REST_NAMES.get(n, n): text for n, text in newest.whole.items()}


class Conn:
    """One WebSocket connection, at the venue."""

    def __init__(self, venue: VirtualVenue, wire: VirtualConnection) -> None:
        self.wire = wire
        self.symbols: set[str] = set()
        self.is_mute = False
        self.opened_at: float | None = None
        self.arrived_at = float("-inf")  # when it last brought a ticker
        self.requests: list[float] = []
        self._venue = venue
        self._missed: dict[str, None] = {}
        self._protocol = ServerProtocol()
        self._session = SimSession(str(id(self)), SimSettings(), venue.faults, venue.is_trading)
        self._pinged_at = venue.agenda.now
        self._base: dict[str, Message] = {}

    def receive(self, data: bytes) -> None:
        self._protocol.receive_data(data)
        for event in self._protocol.events_received():
            if isinstance(event, Request):
                self._welcome(event)
            elif isinstance(event, Frame) and event.opcode == 1:
                self._hear(bytes(event.data))
        self._flush()

    def hung_up(self) -> None:
        if self in self._venue.conns:
            self._venue.conns.remove(self)
        self.symbols.clear()

    def close(self, code: int) -> None:
        """Close with a close frame."""
        if self._protocol.state is OPEN:
            self._protocol.send_close(code, "go away")
            self._flush()

    def deliver(self, message: Message) -> None:
        """Send *message*; a mute connection owes its symbol's newest for later."""
        if self.is_mute or self._venue.faults.mute:
            self._missed[message.symbol] = None
            return
        message.conns.append(self)
        if message.is_sound:
            self._base[message.symbol] = message
        payload = message.payload or orjson.dumps(message.frame)
        self.say(payload, lambda: self._arrived(message))

    def say(self, payload: bytes, arrived: Callable[[], None] | None = None) -> None:
        """Send any text."""
        if self.opened_at is None or self._protocol.state is not OPEN:
            return
        frame = in_fragments(payload) if self._venue.is_fragmenting else text_frame(payload)
        self.wire.send(frame, arrived)

    def has_told(self, symbol: str) -> bool:
        """Whether it ever sent anything of *symbol*, or is about to."""
        return symbol in self._base or symbol in self.symbols

    def deliver_delta(self, symbol: str) -> None:
        """Send only the changes since the last message of *symbol* on this connection."""
        base = self._base.get(symbol)
        if base is None or base.is_late or self._venue.listings[symbol].last is not base:
            return
        if self._venue.subscribers(symbol) != [self]:
            return
        full = self._venue.make(symbol)
        data = {name: full.frame["data"][name] for name in ("symbol", "totalVolume", "markPrice")}
        full.frame |= {"type": "delta", "data": data}
        full.whole = base.whole | data
        self.deliver(full)

    def unmute(self) -> None:
        self.is_mute = False
        missed, self._missed = self._missed, {}
        for symbol in missed:
            listing = self._venue.listings.get(symbol)
            newest = listing and listing.last
            if symbol in self.symbols and newest:
                self.deliver(newest)

    def look(self) -> None:
        """Give up a client that does not ping."""
        if self._venue.agenda.now - self._pinged_at > PING_TIMEOUT_S:
            self.wire.close_down()
            self.hung_up()

    def _arrived(self, message: Message) -> None:
        self.arrived_at = self._venue.agenda.now
        message.arrived.setdefault(self, self.arrived_at)

    def _welcome(self, request: Request) -> None:
        status = self._venue.faults.refuse_status
        if status is not None:
            self._protocol.send_response(self._protocol.reject(status, "no"))
            return
        self._protocol.send_response(self._protocol.accept(request))
        self.opened_at = self._venue.agenda.now
        self._venue.conns.append(self)

    def _hear(self, text: bytes) -> None:
        if self not in self._venue.conns:
            return
        venue = self._venue
        request = orjson.loads(text)
        if request["op"] != "ping":
            self.requests.append(self.wire.written_at)
            if venue.refuse_whole and len(request["args"]) > venue.refuse_whole:
                self.say(b'{"success":false,"ret_msg":"too much","conn_id":"x"}')
                return
        now_ms = round(venue.now_ms()) + (DAY_MS * 400 if venue.absurd_pongs else 0)
        outcome = self._session.receive(text, now_ms)
        if outcome.is_ping:
            self._pinged_at = venue.agenda.now
        for reply in outcome.replies:
            self.say(reply)
        self.symbols.difference_update(outcome.stopped)
        for symbol in outcome.started:
            self.symbols.add(symbol)
            self.deliver(venue.make(symbol))

    def _flush(self) -> None:
        for data in self._protocol.data_to_send():
            if data:
                self.wire.send(data)
            else:
                self.wire.close_down()


def in_fragments(payload: bytes) -> bytes:
    """Return *payload* as two frames of one message, with a ping between them."""
    half = len(payload) // 2
    first, last = text_frame(payload[:half]), text_frame(payload[half:])
    return b"\x01" + first[1:] + b"\x89\x00" + b"\x80" + last[1:]
