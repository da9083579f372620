"""Rows are set beside PING, their floor and our own call; a rival's lead is told."""

from bench.reader import goals, results
from bench.reader.figures import Window
from bench.reader.plan import APART, CHAIN, MANY, ONE, ONE_CORE, PING, Row
from bench.reader.results import Measured

GROUPS = (ONE, CHAIN)
RIVAL, OLD = ONE.others


def measured(apart: dict[Row, float], one_core: dict[Row, float]) -> Measured:
    places = {APART: apart, ONE_CORE: one_core}
    return {
        row: {place: [Window(p50_us[row], 9e3, 5, 1)] * 3 for place, p50_us in places.items()}
        for row in apart
    }


def rows(ping: float, floor: float, ours: float, rival: float, old: float) -> dict[Row, float]:
    assert ONE.floor is not None
    assert CHAIN.floor is not None
    others = {ONE.floor: floor, ONE.ours: ours, RIVAL: rival, OLD: old}
    return {PING: ping, CHAIN.floor: 100, CHAIN.ours: 300, **others}


FOUND = results.compare(GROUPS, measured(rows(50, 60, 90, 180, 100), rows(10, 20, 40, 80, 36)))


def test_a_row_is_told_in_pings_in_floors_and_in_ours() -> None:
    _, _, rival, _ = FOUND[ONE.title]
    apart, one_core = rival.places[APART], rival.places[ONE_CORE]
    assert (apart.figures.p50_us, one_core.figures.p50_us) == (180, 80)
    assert (apart.in_pings, apart.in_floors, apart.in_ours) == (3.6, 3.0, 2.0)
    assert (one_core.in_pings, one_core.in_floors, one_core.in_ours) == (8.0, 4.0, 2.0)


def test_ping_stands_by_itself() -> None:
    [ping] = FOUND["a round trip"]
    assert (ping.places[APART].in_pings, ping.places[APART].in_floors) == (1.0, None)
    assert PING.title not in [line.title for line in FOUND[ONE.title]]


def test_who_is_faster_than_our_call_at_one_of_the_places_is_named() -> None:
    faster = [line.title for lines in FOUND.values() for line in lines if line.is_faster]
    assert faster == [OLD.title]


def test_goals_are_judged_with_the_server_apart_and_only_where_there_are_figures() -> None:
    found = {goal.title: (goal.figure, goal.is_met) for goal in goals.of_calls(FOUND)}
    assert found == {
        f"{CHAIN.title}: ms": (0.3, True),
        f"{ONE.title}: times the reply left unparsed": (1.5, False),
    }
    assert not [title for title in found if title.startswith(MANY.title)]
