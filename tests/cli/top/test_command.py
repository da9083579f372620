"""`fastopts top` under a real terminal."""

import re
import signal
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from fastopts.cli.top.terminal import DOWN, END, LEFT, PAGE_DOWN
from fastopts.embedded import EmbeddedValkey
from tests.cli import market as listed
from tests.cli.market import LIVE, fill
from tests.cli.terminal import Terminal, terminal
from tests.support.store import Store

ENTER, LEAVE, SHOW_CURSOR = "\x1b[?1049h", "\x1b[?1049l", "\x1b[?25h"
HELP = "q quit"


@contextmanager
def top(market: Store, *words: str, columns: int = 120, lines: int = 30) -> Iterator[Terminal]:
    url = market.url
    with terminal("top", *words, columns=columns, lines=lines, FASTOPTS_REDIS_URL=url) as screen:
        screen.until(HELP)
        yield screen


def test_the_options_with_the_highest_turnover_come_first(market: Store) -> None:
    with top(market) as screen:
        screen.until(f"all options: {LIVE} of {LIVE} live, by turnover quote ▼")
        row = screen.until(r"BTC-27NOV60-90000-C .*")[0].split()
        assert row[2:9] == ["1,205", "48.1%", "1,230", "49.5%", "1,218.5", "80.0%", "0.39"]
        assert "BTC-27NOV60-80000-P-USDT" not in screen.written
        screen.press("q")
        assert screen.end() == 0


def test_keys_choose_what_is_shown(market: Store) -> None:
    with top(market) as screen:
        screen.press("t")
        screen.until(r"all calls: 8 of 8 live")
        screen.press("t")
        screen.until(r"all puts: 6 of 6 live")
        screen.press("t")
        screen.until(f"all options: {LIVE} of {LIVE}")
        screen.press("a")
        screen.until("BTC options: 13 of 13 live")
        screen.press("a")
        screen.until("ETH options: 1 of 1 live")
        screen.press("a")
        screen.until("all options: ")
        screen.press("/dec60-9")
        screen.until(r"with 'DEC60-9': 2 of 14 live")
        screen.press("q\x7f\r")
        screen.until(r"with 'DEC60-9': 2 of 14 live[\s\S]*" + HELP)
        screen.press("\x1b")
        screen.until(f"all options: {LIVE} of {LIVE}")
        screen.press("q")
        assert screen.end() == 0


def test_keys_choose_the_order(market: Store) -> None:
    with top(market, "btc") as screen:
        screen.press(LEFT * 4)
        found = screen.until(r"BTC options: .*, by mark IV ▼[\s\S]*?(BTC-2\S+)")
        assert found[1] == "BTC-27NOV60-90000-C"
        screen.press("r")
        found = screen.until(r"by mark IV ▲[\s\S]*?(BTC-2\S+)")
        assert found[1] == "BTC-25DEC60-90000-C-USDT"
        screen.press("<")
        screen.until(r"by mark ▲")
        screen.press(">>")
        screen.until(r"by delta ▲")
        screen.press("q")
        assert screen.end() == 0


def test_it_scrolls_and_keeps_the_selection_after_a_refresh_and_a_resize(market: Store) -> None:
    with top(market, columns=60, lines=10) as screen:
        screen.until(f"{LIVE} of {LIVE} live, by turnover quote ▼, rows 1-6")
        screen.press(PAGE_DOWN + DOWN)
        found = screen.until(r", row 7[\s\S]*" + HELP)
        assert "BTC-27NOV60-90000-C " not in found[0]
        screen.press(END + "k")
        screen.until(rf", row {LIVE - 1}\b")
        screen.press("j")
        last = screen.until(rf", row {LIVE}\b[\s\S]*?(\S+) [^\n]*\n" + HELP)[1]
        screen.press("r")  # it comes before those of higher turnover, and stays selected
        screen.until(rf"▲, row {LIVE - 2}\b[\s\S]*{last}")
        screen.press("r")
        screen.until(rf"▼, row {LIVE}\b[\s\S]*{last}")
        screen.resize(80, 24)
        screen.until(rf"▼, row {LIVE}\b[\s\S]*BTC-27NOV60-90000-C [\s\S]*{last}")
        screen.press("\x1b[1~")
        screen.until(r"▼ +\r?\n[\s\S]*" + HELP)
        screen.press("q")
        assert screen.end() == 0


@pytest.mark.parametrize(
    ("end", "code"), [("q", 0), ("\x03", 130), (signal.SIGTERM, 128 + signal.SIGTERM)]
)
def test_the_terminal_is_left_as_it_was(
    market: Store, end: str | signal.Signals, code: int
) -> None:
    with top(market) as screen:
        assert ENTER in screen.written
        assert not screen.is_as_before()
        screen.press("\x1a")  # Ctrl-Z would leave a shell with this screen
        screen.until(HELP)
        if isinstance(end, str):
            screen.press(end)
        else:
            screen.signal(end)
        assert screen.end() == code
        assert screen.is_as_before()
        assert screen.written.index(LEAVE) > 0
        assert SHOW_CURSOR in screen.written
        assert "Traceback" not in screen.written


def test_an_error_leaves_the_terminal_as_it_was(market: Store) -> None:
    with terminal("top", "DOGE", columns=80, lines=24, FASTOPTS_REDIS_URL=market.url) as screen:
        assert screen.end() == 1
        assert screen.is_as_before()
        said = screen.written.rpartition(LEAVE)[2]
        assert "fastopts: no options of DOGE here; there are: BTC, ETH" in said


def test_a_dead_feed_empties_the_screen_and_says_why(market: Store) -> None:
    with top(market) as screen:
        screen.until("BTC-27NOV60-90000-C")
        listed.feed(market, heartbeat_ms=0)
        screen.until("feed down: the collector has ended")
        screen.press("r")
        found = screen.until(r"0 of 0 live, by turnover quote ▲[\s\S]*" + HELP)
        assert not re.search(r"BTC-\d", found[0])
        listed.feed(market)
        screen.until(f"{LIVE} of {LIVE} live")
        screen.press("q")
        assert screen.end() == 0


def test_a_lost_server_is_reported_and_the_screen_stays() -> None:
    with EmbeddedValkey() as server:
        store = Store(server)
        fill(store)
        store.client.close()
        with top(store) as screen:
            screen.until("BTC-27NOV60-90000-C")
            server.stop()
            screen.press("r")
            found = screen.until(r"Connection refused[\s\S]*: 0 of 0 live[\s\S]*" + HELP)
            assert not re.search(r"BTC-\d", found[0])
            screen.press("q")
            assert screen.end() == 0


def test_simulated_data_say_so(market: Store) -> None:
    listed.feed(market, venue="sim")
    with top(market, "--venue", "sim") as screen:
        screen.until("SIMULATED: not the market")
        screen.press("q")
        assert screen.end() == 0
