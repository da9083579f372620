"""Keys, and what they change."""

import pytest

from fastopts.cli.top.cursor import Cursor
from fastopts.cli.top.terminal import DOWN, ESCAPE, LEFT, RIGHT
from fastopts.cli.top.view import COLUMNS, View


def pressed(*keys: str, view: View | None = None) -> View:
    view = View(assets=("BTC", "ETH")) if view is None else view
    for key in keys:
        view.press(key)
    return view


@pytest.mark.parametrize(
    ("keys", "asset"), [("", None), ("a", "BTC"), ("aa", "ETH"), ("aaa", None), ("aaaa", "BTC")]
)
def test_a_cycles_through_assets(keys: str, asset: str | None) -> None:
    assert pressed(*keys).asset == asset


def test_an_asset_that_is_gone_is_followed_by_the_first_choice() -> None:
    assert pressed("a", view=View("DOGE", assets=("BTC",))).asset is None


@pytest.mark.parametrize(("keys", "kind"), [("t", "C"), ("tt", "P"), ("ttt", None)])
def test_t_cycles_through_types(keys: str, kind: str | None) -> None:
    assert pressed(*keys).type == kind


def test_the_arrows_choose_a_column_cyclically() -> None:
    view = View(column=COLUMNS[0])
    assert pressed(LEFT, view=view).column == COLUMNS[-1]
    assert pressed(RIGHT, ">", view=view).column == COLUMNS[1]
    assert pressed("<", view=view).column == COLUMNS[0]


def test_r_reverses_the_order() -> None:
    assert pressed().sort == "-turnover_24h"
    assert pressed("r").sort == "turnover_24h"


def test_a_filter_is_typed_in_capitals_and_ended_by_return() -> None:
    view = pressed("/", *"dec60q\x01", "\x7f")
    assert (view.text, view.is_typing, view.is_done) == ("DEC60", True, False)
    pressed("\r", "q", view=view)
    assert (view.text, view.is_typing, view.is_done) == ("DEC60", False, True)


def test_escape_clears_the_filter_while_typing_and_after() -> None:
    assert (pressed("/", "x", ESCAPE).text, pressed("/", "x", ESCAPE).is_typing) == ("", False)
    assert pressed("/", "x", "\n", ESCAPE).text == ""


def test_another_list_begins_at_its_top_and_another_order_keeps_the_selection() -> None:
    view = View(assets=("BTC",))
    view.cursor.place(["a", "b", "c"], 2)
    pressed(DOWN, "j", view=view)
    assert view.cursor.symbol == "b"
    pressed("r", LEFT, view=view)
    assert view.cursor.symbol == "b"
    for keys in ("a", "t", "/", ESCAPE):
        pressed(DOWN, view=view)
        assert view.cursor.symbol is not None
        pressed(*keys, *("\r" if keys == "/" else ""), view=view)
        assert view.cursor == Cursor(first=0, rows=2, _symbols=["a", "b", "c"]), keys


def test_an_unknown_key_changes_nothing() -> None:
    assert pressed("z", "\x1b[15~") == pressed()
