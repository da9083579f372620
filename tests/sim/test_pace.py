from collections import Counter

import pytest

from fastopts.sim.prices.pace import Pace

SLICE_S = 0.002


def drive(pace: Pace[int], seconds: float, start: float = 0.0) -> list[tuple[float, int]]:
    """Call `due` every few ms and return (time, key) of what ticked."""
    times = (start + n * SLICE_S for n in range(round(seconds / SLICE_S)))
    return [(now, key) for now in times for key in pace.due(now)]


def pace(rate: float, weights: list[float]) -> Pace[int]:
    result = Pace[int](rate, seed=5)
    for key, weight in enumerate(weights):
        result.add(key, weight)
    return result


@pytest.mark.parametrize(
    ("rate", "keys"), [(100, 200), (3_000, 2_000), (17_000, 2_000), (36_000, 5_000)]
)
def test_it_keeps_the_rate(rate: float, keys: int) -> None:
    ticks = drive(pace(rate, [0.02 + 0.98 * (n % 10 == 0) for n in range(keys)]), 20)
    assert len([now for now, _ in ticks if now >= 10]) / 10 == pytest.approx(rate, rel=0.03)


def test_it_is_smooth() -> None:
    ticks = drive(pace(3_000, [1 / (1 + n % 30) for n in range(2_000)]), 10)
    a_tenth = Counter(int(now * 10) for now, _ in ticks if now >= 1)
    assert min(a_tenth.values()) > 200
    assert max(a_tenth.values()) < 400


def test_no_key_comes_more_often_than_every_100_ms() -> None:
    last: dict[int, float] = {}
    for now, key in drive(pace(5_000, [1.0] * 100 + [0.01] * 100), 5):
        assert now - last.get(key, -1) >= 0.1
        last[key] = now


def test_heavy_keys_come_more_often() -> None:
    counts = Counter(key for _, key in drive(pace(60, [1.0] * 10 + [0.1] * 100), 60))
    heavy = sum(counts[key] for key in range(10)) / 10
    light = sum(counts[key] for key in range(10, 110)) / 100
    assert heavy / light == pytest.approx(10, rel=0.15)


def test_what_the_heavy_can_not_take_goes_to_the_others() -> None:
    counts = Counter(key for _, key in drive(pace(500, [100.0] + [1.0] * 100), 20))
    assert 180 < counts[0] <= 200
    assert sum(counts.values()) == pytest.approx(500 * 20, rel=0.03)


def test_when_all_are_at_the_floor_the_rate_is_what_they_can_keep_up() -> None:
    ticks = drive(pace(10_000, [1.0] * 100), 5)
    assert 900 < len(ticks) / 5 <= 1_000


def test_a_stall_is_not_made_up_for() -> None:
    it = pace(1_000, [1.0] * 500)
    drive(it, 2)
    drive(it, 0.01, start=12)
    assert len(drive(it, 1, start=12.01)) < 1_400


def test_keys_come_and_go() -> None:
    it = pace(100, [1.0] * 10)
    drive(it, 1)
    for key in range(9):
        it.discard(key)
    it.discard(99)
    assert len(it) == 1
    assert {key for _, key in drive(it, 1, start=1)} == {9}
    it.discard(9)
    assert drive(it, 1, start=2) == []
    it.add(3, 1.0)
    assert {key for _, key in drive(it, 1, start=3)} == {3}
    assert it.next_due() is not None


def test_a_key_added_again_comes_once() -> None:
    it = pace(5, [1.0])
    drive(it, 1)
    it.discard(0)
    it.add(0, 1.0)
    it.add(0, 2.0)
    assert len(drive(it, 10, start=1)) == pytest.approx(50, abs=3)
