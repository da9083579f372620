from datetime import UTC, datetime

import pytest

from fastopts import number_format
from fastopts.cli.output import printing

DAY_MS = 86_400_000


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 ms"),
        (0.0124, "12 ms"),
        (1, "1.0 s"),
        (59.94, "59.9 s"),
        (59.96, "1m 0s"),
        (60, "1m 0s"),
        (250, "4m 10s"),
        (3_600, "1h 0m"),
        (2 * 86_400 + 3 * 3_600 + 59 * 60, "2d 3h"),
        (0.9996, "1.0 s"),
        (-250, "-4m 10s"),
    ],
)
def test_a_duration_has_two_units(seconds: float, text: str) -> None:
    assert number_format.duration(seconds) == text


def test_a_countdown_ends() -> None:
    assert printing.countdown(3 * DAY_MS, DAY_MS // 2) == "in 2d 12h"
    assert printing.countdown(DAY_MS, DAY_MS) == "over"
    assert printing.countdown(DAY_MS, 2 * DAY_MS) == "over"


def test_times_are_utc() -> None:
    assert printing.utc(1_795_514_400_000) == "2026-11-24 10:00:00Z"


def test_json_has_utc_and_no_number_for_what_is_not_there(
    capsys: pytest.CaptureFixture[str],
) -> None:
    at = datetime(2026, 11, 24, 10, tzinfo=UTC)
    printing.json_line({"iv": float("nan"), "bid": None, "at": at})
    assert capsys.readouterr().out == '{"iv":null,"bid":null,"at":"2026-11-24T10:00:00.000Z"}\n'


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("sim", "SIMULATED: not the market"),
        ("bybit-testnet", "venue bybit-testnet"),
        ("custom:example.org", "venue custom:example.org"),
    ],
)
def test_a_venue_that_one_does_not_expect_is_named(name: str, words: str) -> None:
    assert str(printing.venue(name)) == words
    assert printing.venue("bybit") is None


def test_numbers_stand_on_the_right(capsys: pytest.CaptureFixture[str]) -> None:
    table = printing.table("symbol", "bid", right=("bid",))
    table.add_row("A", "1.50")
    table.add_row("B", "1,234.00")
    printing.show(table)
    assert capsys.readouterr().out == "symbol       bid\nA           1.50\nB       1,234.00\n"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1205.0, "1,205"),
        (37940211.5, "37,940,212"),
        (0.000065, "0.000065"),
        (-12.345678, "-12.346"),
        (0.0, "0"),
        (None, "-"),
    ],
)
def test_a_number_keeps_its_whole_part_and_five_digits(value: float | None, text: str) -> None:
    assert number_format.number(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (5012873.25, "5.01M"),
        (1.2e9, "1.20B"),
        (53e6, "53.0M"),
        (999_700, "1.00M"),
        (0.5, "0.500"),
        (0, "0"),
    ],
)
def test_a_large_number_is_short(value: float | None, text: str) -> None:
    assert number_format.compact(value) == text


@pytest.mark.parametrize(
    ("room", "names"),
    [(19, ["a", "b", "c"]), (18, ["a", "c"]), (11, ["a", "c"]), (9, ["a", "b"]), (8, ["a"])],
)
def test_columns_are_added_by_rank_while_they_fit(room: int, names: list[str]) -> None:
    columns = [
        printing.Column("a", ["x"], is_text=True),
        printing.Column("b", ["123456"], rank=2),
        printing.Column("c", ["12345678"], rank=1),
    ]
    head, row = printing.fitted_table(columns, room).plain.splitlines()
    assert head.split() == names
    assert len(head) == len(row)


def test_a_title_stands_above_its_group() -> None:
    columns = [
        printing.Column("bid", ["1,205"], group="CALLS"),
        printing.Column("ask", ["1,230"], group="CALLS"),
        printing.Column("strike", ["90,000"]),
        printing.Column("bid", ["1"], group="PUTS"),
    ]
    assert printing.fitted_table(columns, 80).plain.splitlines() == [
        "── CALLS ───          PUT",
        "  bid    ask  strike  bid",
        "1,205  1,230  90,000    1",
    ]


def test_facts_break_between_each_other() -> None:
    parts = ["forward 90,000.00", "ATM IV 50.0%", "oldest tick 3.2 s"]
    assert printing.facts(parts, 80).plain == ", ".join(parts)
    assert printing.facts(parts, 32).plain.splitlines() == [
        "forward 90,000.00, ATM IV 50.0%,",
        "oldest tick 3.2 s",
    ]
    assert printing.facts(parts, 31, indent=2).plain.splitlines() == [
        "forward 90,000.00,",
        "  ATM IV 50.0%,",
        "  oldest tick 3.2 s",
    ]


def test_a_labelled_text_continues_in_its_own_column() -> None:
    rows = [("feed", "alive, epoch 7, heartbeat 1 ms ago"), ("coins", "one more word than fit")]
    lines = printing.labelled(rows, 24).plain.splitlines()
    assert [line.rstrip() for line in lines] == [
        "feed   alive, epoch 7,",
        "       heartbeat 1 ms",
        "       ago",
        "coins  one more word",
        "       than fit",
    ]


def test_a_time_may_have_milliseconds() -> None:
    assert printing.utc(1_795_514_400_007, with_ms=True) == "2026-11-24 10:00:00.007Z"
    assert printing.utc(1_795_514_400_999) == "2026-11-24 10:00:00Z"
