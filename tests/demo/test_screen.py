"""The demo's screen, drawn from made-up options."""

import io
from collections.abc import Sequence
from typing import Any

from rich.console import Console

from fastopts.core import decode
from fastopts.demo.screen import DAY_MS, Frame, near_the_money, render, svg
from fastopts.model import RECORD, RECORD_VERSION
from fastopts.reader import Option
from fastopts.reader.freshness.feed import Feed
from fastopts.reader.freshness.moment import Moment

NOW = 1_795_000_000_000
STATUS = {
    "covered": 1999,
    "wanted": 2000,
    "rate": 2612.4,
    "cpu_percent": 5.21,
    "rss_mb": 51.6,
    "lag_ms": 0.31,
    "connections": 4,
    "received": 1010,
    "applied": 1000,
    "older": 7,
    "rejected": 3,
    "written": 950,
    "conflated": 45,
    "pending": 5,
}


def option(
    asset: str, days: float, strike: float, kind: str, settle: str = "USDT", age_s: float = 0.25
) -> Option:
    record = RECORD.pack(
        *(RECORD_VERSION, kind.encode(), 0, 1, NOW, NOW, 5, 1, round(NOW + days * DAY_MS)),
        *(settle.encode(), strike, 12.5, 100.0, 101.0, 0.5, *[0.1] * 20),
    )
    moment = Moment(Feed({b"venue": b"sim"}), NOW + round(age_s * 1000), {})
    conns = {1} if age_s < 10 else set()
    return decode(Option, f"{asset}-{days}-{strike}-{kind}-{settle}", record, moment, 1, conns)


def frame(
    status: dict[str, Any] = STATUS,
    log_line: str = "",
    shown: Sequence[Option] = (),
    previous_prices: dict[str, float | None] | None = None,
) -> Frame:
    return Frame(
        status=status,
        log_line=log_line,
        options=shown,
        shown=shown,
        previous_prices=previous_prices or {},
    )


def text(content: Frame) -> str:
    console = Console(width=110, file=io.StringIO(), record=True)
    console.print(render(content))
    return console.export_text()


def test_the_strike_nearest_the_forward_past_a_day_is_shown() -> None:
    options = [
        option(asset, days, strike, kind, settle)
        for asset in ("BTC", "ETH")
        for days in (0.5, 2, 9)
        for strike in (90.0, 100.0, 104.0)
        for kind in "PC"
        for settle in ("USDT", "USDC")
    ]
    shown = [o.symbol for o in near_the_money(options, NOW)]
    assert shown == [f"{a}-2-100.0-{kind}-USDT" for a in ("BTC", "ETH") for kind in "CP"]
    assert near_the_money([], NOW) == []


def test_figures_quotes_and_equations_are_drawn_and_it_says_simulated() -> None:
    shown = [option("BTC", 2, 100.0, "C"), option("BTC", 2, 100.0, "P", age_s=30)]
    drawn = text(frame(log_line="careful", shown=shown, previous_prices={shown[0].symbol: 12.0}))
    for words in (
        *("SIMULATED — not the market", "1,999 of 2,000", "2,612", "5.2 %", "52 MB", "0.3 ms"),
        *("BTC-2-100.0-C-USDT", "12.5", "0.50", "250 ms", "stale", "careful"),
        "received 1,010 = applied 1,000 + older 7 + rejected 3",
        "applied 1,000 = written 950 + conflated 45 + pending 5",
    ):
        assert words in drawn, words


def test_before_the_first_status_it_says_that_it_starts() -> None:
    drawn = text(frame(status={}))
    assert "SIMULATED" in drawn
    assert "starting" in drawn


def test_the_picture_loads_nothing_from_elsewhere() -> None:
    drawn = svg(frame())
    assert "SIMULATED" in drawn
    assert "url(http" not in drawn
