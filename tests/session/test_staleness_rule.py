"""Two rows of REST that differ from a tick, with none in between."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastopts.session.staleness_rule import COMPARED, StalenessRule, differs

Texts = dict[str, str]
TICK = {"tm": "1000", "rt": "1010", "sq": "1", "cn": "5:1", "bp": "5", "mp": "6.5", "d": "0.4"}


def judge(reconciler: StalenessRule, row: Texts | None, tick: Texts | None, time_ms: int) -> bool:
    rows = {} if row is None else {"A": row}
    held = {} if tick is None else {"A": tick}
    return reconciler.judge("BTC", rows, time_ms, held).suspects == ("A",)


def test_the_second_row_that_differs_makes_it_suspect() -> None:
    reconciler = StalenessRule()
    assert not judge(reconciler, {"bp": "7"}, TICK, 60_000)
    assert judge(reconciler, {"bp": "8"}, TICK, 120_000)
    assert judge(reconciler, {"mp": "9"}, TICK, 180_000)


@pytest.mark.parametrize("name", ["tm", "rt", "sq", "cn", "bp"])
def test_a_tick_in_between_acquits(name: str) -> None:
    """An equal time is enough: the receive time shows that there was one."""
    reconciler = StalenessRule()
    judge(reconciler, {"mp": "7"}, TICK, 60_000)
    ticked = TICK | {name: TICK[name].replace("1", "2") if name == "cn" else "2000"}
    assert not judge(reconciler, {"mp": "7"}, ticked, 120_000)
    assert judge(reconciler, {"mp": "7"}, ticked, 180_000)


def test_a_row_that_agrees_acquits() -> None:
    reconciler = StalenessRule()
    judge(reconciler, {"bp": "7"}, TICK, 60_000)
    assert not judge(reconciler, {"bp": "5"}, TICK, 120_000)
    assert not judge(reconciler, {"bp": "7"}, TICK, 180_000)
    assert judge(reconciler, {"bp": "7"}, TICK, 240_000)


@pytest.mark.parametrize("first", [{"bp": "7"}, None])
@pytest.mark.parametrize("second", [{"bp": "7"}, None])
def test_a_symbol_without_a_row_twice_is_suspect(first: Texts | None, second: Texts | None) -> None:
    reconciler = StalenessRule()
    assert not judge(reconciler, first, TICK, 60_000)
    verdict = reconciler.judge("BTC", {"A": second} if second else {}, 120_000, {"A": TICK})
    assert verdict.missing == (() if second else ("A",))
    assert verdict.contradicted == (("A",) if second else ())


def test_a_tick_between_two_answers_without_a_row_acquits() -> None:
    reconciler = StalenessRule()
    judge(reconciler, None, TICK, 60_000)
    assert not judge(reconciler, None, TICK | {"rt": "1011"}, 120_000)
    assert judge(reconciler, None, TICK | {"rt": "1011"}, 180_000)


def test_an_answer_without_a_row_from_before_the_tick_is_no_evidence() -> None:
    reconciler = StalenessRule()
    assert not judge(reconciler, None, TICK, 999)
    assert not judge(reconciler, None, TICK, 60_000)
    assert judge(reconciler, None, TICK, 120_000)


def test_what_is_not_live_is_not_judged() -> None:
    reconciler = StalenessRule()
    judge(reconciler, {"bp": "7"}, TICK, 60_000)
    assert not judge(reconciler, {"bp": "7"}, None, 120_000)
    assert not judge(reconciler, {"bp": "7"}, TICK, 180_000)


def test_a_row_from_before_the_tick_is_no_evidence() -> None:
    reconciler = StalenessRule()
    assert not judge(reconciler, {"bp": "7"}, TICK, 999)
    assert not judge(reconciler, {"bp": "7"}, TICK, 1000)
    assert judge(reconciler, {"bp": "7"}, TICK, 1000)


def test_a_time_that_can_not_be_right_is_no_alibi() -> None:
    reconciler = StalenessRule()
    poisoned = TICK | {"tm": str(10**15)}
    assert not judge(reconciler, {"bp": "7"}, poisoned, 60_000)
    assert judge(reconciler, {"bp": "7"}, poisoned, 120_000)


def test_coins_are_asked_for_one_by_one() -> None:
    reconciler = StalenessRule()
    judge(reconciler, {"bp": "7"}, TICK, 60_000)
    assert reconciler.judge("ETH", {"B": {"bp": "7"}}, 60_000, {"B": TICK}).suspects == ()
    assert judge(reconciler, {"bp": "7"}, TICK, 120_000)


@pytest.mark.parametrize(
    ("row", "tick", "expected"),
    [
        ({"bp": "5"}, {"bp": "5"}, False),
        ({"bp": "5.00"}, {"bp": "5"}, False),
        ({"bp": "5e0"}, {"bp": "5"}, False),
        ({"bp": "0.1"}, {"bp": "0.10000000000000000001"}, True),
        ({"bp": "5"}, {}, True),
        ({"bp": ""}, {"bp": "5"}, True),
        ({"bp": "0"}, {"bp": "5"}, True),
        # no quote: the venue spells it either way
        ({"bp": ""}, {}, False),
        ({"bp": "0"}, {}, False),
        ({"bp": ""}, {"bp": "0"}, False),
        # not spelled, or not to be read: no evidence
        ({}, {"bp": "5"}, False),
        ({"bp": "x"}, {"bp": "5"}, False),
        ({"bp": "nan"}, {"bp": "5"}, False),
        ({"bp": None}, {"bp": "0"}, False),
        ({"bp": 5.1}, {"bp": "5.1"}, False),
        ({"bp": [5]}, {"bp": "5"}, False),
        # drifts by itself
        ({"d": "0.5"}, {"d": "0.4"}, False),
        ({"ip": "1", "up": "2", "miv": "3", "c24": "4", "v24": "5"}, {}, False),
        *(({name: "2"}, {name: "1"}, True) for name in COMPARED),
    ],
)
def test_what_differs(row: Any, tick: Texts, expected: bool) -> None:
    assert differs(row, tick) == expected


# (what happens, a value): a tick, a row of REST, a request that fails, a connection that is mute
EVENTS = st.lists(
    st.tuples(
        st.sampled_from(["tick", "row", "row", "missing", "failure", "mute"]), st.integers(1, 2)
    ),
    max_size=30,
)


@given(EVENTS)
def test_exactly_the_stuck_symbols_become_suspect(events: list[tuple[str, int]]) -> None:
    """Oracle: the answers since the last tick, without those that failed, newest last."""
    reconciler = StalenessRule()
    tick = TICK | {"bp": "1"}
    answers: list[bool] = []  # whether each differed, or had no row
    for number, (event, value) in enumerate(events):
        now_ms = 10_000 * (number + 1)
        if event == "tick":
            tick = {**tick, "bp": str(value), "tm": str(now_ms), "rt": str(now_ms)}
            answers = []
        elif event == "missing":
            answers.append(True)
            suspect = judge(reconciler, None, tick, now_ms)
            assert suspect == (answers[-2:] == [True, True])
        elif event == "mute":
            assert not judge(reconciler, {"bp": str(value)}, None, now_ms)
            answers = []
        elif event == "row":
            answers.append(str(value) != tick["bp"])
            suspect = judge(reconciler, {"bp": str(value)}, tick, now_ms)
            assert suspect == (answers[-2:] == [True, True])
