import pytest

from fastopts.sim.prices.tape import Tape
from tests.sim.conftest import HOUR_MS, T0_MS


def test_never_traded() -> None:
    tape = Tape()
    assert (tape.last, tape.high, tape.low, tape.lots, tape.turnover, tape.change) == (0,) * 6
    assert tape.roll_ms == 0


def test_trades_of_a_day() -> None:
    tape = Tape()
    for hours, price, lots in ((0, 100, 3), (0.5, 140, 1), (5, 90, 2)):
        tape.trade(T0_MS + int(hours * HOUR_MS), price, lots, lots * 1000.0)
    assert (tape.last, tape.high, tape.low) == (90, 140, 90)
    assert (tape.lots, tape.turnover) == (6, 6000)
    assert tape.change == pytest.approx(-0.1)


def test_hours_fall_out_of_the_day_and_stay_in_the_totals() -> None:
    tape = Tape()
    tape.trade(T0_MS, 100, 3, 3000)
    tape.trade(T0_MS + 2 * HOUR_MS, 120, 1, 1100)
    assert tape.roll_ms == T0_MS + 24 * HOUR_MS

    tape.roll(tape.roll_ms)
    assert (tape.high, tape.low, tape.lots, tape.turnover) == (120, 120, 1, 1100)
    assert tape.change == pytest.approx(0.2)  # against the last price before the day

    tape.roll(T0_MS + 30 * HOUR_MS)
    assert (tape.high, tape.low, tape.lots, tape.turnover, tape.change) == (0,) * 5
    assert (tape.last, tape.lots_total, tape.turnover_total) == (120, 4, 4100)
