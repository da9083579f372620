import pytest

from fastopts.sim.text import Grid, decimal


@pytest.mark.parametrize(
    ("number", "places", "text"),
    [
        (960.2505585, 8, "960.2505585"),
        (0.00000001, 8, "0.00000001"),
        (1e-9, 8, "0"),
        (-1e-9, 8, "0"),
        (-19.9115368, 8, "-19.9115368"),
        (100.0, 8, "100"),
        (0.53, 4, "0.53"),
        (0.48964, 4, "0.4896"),
        (5.0, 4, "5"),
        (1_437_430.6, 0, "1437431"),
        (10.0, 0, "10"),
        (0.2, 0, "0"),
        (-0.2, 0, "0"),
    ],
)
def test_decimal(number: float, places: int, text: str) -> None:
    assert decimal(number, places) == text


@pytest.mark.parametrize(
    ("step", "count", "text"),
    [
        ("5", 192, "960"),
        ("5", 0, "0"),
        ("10", 37, "370"),
        ("0.1", 34, "3.4"),
        ("0.1", 30, "3"),
        ("0.01", 75, "0.75"),
        ("0.0001", 198, "0.0198"),
        ("0.00001", 3, "0.00003"),
    ],
)
def test_grid(step: str, count: int, text: str) -> None:
    assert Grid(step).text(count) == text
