import re
from typing import Any

import pytest

from tests.cli import market as listed
from tests.cli.conftest import Read
from tests.cli.market import STALE
from tests.cli.terminal import on_terminal
from tests.support.store import Store


def test_calls_are_left_and_puts_right(read: Read) -> None:
    done = read("chain", "BTC", "25DEC60")
    assert (done.code, done.err) == (0, "")
    what, figures, positions, *_ = done.out.splitlines()
    assert what.startswith("BTC 25DEC60 USDT, delivery 2060-12-25 08:00:00Z, in ")
    assert figures.startswith("forward 90,000.00, ATM IV 50.0%, oldest tick ")
    assert figures.endswith(", forwards within 0.0 bp")
    # all options have the same open interest: the payout at 90,000 is 2 x 10,000 of it, at 80,000
    # and at 100,000 it is 3 x 10,000
    assert positions == (
        "open interest 1.27k BTC, max pain 90,000, put/call 1.00, by volume 1.00, prices in USDT,"
        " sizes in BTC"
    )
    titles, head, *rows = done.rows[3:]
    assert [re.sub("─", "", title) for title in titles] == [" CALLS ", " PUTS "]
    quotes = ["48.1%", "3.40", "1,205", "1,230", "0.75", "49.5%"]
    sides = ["bid IV", "size", "bid", "ask", "size", "ask IV"]
    outer = ["volume BTC", "OI BTC", "gamma", "vega", "theta", "delta", "mark", "mark IV"]
    assert head == [*outer, *sides, "strike", *sides, *reversed(outer)]
    greeks = ["56.81", "212.37", "0.0000600"]
    assert [row[:3] for row in rows] == 3 * [greeks]
    assert [row[5:23] for row in rows] == [
        ["0.80", "1,218.5", "60.0%", *quotes, "80,000", *quotes, "60.0%", "1,218.5"],
        ["0.50", "1,218.5", "50.0%", *quotes, ">90,000", *quotes, "50.0%", "1,218.5"],
        ["0.20", "1,218.5", "55.0%", *quotes, "100,000", *quotes, "55.0%", "1,218.5"],
    ]
    assert [row[-6:-3] for row in rows] == [
        [delta, *rows[0][3:5][::-1]] for delta in ("-0.20", "-0.50", "-0.80")
    ]


def test_columns_are_chosen_and_mirrored(read: Read) -> None:
    names = "open_interest,delta,bid_price,ask_price"
    titles, head, *rows = read("chain", "BTC", "25DEC60", "--columns", names).out.splitlines()[3:]
    assert head.split() == [
        *("OI", "BTC", "delta", "bid", "ask", "strike", "bid", "ask", "delta", "OI", "BTC"),
    ]
    assert rows[0].split() == [
        *("212.37", "0.80", "1,205", "1,230", "80,000", "1,205", "1,230", "-0.20", "212.37"),
    ]
    # each title is above its side
    strike = head.index("strike")
    assert titles.index("CALLS") < strike < titles.index("PUTS")
    done = read("chain", "BTC", "--columns", "delta,price")
    assert (done.code, done.out) == (2, "")
    assert "--columns: unknown column 'price'" in done.err


def test_precision_is_chosen(read: Read) -> None:
    words = ("chain", "BTC", "25DEC60", "--columns", "mark_price,mark_iv", "--precision")
    assert read(*words, "table").rows[-1][:2] == ["1,218.5", "55.0%"]
    assert read(*words, "detail").rows[-1][:2] == ["1,218.50", "55.00%"]
    assert read(*words, "full").rows[-1][:2] == ["1,218.5", "55%"]


def test_front_is_usdt_names_the_other_coin_and_counts_what_is_absent(read: Read) -> None:
    done = read("chain", "BTC")
    lines = done.out.splitlines()
    assert lines[0].startswith("BTC 27NOV60 USDT (also: USDC), ")
    assert lines[3] == "absent: 2 not yet live"
    strikes = {row["strike"]: row for row in read("chain", "BTC", "--json").objects}
    assert list(strikes) == [80000, 90000, 100000, 110000]
    assert [row["atm"] for row in strikes.values()] == [False, True, False, False]
    # 80,000 has a call only, 90,000 both, 100,000 both: three calls and two puts of equal size
    for row in strikes.values():
        assert row["max_pain"] == 90000
        assert row["put_call_open_interest"] == pytest.approx(2 / 3)
        assert row["put_call_volume_24h"] == pytest.approx(2 / 3)
    assert strikes[80000]["put"] is None
    assert strikes[80000]["call"]["mark_iv"] == 0.70
    assert strikes[100000]["call"]["bid_price"] is None
    assert strikes[100000]["put"]["bid_price"] == 1205.0
    assert strikes[110000]["call"] is strikes[110000]["put"] is None


def test_the_other_coin_is_another_chain(read: Read) -> None:
    [row] = read("chain", "BTC", "27NOV60", "--settle", "USDC", "--json").objects
    assert (row["settle"], row["call"]["symbol"]) == ("USDC", "BTC-27NOV60-90000-C")
    assert row["call"]["mark_iv"] == 0.8


@pytest.mark.parametrize(("count", "strikes"), [(0, [90000]), (1, [80000, 90000, 100000])])
def test_only_strikes_around_the_money(read: Read, count: int, strikes: list[float]) -> None:
    done = read("chain", "BTC", "--strikes", str(count), "--json")
    assert [row["strike"] for row in done.objects] == strikes


def test_a_chain_of_which_nothing_is_live_is_code_1(read: Read, market: Store) -> None:
    listed.feed(market, conns={5: 0.0})
    done = read("chain", "BTC", "25DEC60")
    assert (done.code, done.err) == (1, "")
    assert done.out.splitlines()[1:4] == [
        "forward -, ATM IV -, oldest tick -, forwards within -",
        "open interest - BTC, max pain -, put/call -, by volume -, prices in USDT, sizes in BTC",
        "absent: 6 not yet live",
    ]


def test_what_is_stale_is_there_on_demand(read: Read) -> None:
    done = read("chain", "BTC", "--stale", "--json")
    put = done.objects[0]["put"]
    assert (put["symbol"], put["live"], put["bid_price"]) == (STALE, False, 1205.0)


def test_a_screen_shows_the_strikes_around_the_money(market: Store) -> None:
    for strike in range(60_000, 120_001, 1000):
        if strike not in (80_000, 90_000, 100_000):
            for kind in "CP":
                market.option(f"BTC-25DEC60-{strike}-{kind}-USDT", underlying_price=90_000.0)
    listed.feed(market)
    url: dict[str, Any] = {"FASTOPTS_REDIS_URL": market.url, "NO_COLOR": "1"}
    words = ("chain", "BTC", "25DEC60")
    lines = on_terminal(*words, columns=80, lines=24, **url).splitlines()
    assert len(lines) == 23  # and the prompt
    assert max(map(len, lines)) <= 80
    assert "CALLS" in lines[4]
    rows = lines[6:-1]
    [middle] = [index for index, row in enumerate(rows) if ">90,000" in row]
    assert abs(middle - len(rows) // 2) <= 1
    assert lines[-1] == f"{len(rows)} of 61 strikes; --all shows all"
    whole = on_terminal(*words, "--all", columns=80, lines=24, **url).splitlines()
    assert sum("1,205" in row for row in whole) == 61
    # --strikes means what it says, whatever the screen
    chosen = on_terminal(*words, "--strikes", "20", columns=80, lines=24, **url).splitlines()
    assert sum("1,205" in row for row in chosen) == 41


def test_a_wide_terminal_is_used(market: Store) -> None:
    url: dict[str, Any] = {"FASTOPTS_REDIS_URL": market.url, "NO_COLOR": "1"}
    heads = [
        next(
            line
            for line in on_terminal("chain", "BTC", columns=c, **url).splitlines()
            if "strike" in line
        )
        for c in (60, 80, 120, 200)
    ]
    for head, name in zip(heads, ("mark IV", "delta", "bid IV", "OI BTC"), strict=True):
        assert name in head
    assert heads[0].split() == [
        *("mark", "IV", "bid", "ask", "strike", "bid", "ask", "mark", "IV"),
    ]


def test_a_chosen_column_without_space_is_named(market: Store) -> None:
    names = "bid_price,ask_price,symbol,mark_iv,open_interest"
    lines = on_terminal(
        *("chain", "BTC", "25DEC60", "--columns", names), columns=60, FASTOPTS_REDIS_URL=market.url
    ).splitlines()
    assert lines[-1].startswith("fastopts: no space for option, OI BTC: all columns need ")
    # a bid without its ask would be half a quote
    names = "delta,mid,bid_price,ask_price"
    text = on_terminal(
        *("chain", "BTC", "25DEC60", "--columns", names), columns=50, FASTOPTS_REDIS_URL=market.url
    )
    assert "no space for bid, ask: all columns need " in text


def test_a_stale_option_is_marked_without_colour(read: Read) -> None:
    done = read("chain", "BTC", "27NOV60", "--stale")
    low, *others = [line for line in done.out.splitlines() if "1,205" in line]
    assert "80,000" in low
    assert low.endswith("  stale")
    assert not [line for line in others if "stale" in line]


def test_on_a_terminal_what_is_in_the_money_has_a_colour(market: Store) -> None:
    written = on_terminal("chain", "BTC", "25DEC60", columns=120, FASTOPTS_REDIS_URL=market.url)
    low, _, high = written.splitlines()[-3:]
    calls, puts = low.split("80,000")
    assert ("\x1b[36m" in calls, "\x1b[36m" in puts) == (True, False)
    calls, puts = high.split("100,000")
    assert ("\x1b[36m" in calls, "\x1b[36m" in puts) == (False, True)


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (
            ["26NOV60"],
            1,
            "no series BTC 26NOV60: the nearest expiry is 27NOV60; there are: 27NOV60 USDC, 27",
        ),
        (["tomorrow"], 2, "'tomorrow' is not an expiry: write 27MAR26, 27MAR2026, 260327"),
        (["front", "--settle", "U-S"], 2, "'U-S' is not a settle coin"),
    ],
)
def test_a_series_that_is_not_there_is_reported(
    read: Read, words: list[str], code: int, said: str
) -> None:
    done = read("chain", "BTC", *words)
    assert (done.code, done.out) == (code, "")
    assert said in done.err
