from typing import Any

import pytest

from tests.cli import market as listed
from tests.cli.conftest import Read
from tests.cli.terminal import on_terminal
from tests.support.store import NAN, Store


def test_json_has_the_points_of_the_options_out_of_the_money(read: Read) -> None:
    done = read("smile", "BTC", "25DEC60", "--json")
    assert (done.code, done.err) == (0, "")
    points = [(one["symbol"], one["strike"], one["mark_iv"], one["delta"]) for one in done.objects]
    assert points == [
        ("BTC-25DEC60-80000-P-USDT", 80000, 0.60, pytest.approx(-0.2)),
        ("BTC-25DEC60-90000-C-USDT", 90000, 0.50, 0.5),
        ("BTC-25DEC60-100000-C-USDT", 100000, 0.55, 0.2),
    ]
    assert {(one["bid_iv"], one["ask_iv"], one["forward"]) for one in done.objects} == {
        (0.4812, 0.4955, 90000.0)
    }


def test_the_plot_goes_from_the_lowest_strike_to_the_highest(read: Read) -> None:
    done = read("smile", "BTC", "25DEC60")
    assert (done.code, done.err) == (0, "")
    legend, *drawn, axis = done.out.splitlines()
    assert legend.startswith("━ BTC 25DEC60 USDT, in ")
    assert legend.endswith(", forward 90,000.00, ATM IV 50.0%")
    assert axis.split() == ["80,000", "84,000", "88,000", "92,000", "96,000", "100,000"]
    assert len(drawn) == 20
    # 60 % on the left, 55 % on the right, of an axis from 47.5 % to 62.5 %
    ink = {row: line[8:] for row, line in enumerate(drawn) if line[8:].strip()}
    assert min(row for row, line in ink.items() if line[0] != " ") == 3
    assert min(row for row, line in ink.items() if len(line) == 102) == 9
    forward = {line[50:52].strip() for line in ink.values()}
    assert "" not in forward


def test_several_expiries_share_a_plot_over_delta(read: Read) -> None:
    done = read("smile", "BTC", "25DEC60", "27NOV60", "--delta")
    first, second, *drawn = done.out.splitlines()
    # a mark for each, in the legend and at every point: without colour lines would be alike
    assert first.startswith("● BTC 25DEC60 USDT, ")
    assert second.startswith("▲ BTC 27NOV60 USDT, ")
    plot = "\n".join(drawn)
    assert (plot.count("●"), plot.count("▲")) == (3, 3)
    assert done.out.splitlines()[-1].split() == ["10P", "25P", "50", "25C", "10C"]


def test_curves_have_colours_and_fit_a_terminal(market: Store) -> None:
    words = ("smile", "BTC", "25DEC60", "27NOV60")
    written = on_terminal(*words, columns=80, FASTOPTS_REDIS_URL=market.url)
    assert "\x1b[1;36m" in written
    assert "\x1b[1;33m" in written
    plain = on_terminal(*words, columns=80, FASTOPTS_REDIS_URL=market.url, NO_COLOR="1")
    assert max(map(len, plain.replace("\r", "").splitlines())) <= 80


@pytest.mark.parametrize(("columns", "lines"), [(60, 24), (80, 24), (200, 60)])
def test_a_plot_takes_the_screen_and_no_more(market: Store, columns: int, lines: int) -> None:
    url: dict[str, Any] = {"FASTOPTS_REDIS_URL": market.url, "NO_COLOR": "1"}
    drawn = on_terminal("smile", "BTC", columns=columns, lines=lines, **url).splitlines()
    assert len(drawn) == min(lines - 1, 52)
    assert columns - 1 <= max(map(len, drawn)) <= columns


def test_without_a_volatility_there_is_nothing_to_plot(read: Read, market: Store) -> None:
    market.option("DOGE-27NOV60-1-C-USDT", mark_iv=NAN)
    listed.feed(market)
    done = read("smile", "DOGE")
    assert done.code == 1
    assert done.err == "fastopts: nothing to plot: no mark volatilities, or no forward\n"
