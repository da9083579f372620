from datetime import UTC, datetime

import pytest

from fastopts.cli import output

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
    assert output.duration(seconds) == text


def test_a_countdown_ends() -> None:
    assert output.countdown(3 * DAY_MS, DAY_MS // 2) == "in 2d 12h"
    assert output.countdown(DAY_MS, DAY_MS) == "over"
    assert output.countdown(DAY_MS, 2 * DAY_MS) == "over"


def test_times_are_utc_and_fractions_per_cent() -> None:
    assert output.utc(1_795_514_400_000) == "2026-11-24 10:00:00Z"
    assert output.percent(0.5312) == "53.1%"
    assert output.percent(-0.12) == "-12.0%"
    assert output.percent(None) == "-"


def test_json_has_utc_and_no_number_for_what_is_not_there(
    capsys: pytest.CaptureFixture[str],
) -> None:
    at = datetime(2026, 11, 24, 10, tzinfo=UTC)
    output.json_line({"iv": float("nan"), "bid": None, "at": at})
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
    assert str(output.venue(name)) == words
    assert output.venue("bybit") is None


def test_numbers_stand_on_the_right(capsys: pytest.CaptureFixture[str]) -> None:
    table = output.table("symbol", "bid", right=("bid",))
    table.add_row("A", "1.50")
    table.add_row("B", "1,234.00")
    output.show(table)
    assert capsys.readouterr().out == "symbol       bid\nA           1.50\nB       1,234.00\n"
