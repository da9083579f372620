"""format.js: numbers and times for display."""

import random
import re
from typing import Any

import pytest

from tests.page.tab import Tab
from tests.page.terminal import text

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
    ("compact", [21_000_000], "21.0M"),
    ("compact", [999_700], "1.00M"),
    ("compact", [0], "0"),
    ("compact", [12_850], "12.8k"),  # halves to the even digit, as in Python
    ("compact", [12_750], "12.8k"),
    ("compact", [-12_850], "−12.8k"),
    ("compact", [0.0625], "0.0625"),
    ("number", [100_000.5], "100,000"),
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
    ("timeLeft", [183_600_000, 0], "2d"),
    ("timeLeft", [14_703_000, 0], "4h"),
    ("timeLeft", [0, 1], ""),
    ("timeLeft", [None, 1], ""),
    ("exact", [1205.4], "1,205.4"),
    ("fixed", [9162.25, 1], "9,162.2"),
    ("fixed", [9162.75, 1], "9,162.8"),
    ("fixed", [2.5, 0], "2"),
    ("fixed", [49.85, 1], "49.9"),  # as a binary fraction more than a half
    ("fixed", [1_234_567.125, 2], "1,234,567.12"),
    ("fixed", [-0.5, 0], "0"),
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


STEPS = {"tick": "5", "lot": "0.01", "strikePlaces": 0, "forward": 89_457.0}
FINE = {"tick": "0.0001", "lot": "10", "strikePlaces": 2, "forward": 2.17}
NUMBERS: list[tuple[list[Any], str]] = [
    ([9065, "price", STEPS], "9,065"),
    ([9162.5, "computed", STEPS], "9,162.5"),
    ([9168.317, "computed", STEPS], "9,168.3"),
    ([9168.317, "computed", STEPS, True], "9,168.32"),
    ([9.933, "computed", STEPS], "9.9"),
    ([9067.5, "price", STEPS], "9,067.5"),  # off the grid: not rounded
    ([0.001, "price", FINE], "0.0010"),
    ([0.0012, "price", FINE], "0.0012"),
    ([6.4, "size", STEPS], "6.40"),
    ([10, "size", STEPS], "10.00"),
    ([1450, "size", FINE], "1,450"),
    ([2, "strike", FINE], "2.00"),
    ([1.95, "strike", FINE], "1.95"),
    ([89_457.123, "level", STEPS], "89,457.12"),
    ([0.53152, "iv", STEPS], "53.2%"),
    ([-0.0281, "signed_points", STEPS], "−2.8"),
    ([0.0061, "signed_points", STEPS], "+0.6"),
    ([0.0001, "signed_points", STEPS], "0.0"),
    ([0.0000261, "gamma", STEPS], "0.0000261"),
    ([None, "price", STEPS], "–"),
    ([9162.5, "computed", {**STEPS, "tick": ""}], "9,162.5"),
]


def test_numbers_have_the_decimals_of_their_grid(tab: Tab) -> None:
    page = tab.open("BTC/expiries")
    script = "async (calls) => { const { formatted } = await import('/page/data/numbers.js');"
    script += " return calls.map((call) => formatted(...call)); }"
    assert page.evaluate(script, [call for call, _ in NUMBERS]) == [shown for _, shown in NUMBERS]


def test_numbers_are_rounded_as_in_python(tab: Tab) -> None:
    rng = random.Random(1)
    values = [rng.randrange(-(10**7), 10**7) / 2**k for k in range(8) for _ in range(60)]
    values += [rng.randrange(10**6) / 10**k for k in range(1, 6) for _ in range(60)]
    page = tab.open("BTC/expiries")
    script = "async (values) => { const { compact, fixed } = await import('/page/lib/format.js');"
    script += " return values.map((value) => [fixed(value, 0), fixed(value, 1), compact(value)]); }"
    expected = [[f"{value:,.0f}", f"{value:,.1f}", text(value, "compact")] for value in values]
    for texts in expected:
        texts[:2] = [re.sub("^-(?=[0.]*$)", "", each).replace("-", "−") for each in texts[:2]]
    assert page.evaluate(script, values) == expected
