"""A recorded market whose every value is known: records packed by hand, as rows of a replay."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from fastopts.history.builder import HOUR_NS, HistoryBuilder
from fastopts.history.manifest import publish
from fastopts.history.rows import rows_of
from fastopts.model import NO_SEQUENCE, NUMBERS, RECORD, Instrument

NS: Final = 1_000_000_000
START_NS: Final = 1_800_000_000 * NS  # 2027-01-15 08:00
START_MS: Final = START_NS // 1_000_000
VENUE: Final = "sim"
CALL: Final = "BTC-26MAR27-90000-C-USDT"
PUT: Final = "BTC-26MAR27-90000-P-USDT"
ETHER: Final = "ETH-26MAR27-3000-C-USDT"
SYMBOLS: Final = (CALL, PUT, ETHER)


def record(
    at_ns: int,
    texts: Mapping[str, str],
    *,
    seq: int = NO_SEQUENCE,
    flags: int = 0,
    conn: int = 1,
    epoch: int = 5,
) -> bytes:
    """A packed record received at *at_ns*, with the venue's *texts* by name; others are empty."""
    numbers = [float(texts.get(name, "nan")) for _, name in NUMBERS]
    rt_ms = at_ns // 1_000_000
    head = (1, b"C", flags, epoch, rt_ms - 7, rt_ms, seq, conn, START_MS, b"USDT", 90000.0)
    return RECORD.pack(*head, *numbers)


def feed(at_ns: int, *, conns: Sequence[int] = (1,), epoch: int = 5) -> dict[str, str]:
    """The feed as written at *at_ns* by a collector whose server's clock is 3 s ahead."""
    now_ms = at_ns // 1_000_000 + 3000
    return {
        "schema": "1",
        "venue": VENUE,
        "store": "0123456789abcdef",
        "epoch": str(epoch),
        "universe": "1",
        "heartbeat_ms": str(now_ms),
        "heartbeat_limit_ms": "5000",
        "assets": "BTC,ETH",
        "watchdog_limit_ms": "3000",
        "skew_ms": "0",
        "skew_error_ms": "2",
        "late_limit_ms": "2000",
        **{f"conn:{conn}": str(now_ms) for conn in conns},
        **{f"lag:{conn}": "10" for conn in conns},
    }


def instrument(symbol: str) -> Instrument:
    """The terms of *symbol*."""
    asset, _, strike, kind, settle = symbol.split("-")
    return Instrument.of_terms(
        symbol,
        [asset, "USDT", settle, str(START_MS + 10**9), strike, kind, "5", "0.01", "Trading", "0"],
    )


class MadeHistory:
    """A builder of the hours from 08:00 on; `publish` puts them into the folder."""

    def __init__(self, root: Path, hours: int = 2) -> None:
        self.root = root
        self.builder = HistoryBuilder(root, VENUE, [START_NS + i * HOUR_NS for i in range(hours)])

    def begin(self, at_ns: int, *, continues: bool = False) -> None:
        """A capture begins, with the terms of all symbols."""
        self.builder.begin(at_ns, continues=continues)
        self.builder.listing(at_ns, [instrument(each) for each in SYMBOLS], ())

    def tick(self, at_ns: int, symbol: str, texts: Mapping[str, str], **head: Any) -> None:
        """A tick is received."""
        self.builder.rows(rows_of([(at_ns, symbol, record(at_ns, texts, **head))]).tobytes())

    def publish(self) -> None:
        """Finish, and publish all hours."""
        self.builder.finish()
        for hour in self.builder.take():
            publish(self.root, VENUE, hour, {"080000-5.mcap": 100})


def decimals(texts: Mapping[str, str]) -> dict[str, Decimal | None]:
    """What the columns of numbers must have."""
    return {name: Decimal(texts[name]) if name in texts else None for _, name in NUMBERS}
