"""One screen: what is read from the market, and how it is drawn."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import pytest
from rich.console import Console

from fastopts.cli.top.screen import ScreenData, draw, read_screen
from fastopts.cli.top.terminal import END
from fastopts.cli.top.view import View
from fastopts.reader import OptionReader
from tests.cli import market as listed
from tests.cli.market import LIVE
from tests.support.store import Store


@pytest.fixture
def reader(market: Store) -> Iterator[OptionReader]:
    with OptionReader(market.url) as reader:
        yield reader


def drawn(data: ScreenData, view: View, width: int = 80) -> list[str]:
    console = Console(width=width, color_system=None)
    with console.capture() as captured:
        console.print(draw(data, view, width))
    return captured.get().splitlines()


def test_live_options_in_order_as_many_as_fit(reader: OptionReader) -> None:
    view = View()
    data = read_screen(reader, view, height=7)
    assert (data.live, data.matching, len(data.options), data.trouble) == (LIVE, LIVE, 3, None)
    turnovers = [option.turnover_24h or 0 for option in data.options]
    assert turnovers == sorted(turnovers, reverse=True)
    assert view.assets == ("BTC", "ETH")
    assert read_screen(reader, view, height=2).options == []


def test_a_filter_is_a_part_of_the_symbol(reader: OptionReader) -> None:
    data = read_screen(reader, View(text="DEC60-9"), height=30)
    assert (data.live, data.matching) == (LIVE, 2)
    assert {option.symbol[:13] for option in data.options} == {"BTC-25DEC60-9"}


def test_a_dead_feed_is_trouble_without_options(reader: OptionReader, market: Store) -> None:
    listed.feed(market, heartbeat_ms=0)
    data = read_screen(reader, View(), height=30)
    assert (data.live, data.options) == (0, [])
    assert data.trouble == "feed down: the collector has ended"


def test_an_unreachable_server_is_trouble() -> None:
    with OptionReader("redis://127.0.0.1:1") as reader:
        data = read_screen(reader, View(), height=30)
    assert data.trouble is not None
    assert "Connection refused" in data.trouble


def test_the_selected_row_is_shown_with_its_position(reader: OptionReader) -> None:
    view = View()
    symbols = [option.symbol for option in read_screen(reader, view, height=30).options]
    assert drawn(read_screen(reader, view, height=9), view)[1].endswith("▼, rows 1-5")
    view.press(END)
    data = read_screen(reader, view, height=9)
    assert [option.symbol for option in data.options] == symbols[-5:]
    assert drawn(data, view)[1].rstrip().endswith(f"▼, row {LIVE}")
    view.press("r")
    data = read_screen(reader, view, height=9)
    assert view.cursor.symbol == symbols[-1] in [option.symbol for option in data.options]


def test_a_narrow_screen_has_the_position_and_whole_keys(reader: OptionReader) -> None:
    view = View()
    read_screen(reader, view, height=20)
    view.press(END)
    data = replace(read_screen(reader, view, height=20), live=1_974, matching=1_974)
    view.cursor.index = 1_973
    lines = drawn(data, view, 60)
    assert lines[1].rstrip() == "all options: 1,974 live, by turnover quote ▼, row 1,974"
    assert lines[-1].rstrip() == "q quit ↑↓ row ←→ sort r reverse a asset t type / filter Esc"


@pytest.mark.parametrize(
    ("asset", "units"),
    [("BTC", ("OI BTC", "volume BTC", "turnover quote")), ("ETH", ("OI ETH", "turnover USDT"))],
)
def test_headings_name_the_units(reader: OptionReader, asset: str, units: Sequence[str]) -> None:
    view = View(asset, column="open_interest")
    _, order, headings, *_ = drawn(read_screen(reader, view, height=30), view, 200)
    assert all(f"  {unit}  " in headings for unit in units)
    assert f"by OI {asset} ▼" in order


def test_headings_stay_the_same_while_the_list_scrolls(reader: OptionReader) -> None:
    # the last screen has one row, and so one asset
    view = View(column="bid_price")
    first = drawn(read_screen(reader, view, height=7), view, 200)[2]
    view.press(END)
    last = drawn(read_screen(reader, view, height=5), view, 200)[2]
    assert "  OI base  " in first
    assert first.split() == last.split()


def test_no_line_is_wider_than_the_terminal(reader: OptionReader) -> None:
    for width in (40, 60, 80, 200):
        data = read_screen(reader, View("BTC"), height=10)
        lines = drawn(data, View("BTC"), width)
        assert max(map(len, lines)) <= width
        assert lines[1].startswith("BTC options: 13 ")
        assert lines[2].split()[0] == "option"
        assert lines[-1].startswith("q quit")


def test_a_filter_that_is_being_typed_replaces_the_keys(reader: OptionReader) -> None:
    view = View(text="DEC", is_typing=True)
    lines = drawn(read_screen(reader, view, height=10), view)
    assert lines[-1].rstrip() == "/DEC_"
    assert "with 'DEC'" in lines[1]
