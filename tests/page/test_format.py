"""format.js: numbers and times for display."""

from typing import Any

import pytest

from tests.page.tab import Tab

SPOT = 89_457.0
CASES: list[tuple[str, list[Any], str]] = [
    ("number", [1205.4], "1,205.4"),
    ("number", [37_940_211], "37,940,211"),
    ("number", [0.314159], "0.31416"),
    ("number", [None], "–"),
    ("price", [1205.4, SPOT], "1,205"),
    ("price", [46.7912, SPOT], "46.79"),
    ("price", [0.01234, 0.62], "0.01234"),
    ("price", [None, SPOT], "–"),
    ("price", [0, SPOT], "0"),
    ("level", [89457.123], "89,457.12"),
    ("level", [0.6214567], "0.621457"),
    ("level", [None], "–"),
    ("percent", [0.53152], "53.2%"),
    ("percent", [0], "0.0%"),
    ("percent", [None], "–"),
    ("signedPercent", [0.05], "+5.0%"),
    ("signedPercent", [-0.012], "−1.2%"),
    ("points", [0.0123], "1.2"),
    ("fixed", [-0.0004, 2], "0.00"),
    ("fixed", [-0.254, 2], "−0.25"),
    ("compact", [1_234_567], "1.23M"),
    ("compact", [999], "999"),
    ("compact", [12_900], "12.9k"),
    ("compact", [None], "–"),
    ("age", [0.42], "0.4s"),
    ("age", [12.9], "12s"),
    ("age", [185], "3m"),
    ("age", [None], "–"),
    ("countdown", [183_600_000, 0], "2d 03h"),
    ("countdown", [59_000, 0], "59s"),
    ("countdown", [14_703_000, 0], "4h 05m 03s"),
    ("countdown", [86_400_000, 0], "1d 00h"),
    ("countdown", [3_548_000, 0], "59m 08s"),
    ("countdown", [0, 1], "expired"),
    ("utc", [1_795_941_053_287], "2026-11-29 08:30:53Z"),
    ("expiryLabel", [1_774_598_400_000], "27MAR26"),
    ("expiryLabel", [1_796_112_000_000], "1DEC26"),
    ("reasonText", ["ConnectionMuted"], "connection muted"),
]


def test_numbers_and_times(tab: Tab) -> None:
    tab.open("BTC/expiries")
    formatted = [(name, values, tab.formatted(name, *values)) for name, values, _ in CASES]
    assert formatted == CASES


@pytest.mark.parametrize("name", ["number", "level", "percent", "compact", "age", "points"])
def test_an_unknown_value_is_never_0(tab: Tab, name: str) -> None:
    tab.open("BTC/expiries")
    assert tab.formatted(name, None) == "–"
