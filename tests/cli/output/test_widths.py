"""Every command on terminals of several sizes: no line is wider, no heading scrolls away, no number
is cut."""

import re
from pathlib import Path
from typing import Any

import pytest

from tests.cli.market import feed
from tests.cli.process import fastopts
from tests.cli.terminal import on_terminal
from tests.support.store import Store

SIZES = [(60, 24), (80, 24), (120, 40), (200, 60)]
COMMANDS = [
    "chain BTC",
    "chain BTC 25DEC60 --precision full",
    "expiries BTC",
    "expiries BTC --precision detail",
    "scan",
    "scan --raw --stale",
    "scan BTC --columns symbol,bid_price,mid,spread_iv,turnover_24h,gamma,ts,phase",
    "smile BTC",
    "smile BTC 27NOV60 25DEC60 --delta",
    "status",
    "summary",
]
# so many series and strikes, and such large numbers, that not everything fits
SERIES = [f"{day}{month}60" for month in ("JAN", "FEB", "MAR") for day in (2, 9, 16, 23)]
NUMBER = re.compile(r"[+-]?[\d,]+\.?\d*%?")


@pytest.fixture
def market(market: Store) -> Store:
    for label in SERIES:
        strikes = range(50_000, 130_000, 2_000 if label == SERIES[0] else 20_000)
        for symbol in (f"BTC-{label}-{strike}-{kind}-USDT" for strike in strikes for kind in "CP"):
            market.option(
                symbol,
                underlying_price=90_123.45,
                mark_price=41_234.5678,
                turnover_24h=98_765_432.1,
                open_interest=12_345.67,
            )
    feed(market)
    return market


@pytest.mark.parametrize(("columns", "lines"), SIZES)
def test_no_line_is_wider_and_no_heading_scrolls_away(
    market: Store, columns: int, lines: int
) -> None:
    url: dict[str, Any] = {"FASTOPTS_REDIS_URL": market.url, "NO_COLOR": "1"}
    for command in COMMANDS:
        shown = on_terminal(*command.split(), columns=columns, lines=lines, **url).splitlines()
        # notes go to the same terminal, and are no part of the table
        text = [line for line in shown if not line.startswith("fastopts: ")]
        assert max(map(len, text)) <= columns, command
        assert len(text) < lines, command
        assert "…" not in "".join(text), command


@pytest.mark.parametrize("columns", [60, 80, 120, 200])
def test_no_number_is_cut(market: Store, tmp_path: Path, columns: int) -> None:
    url: dict[str, Any] = {"FASTOPTS_REDIS_URL": market.url, "NO_COLOR": "1"}
    words = ("chain", "BTC", "--all")
    texts = on_terminal(*words, columns=columns, **url), fastopts(*words, cwd=tmp_path, **url).out
    on_screen, piped = (set(NUMBER.findall("\n".join(text.splitlines()[-40:]))) for text in texts)
    assert {"50,000", "128,000", "1,205"} <= on_screen <= piped
