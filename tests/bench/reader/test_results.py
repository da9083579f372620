"""Rows are compared with PING, their floor and fastopts; a faster rival is reported."""

from bench.reader import goals, results
from bench.reader.figures import Turn
from bench.reader.plan import APART, CHAIN, MANY, ONE, ONE_CORE, PING, Row
from bench.reader.results import Turns

GROUPS = (ONE, CHAIN)
RIVAL, BASELINE = ONE.rivals


def turns(apart: dict[Row, float], one_core: dict[Row, float]) -> Turns:
    places = {APART: apart, ONE_CORE: one_core}
    return {
        row: {place: [Turn(p50_us[row], 9e3, 5, 1)] * 3 for place, p50_us in places.items()}
        for row in apart
    }


def rows(
    ping: float, floor: float, product: float, rival: float, baseline: float
) -> dict[Row, float]:
    assert ONE.floor is not None
    assert CHAIN.floor is not None
    group = {ONE.floor: floor, ONE.product: product, RIVAL: rival, BASELINE: baseline}
    return {PING: ping, CHAIN.floor: 100, CHAIN.product: 300, **group}


RESULTS = results.compare(GROUPS, turns(rows(50, 60, 90, 180, 100), rows(10, 20, 40, 80, 36)))


def test_a_row_is_compared_with_ping_the_floor_and_fastopts() -> None:
    _, _, rival, _ = RESULTS[ONE.title]
    apart, one_core = rival.places[APART], rival.places[ONE_CORE]
    assert (apart.figures.p50_us, one_core.figures.p50_us) == (180, 80)
    assert (apart.in_pings, apart.in_floors, apart.in_ours) == (3.6, 3.0, 2.0)
    assert (one_core.in_pings, one_core.in_floors, one_core.in_ours) == (8.0, 4.0, 2.0)


def test_ping_is_a_group_of_its_own() -> None:
    [ping] = RESULTS["a round trip"]
    assert (ping.places[APART].in_pings, ping.places[APART].in_floors) == (1.0, None)
    assert PING.title not in [line.title for line in RESULTS[ONE.title]]


def test_a_row_faster_than_fastopts_at_one_of_the_places_is_marked() -> None:
    faster = [line.title for lines in RESULTS.values() for line in lines if line.is_faster]
    assert faster == [BASELINE.title]


def test_goals_apply_to_the_server_apart_and_to_measured_groups() -> None:
    verdicts = {goal.title: (goal.figure, goal.is_met) for goal in goals.of_calls(RESULTS)}
    assert verdicts == {
        f"{CHAIN.title}: ms": (0.3, True),
        f"{ONE.title}: times the unparsed reply": (1.5, False),
    }
    assert not [title for title in verdicts if title.startswith(MANY.title)]
