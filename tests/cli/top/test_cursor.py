"""The selected row: keys move it, new lists keep it, the screen follows it."""

import pytest

from fastopts.cli.top.cursor import Cursor
from fastopts.cli.top.terminal import DOWN, END, HOME, PAGE_DOWN, PAGE_UP, UP

LIST = [f"S{number}" for number in range(10)]


def placed(*keys: str, rows: int = 4) -> Cursor:
    cursor = Cursor()
    cursor.place(LIST, rows)
    for key in keys:
        cursor.press(key)
    return cursor


@pytest.mark.parametrize(
    ("keys", "symbol", "first"),
    [
        ([], None, 0),
        ([DOWN], "S0", 0),
        (["j", "j"], "S1", 0),
        ([DOWN] * 5, "S4", 1),
        ([DOWN] * 50, "S9", 6),
        ([DOWN, UP, "k"], "S0", 0),
        ([PAGE_DOWN], "S3", 0),
        ([PAGE_DOWN] * 2, "S7", 4),
        ([PAGE_DOWN] * 9, "S9", 6),
        ([END], "S9", 6),
        ([END, UP], "S8", 6),
        ([END, PAGE_UP], "S5", 5),
        ([END, *[UP] * 4], "S5", 5),
        ([END, HOME], None, 0),
    ],
)
def test_keys_select_a_row_and_the_screen_follows(
    keys: list[str], symbol: str | None, first: int
) -> None:
    cursor = placed(*keys)
    assert (cursor.symbol, cursor.first) == (symbol, first)


def test_the_selection_follows_its_symbol_and_stays_on_the_screen() -> None:
    cursor = placed(DOWN, DOWN)
    cursor.place(LIST[::-1], 4)
    assert (cursor.symbol, cursor.index, cursor.first) == ("S1", 8, 5)
    cursor.place(LIST, 4)
    assert (cursor.symbol, cursor.index, cursor.first) == ("S1", 1, 1)


def test_a_symbol_that_is_gone_gives_way_to_the_one_in_its_place() -> None:
    cursor = placed(DOWN, DOWN, DOWN)
    cursor.place([each for each in LIST if each != "S2"], 4)
    assert (cursor.symbol, cursor.index) == ("S3", 2)
    cursor.place(LIST[:2], 4)
    assert (cursor.symbol, cursor.index) == ("S1", 1)


def test_without_a_selection_the_screen_stays_at_the_top() -> None:
    cursor = placed()
    cursor.place(LIST[::-1], 4)
    assert (cursor.symbol, cursor.first) == (None, 0)


def test_an_empty_list_has_nothing_to_select() -> None:
    cursor = placed(END)
    cursor.place([], 4)
    assert (cursor.symbol, cursor.index, cursor.first) == (None, -1, 0)
    for key in (DOWN, UP, PAGE_DOWN, PAGE_UP, END, HOME):
        cursor.press(key)
        assert cursor.symbol is None


@pytest.mark.parametrize("rows", [0, 1, 3, 20])
def test_another_size_of_the_screen_keeps_the_selection_visible(rows: int) -> None:
    cursor = placed(*[DOWN] * 7)
    cursor.place(LIST, rows)
    assert cursor.symbol == "S6"
    assert cursor.first <= 6 < cursor.first + max(rows, 1)
    assert cursor.first <= max(len(LIST) - max(rows, 1), 0)
