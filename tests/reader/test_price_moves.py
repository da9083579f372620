"""Moves of a value by at least a fraction."""

import math
import random
from dataclasses import astuple
from typing import Any

import pytest

from fastopts.reader import BadInput
from fastopts.reader.mirrors.price_moves import MoveDetector
from tests.reader.options import make
from tests.support.store import CALL


def moves(threshold: float, *prices: float) -> list[tuple[float, float, float]]:
    """Before, after and change of each move in a stream of mark prices."""
    detector = MoveDetector(threshold, "mark_price")
    found = (detector.detect(make(mark_price=price)) for price in prices)
    return [(move.before, move.after, round(move.change, 6)) for move in found if move is not None]


def test_a_move_is_measured_from_the_previous_move() -> None:
    assert moves(0.1, 100.0, 105.0, 109.0, 110.0, 119.0, 99.0) == [
        (100.0, 110.0, 0.1),
        (110.0, 99.0, -0.1),
    ]


def test_the_change_is_a_fraction_of_the_absolute_value() -> None:
    detector = MoveDetector(0.5, "theta")
    assert detector.detect(make(theta=-10.0)) is None
    move = detector.detect(make(theta=-20.0))
    assert move is not None
    assert astuple(move)[:5] == (CALL, "theta", -10.0, -20.0, -1.0)


def test_from_zero_every_change_is_infinite() -> None:
    assert moves(0.1, 0.0, 0.0, 1.0, 1.0) == [(0.0, 1.0, math.inf)]


def test_an_absent_value_is_no_move() -> None:
    detector = MoveDetector(0.1, "bid_price")
    assert detector.detect(make(bid_price=100.0)) is None
    assert detector.detect(make(bid_price=0.0)) is None
    move = detector.detect(make(bid_price=120.0))
    assert move is not None
    assert move.before == 100.0


@pytest.mark.parametrize("threshold", [0, -0.1, math.inf])
def test_a_threshold_that_is_not_above_0_is_refused(threshold: float) -> None:
    with pytest.raises(BadInput, match=r"threshold: .* is not a change: write 0\.05 for 5 %"):
        MoveDetector(threshold, "mark_price")


def oracle(prices: list[float | None], threshold: float) -> list[tuple[float, float]]:
    """Before and after of each move, spelled another way."""
    moves: list[tuple[float, float]] = []
    reference: float | None = None
    for price in prices:
        if price is None:
            continue
        if reference is None:
            reference = price
        elif reference == 0:
            if price != 0:
                moves.append((reference, price))
                reference = price
        elif abs((price - reference) / reference) >= threshold:
            moves.append((reference, price))
            reference = price
    return moves


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("field", ["mark_price", "theta", "delta"])
def test_moves_are_those_of_an_oracle(field: str, seed: int) -> None:
    chance = random.Random(seed)
    values: list[float | None] = [100.0, -50.0, 0.0, 0.0, -3.0, None, -3.1, -4.0, 4.0, 4.19, 4.21]
    values += [chance.choice([None, 0.0, round(chance.uniform(-2, 2), 2)]) for _ in range(60)]
    detector = MoveDetector(0.05, field)
    numbers: list[dict[str, Any]] = [{field: math.nan if v is None else v} for v in values]
    options = (make(**changes) for changes in numbers)
    found = [move for option in options if (move := detector.detect(option)) is not None]
    assert [(move.before, move.after) for move in found] == oracle(values, 0.05)


def test_a_threshold_in_per_cent_is_refused_with_the_fraction() -> None:
    with pytest.raises(BadInput, match=r"threshold: 5 is 500%: write 0.05 for 5%"):
        MoveDetector(5, "mark_price")
