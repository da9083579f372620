"""The values a user receives, and the layout of the packed record and of the message of updates.

A tick is kept twice in Redis: as a hash of the venue's decimal text under short names, and as one
little-endian record of `RECORD.size` bytes. `NUMBERS` orders the numbers of both.
"""

import struct
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Literal

# Short name in the hash, name everywhere else. Those that move with every tick stand first: a
# small Redis hash is searched from its head.
NUMBERS: Final = (
    ("mp", "mark_price"),
    ("ip", "index_price"),
    ("up", "underlying_price"),
    ("d", "delta"),
    ("g", "gamma"),
    ("v", "vega"),
    ("t", "theta"),
    ("miv", "mark_iv"),
    ("bp", "bid_price"),
    ("bq", "bid_size"),
    ("biv", "bid_iv"),
    ("ap", "ask_price"),
    ("aq", "ask_size"),
    ("aiv", "ask_iv"),
    ("lp", "last_price"),
    ("oi", "open_interest"),
    ("v24", "volume_24h"),
    ("t24", "turnover_24h"),
    ("tv", "total_volume"),
    ("tt", "total_turnover"),
    ("h24", "high_24h"),
    ("l24", "low_24h"),
    ("c24", "change_24h"),
    ("pdp", "predicted_delivery_price"),
)
NUMBER_INDEX: Final = {short: index for index, (short, _) in enumerate(NUMBERS)}

RECORD_VERSION: Final = 1
NO_SEQUENCE: Final = -1
FLAG_TIME_SUSPECT: Final = 1  # the exchange time is too far from our clock
FLAG_REST: Final = 2  # a REST row: never live
FLAG_MERGED: Final = 4  # partly from a delta
FLAG_SUSPECT: Final = 8  # REST says otherwise: not live

# version, kind (C or P), flags, epoch | exchange ms | receive ms | sequence | conn, padding |
# expiry ms | settle coin | strike | numbers
RECORD: Final = struct.Struct(f"<BcHIqqqI4xq8sd{len(NUMBERS)}d")

# A message on `keys.UPDATES`: version, padding, count of records, epoch, number; then, for each
# record, the length of its symbol in one byte, the symbol in ASCII, and the record as it is stored.
# The number counts an epoch's messages from 1: who finds a gap has missed something.
UPDATE_VERSION: Final = 1
UPDATE_HEAD: Final = struct.Struct("<BxHIQ")
UPDATE_BYTES_MAX: Final = 65536

Kind = Literal["C", "P"]


@dataclass(frozen=True, slots=True)
class Instrument:
    """The terms of one option, as the venue lists it. Decimal texts are the venue's own."""

    symbol: str
    asset: str
    quote: str
    settle: str
    expiry_ms: int
    strike_text: str
    kind: Kind
    tick_size: str
    lot_size: str
    status: str
    launch_ms: int

    @property
    def strike(self) -> float:
        return float(self.strike_text)


class Option:
    """One option's newest tick, as it was read. Numbers that the venue does not give are None.

    Prices are in quote coin, sizes in base coin, implied volatilities fractions (0.53 is 53 %),
    greeks the venue's, per 1 unit of base coin: vega per vol point (0.01), theta per calendar day.
    """

    __slots__ = ("_tick", "_values", "age_s", "live", "symbol", "venue")

    def __init__(self, symbol: str, venue: str, record: bytes, live: bool, age_s: float) -> None:
        """Unpack *record*; *age_s* is the server's clock, corrected for the venue's, minus `ts`."""
        unpacked = RECORD.unpack(record)
        self.symbol = symbol
        self.venue = venue
        self.live = live
        self.age_s = age_s
        self._tick = unpacked[:11]
        self._values = unpacked[11:]

    def __repr__(self) -> str:
        state = "live" if self.live else "not live"
        return (
            f"<Option {self.symbol} {self.bid_price}/{self.ask_price} mark {self.mark_price}"
            f" iv {self.mark_iv}, {self.age_s:.1f} s old, {state}>"
        )

    @property
    def asset(self) -> str:
        return self.symbol.split("-", 1)[0]

    @property
    def settle(self) -> str:
        settle: bytes = self._tick[9]
        return settle.rstrip(b"\0").decode()

    @property
    def type(self) -> Kind:
        """`C` or `P`."""
        return "C" if self._tick[1] == b"C" else "P"

    @property
    def strike(self) -> float:
        strike: float = self._tick[10]
        return strike

    @property
    def expiry_ms(self) -> int:
        expiry_ms: int = self._tick[8]
        return expiry_ms

    @property
    def expiry(self) -> datetime:
        """When it is delivered, in UTC."""
        return _utc(self.expiry_ms)

    @property
    def ts_ms(self) -> int:
        tm: int = self._tick[4]
        return tm

    @property
    def ts(self) -> datetime:
        """The venue's time of the tick, in UTC."""
        return _utc(self.ts_ms)

    @property
    def rt(self) -> datetime:
        """When the collector received it, by its own clock, in UTC."""
        return _utc(self._tick[5])

    @property
    def seq(self) -> int | None:
        """The venue's sequence number."""
        sequence: int = self._tick[6]
        return None if sequence == NO_SEQUENCE else sequence

    @property
    def source(self) -> Literal["ws", "rest"]:
        return "rest" if self._tick[2] & FLAG_REST else "ws"

    @property
    def time_suspect(self) -> bool:
        """The tick's time can't be right."""
        return bool(self._tick[2] & FLAG_TIME_SUSPECT)

    @property
    def bid_price(self) -> float | None:
        return self._quote(8, 8, 9)

    @property
    def bid_size(self) -> float | None:
        return self._quote(9, 8, 9)

    @property
    def bid_iv(self) -> float | None:
        return self._quote(10, 8, 9) or None

    @property
    def ask_price(self) -> float | None:
        return self._quote(11, 11, 12)

    @property
    def ask_size(self) -> float | None:
        return self._quote(12, 11, 12)

    @property
    def ask_iv(self) -> float | None:
        return self._quote(13, 11, 12) or None

    @property
    def mid(self) -> float | None:
        """Half way between bid and ask; None when a side is missing or they are crossed."""
        bid, ask = self.bid_price, self.ask_price
        return None if bid is None or ask is None or bid > ask else (bid + ask) / 2

    @property
    def mark_price(self) -> float | None:
        return self._number(0)

    @property
    def index_price(self) -> float | None:
        """The spot index."""
        return self._number(1)

    @property
    def underlying_price(self) -> float | None:
        """The forward of this expiry."""
        return self._number(2)

    @property
    def forward(self) -> float | None:
        """The same as `underlying_price`."""
        return self._number(2)

    @property
    def delta(self) -> float | None:
        """Negative for a put."""
        return self._number(3)

    @property
    def gamma(self) -> float | None:
        """Change of delta per 1 unit of quote coin."""
        return self._number(4)

    @property
    def vega(self) -> float | None:
        """Per vol point (0.01)."""
        return self._number(5)

    @property
    def theta(self) -> float | None:
        """Per calendar day."""
        return self._number(6)

    @property
    def mark_iv(self) -> float | None:
        return self._number(7)

    @property
    def last_price(self) -> float | None:
        """The last trade's price; it has no time of its own."""
        return self._number(14) or None

    @property
    def open_interest(self) -> float | None:
        """In base coin."""
        return self._number(15)

    @property
    def volume_24h(self) -> float | None:
        """In base coin."""
        return self._number(16)

    @property
    def turnover_24h(self) -> float | None:
        """Notional of the underlying in quote coin, not premium."""
        return self._number(17)

    @property
    def total_volume(self) -> float | None:
        return self._number(18)

    @property
    def total_turnover(self) -> float | None:
        return self._number(19)

    @property
    def high_24h(self) -> float | None:
        return self._number(20) or None

    @property
    def low_24h(self) -> float | None:
        return self._number(21) or None

    @property
    def change_24h(self) -> float | None:
        """A fraction: -0.12 is -12 %."""
        return self._number(22)

    @property
    def predicted_delivery_price(self) -> float | None:
        """Known in the last 30 minutes."""
        return self._number(23) or None

    def _number(self, index: int) -> float | None:
        value: float = self._values[index]
        return None if value != value else value

    def _quote(self, index: int, price: int, size: int) -> float | None:
        """A side without a price or a size is no quote: nothing of it counts."""
        values = self._values
        if not (values[price] > 0 and values[size] > 0):
            return None
        return self._number(index)


def _utc(ms: int) -> datetime:
    return datetime.fromtimestamp(ms / 1000, UTC)
