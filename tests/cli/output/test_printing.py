from datetime import UTC, datetime

import pytest

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
    assert printing.duration(seconds) == text


def test_a_countdown_ends() -> None:
    assert printing.countdown(3 * DAY_MS, DAY_MS // 2) == "in 2d 12h"
    assert printing.countdown(DAY_MS, DAY_MS) == "over"
    assert printing.countdown(DAY_MS, 2 * DAY_MS) == "over"


def test_times_are_utc_and_fractions_per_cent() -> None:
    assert printing.utc(1_795_514_400_000) == "2026-11-24 10:00:00Z"
    assert printing.percent(0.5312) == "53.1%"
    assert printing.percent(-0.12) == "-12.0%"
    assert printing.percent(None) == "-"


def test_json_has_utc_and_no_number_for_what_is_not_there(
    capsys: pytest.CaptureFixture[str],
) -> None:
    at = datetime(2026, 11, 24, 10, tzinfo=UTC)
    printing.json_line({"iv": float("nan"), "bid": None, "at": at})
    assert capsys.readouterr().out == '{"iv":null,"bid":null,"at":"2026-11-24T10:00:00Z"}\n'


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
    assert printing.number(value) == text


@pytest.mark.parametrize(
    ("value", "scale", "text"),
    [
        (1218.53, 88000.0, "1,219"),
        (2.6, 88000.0, "2.6"),
        (84.34, 3000.0, "84.3"),
        (0.2, 2.18, "0.2000"),
        (0.0042, 2.18, "0.0042"),
        (-1665.99, 92000.0, "-1,666"),
        (5.25, None, "5.25"),
        (None, 88000.0, "-"),
    ],
)
def test_a_price_is_as_fine_as_what_the_option_is_on(
    value: float | None, scale: float | None, text: str
) -> None:
    assert printing.price(value, scale) == text


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
    assert printing.compact(value) == text


@pytest.mark.parametrize(
    ("room", "names"),
    [(19, ["a", "b", "c"]), (18, ["a", "c"]), (11, ["a", "c"]), (10, ["a"]), (0, ["a"])],
)
def test_what_does_not_fit_goes_whole_by_rank(room: int, names: list[str]) -> None:
    columns = [
        printing.Column("a", ["x"], is_text=True),
        printing.Column("b", ["123456"], rank=2),
        printing.Column("c", ["12345678"], rank=1),
    ]
    head, row = printing.fitted_table(columns, room).plain.splitlines()
    assert head.split() == names
    assert len(head) == len(row)
