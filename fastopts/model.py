"""The values a user receives, and the layout of the packed record.

A tick is kept twice in Redis: as a hash of the venue's decimal text under short names, and as one
little-endian record of `RECORD.size` bytes. `NUMBERS` orders the numbers of both.
"""

import struct
from dataclasses import dataclass
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

# Hash fields beside the numbers: exchange time, receive time and sequence move with every tick;
# `ts` is the exchange time in whole seconds, `cn` tells who delivered the tick.
TIMES: Final = ("tm", "rt", "sq")
ORIGINS: Final = ("ts", "cn")
HASH_FIELDS: Final = (*TIMES, *(short for short, _ in NUMBERS), *ORIGINS)

RECORD_VERSION: Final = 1
NO_SEQUENCE: Final = -1
FLAG_TIME_SUSPECT: Final = 1  # the exchange time is too far from our clock
FLAG_REST: Final = 2  # a REST row: never live
FLAG_MERGED: Final = 4  # partly from a delta

# version, kind (C or P), flags, epoch | exchange ms | receive ms | sequence | conn, padding |
# expiry ms | settle coin | strike | numbers
RECORD: Final = struct.Struct(f"<BcHIqqqI4xq8sd{len(NUMBERS)}d")

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
