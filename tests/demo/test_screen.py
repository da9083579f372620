"""The demo's screen, drawn from made-up options."""

import re
import shlex
from collections.abc import Sequence
from typing import Any

import pytest

from fastopts.core import decode
from fastopts.demo.screen import (
    DAY_MS,
    Frame,
    near_the_money,
    program,
    progress_line,
    render,
    svg,
    usage_lines,
)
from fastopts.model import RECORD, RECORD_VERSION
from fastopts.reader import Option
from fastopts.reader.freshness.feed import Feed
from fastopts.reader.freshness.moment import Moment

NOW = 1_795_000_000_000
STATUS = {
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
    asset: str,
    days: float,
    strike: float,
    kind: str,
    settle: str = "USDT",
    age_s: float = 0.25,
    heartbeat_age_ms: int = 1000,
) -> Option:
    record = RECORD.pack(
        *(RECORD_VERSION, kind.encode(), 0, 1, NOW, NOW, 5, 1, round(NOW + days * DAY_MS)),
        *(settle.encode(), strike, 12.5, 100.0, 101.0, 0.5, *[0.1] * 20),
    )
    now_ms = NOW + round(age_s * 1000)
    fields = {"venue": "sim", "heartbeat_ms": now_ms - heartbeat_age_ms, "heartbeat_limit_ms": 5000}
    feed = Feed({name.encode(): str(value).encode() for name, value in fields.items()})
    moment = Moment(feed, now_ms, {})
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
    return render(content, 110).plain


def crowded() -> Frame:
    """Four assets, the largest numbers of a long run, a long warning, addresses with long ports."""
    counted = ("received", "applied", "older", "rejected", "written", "conflated", "pending")
    shown = [
        option(asset, 25.0, 100000.0, kind)
        for asset in ("BTC", "ETH", "SOL", "XRP")
        for kind in "CP"
    ]
    return Frame(
        status=STATUS | dict.fromkeys(counted, 1_234_567_890) | {"rate": 20_000, "rss_mb": 1_051},
        log_line="connection 3 is behind the venue by 2,345 ms: readers refuse its data " * 4,
        options=shown * 1500,
        shown=shown,
        previous_prices={},
        page_url="http://127.0.0.1:48060/",
        redis_url="redis://127.0.0.1:46390",
    )


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
        *("SIMULATED — not the market", "1 of 2", "2,612", "5.2 %", "52 MB", "0.3 ms"),
        *("BTC-2-100.0-C-USDT", "12.5", "0.50", "250 ms", "stale", "careful"),
        "received 1,010 = applied 1,000 + older 7 + rejected 3",
        "applied 1,000 = written 950 + conflated 45 + pending 5",
    ):
        assert words in drawn, words


@pytest.mark.parametrize(("width", "height"), [(60, 20), (80, 24), (100, 30), (200, 60)])
def test_everything_fits_a_terminal_and_nothing_is_cut(width: int, height: int) -> None:
    content = crowded()
    lines = render(content, width, height).plain.splitlines()
    assert len(lines) <= height
    assert max(map(len, lines)) <= width
    assert "SIMULATED — not the market" in lines[0]
    drawn = "\n".join(lines)
    for words in (
        *("12,000 of 12,000", "spot", "forward", "BTC 13DEC26", "BTC-25.0-100000.0-C-USDT", "12.5"),
        *("http://127.0.0.1:48060/", f"{program()} chain BTC", "connection 3 is behind"),
        "--redis-url redis://127.0.0.1:46390 --venue sim",
        'OptionReader("redis://127.0.0.1:46390", venue="sim")',
    ):
        assert words in drawn, words
    assert ("BTC-25.0-100000.0-P-USDT" in drawn) == (height > 20)
    assert ("received 1,234,567,890 = applied" in drawn) == (width > 80)


def test_a_pasted_line_of_a_narrow_terminal_is_one_command() -> None:
    lines = [line.plain for line in usage_lines("http://x/", "redis://127.0.0.1:46390", 60)]
    pasted = "\n".join(lines[1:3]).replace("\\\n", "")
    assert shlex.split(pasted) == [
        *(program(), "chain", "BTC", "--redis-url", "redis://127.0.0.1:46390", "--venue", "sim")
    ]


def test_without_a_server_it_says_how_to_get_the_dashboard() -> None:
    for width in (None, 40):
        [line, *_] = usage_lines("", "redis://127.0.0.1:46390", width)
        assert line.plain.endswith("none: install the extra `serve`")


def test_empty_lines_are_used_only_where_there_is_space() -> None:
    assert "" in render(frame(), 80, 24).plain.splitlines()
    assert "" not in render(crowded(), 60, 20).plain.splitlines()


def test_a_line_of_numbers_for_a_log() -> None:
    assert progress_line(frame(shown=[option("BTC", 2, 100.0, "C")])) == (
        "1 of 1 symbols live, 2,612 messages/s, age p50 250 ms p99 250 ms"
    )


def test_a_dead_feed_is_said_and_nothing_of_it_counts_as_live() -> None:
    dead = [option("BTC", 2, 100.0, kind, age_s=16, heartbeat_age_ms=16_000) for kind in "CP"]
    reason = "the collector's last heartbeat is 16.0 s old"
    content = frame(status={}, shown=dead)
    drawn = text(content)
    assert f"NOT LIVE: {reason}" in drawn
    assert "0 of 2" in drawn
    assert re.search(r"messages/s +-", drawn)
    assert progress_line(content) == f"0 of 2 symbols live: {reason}"


def test_before_the_first_status_it_says_that_it_starts() -> None:
    drawn = text(frame(status={}))
    assert "SIMULATED" in drawn
    assert "starting" in drawn


def test_the_picture_loads_nothing_from_elsewhere() -> None:
    drawn = svg(frame())
    assert "SIMULATED" in drawn
    assert "url(http" not in drawn
