"""A symbol's looks, and what they prove."""

from fastopts.cli.verify.fields import Difference
from fastopts.cli.verify.judge import Case
from fastopts.cli.verify.store import Tick

T0_MS = 1_795_000_000_000


def tick(number: int, mark: str = "1", bid: str = "9") -> Tick:
    at = {"tm": str(T0_MS + number), "sq": str(number), "cn": "1:1", "rt": str(T0_MS + number)}
    return {**at, "mp": mark, "bp": bid}


def row(mark: str, bid: str = "9") -> dict[str, str]:
    return {"markPrice": mark, "bid1Price": bid}


def looked(*looks: tuple[Tick | None, dict[str, str], Tick | None]) -> Case:
    """A case after these looks, a second apart, or as many of them as it took."""
    case = Case("BTC-27MAR26-70000-P")
    for number, (before, told, after) in enumerate(looks, 1):
        if case.is_open:
            case.observe(before, told, after, T0_MS + 1000 * number)
    return case


def test_the_hash_before_or_after_the_row_may_be_equal() -> None:
    assert looked((tick(1, "1"), row("1"), tick(2, "2"))).outcome == "equal"
    assert looked((tick(1, "1"), row("2"), tick(2, "2"))).outcome == "equal"


def test_one_row_that_differs_proves_nothing() -> None:
    case = looked((tick(1), row("2"), tick(1)))
    assert (case.outcome, case.evidence) == ("moved", None)


def test_a_tick_that_was_on_its_way_is_no_fault() -> None:
    assert looked((tick(1), row("2"), tick(1)), (tick(2, "2"), row("2"), tick(2, "2"))).outcome == (
        "equal"
    )


def test_two_rows_that_differ_from_a_hash_that_does_not_tick_are_wrong() -> None:
    case = looked((tick(1), row("2"), tick(1)), (tick(1), row("3"), tick(1)))
    assert case.outcome == "wrong"
    assert case.evidence is not None
    assert case.evidence.differences == (Difference("mp", "1", "3"),)
    assert (case.evidence.tick_age_ms, case.evidence.rows_apart_ms) == (1999, 1000)


def test_a_symbol_that_ticks_has_moved() -> None:
    changing = [(tick(n, str(n)), row(str(-n)), tick(n, str(n))) for n in range(1, 9)]
    assert looked(*changing).outcome == "moved"
    during = [(tick(n, str(n)), row(str(-n)), tick(n + 1, str(n + 1))) for n in range(1, 9)]
    assert looked(*during).outcome == "moved"


def test_rows_count_from_the_last_tick() -> None:
    looks = [
        (tick(1), row("5"), tick(1)),
        (tick(2), row("6"), tick(2)),
        (tick(2), row("7"), tick(3)),
        (tick(3), row("8"), tick(3)),
    ]
    assert looked(*looks).outcome == "moved"
    assert looked(*looks, (tick(3), row("9"), tick(3))).outcome == "wrong"


def test_a_field_that_stays_wrong_while_others_tick_is_wrong() -> None:
    looks = [(tick(n, str(n)), row(str(-n), bid="8"), tick(n, str(n))) for n in range(1, 5)]
    assert looked(*looks[:3]).outcome == "moved"
    case = looked(*looks)
    assert case.outcome == "wrong"
    assert case.evidence is not None
    assert case.evidence.differences == (Difference("bp", "9", "8"),)
    assert case.evidence.rows_apart_ms == 3000


def test_what_is_not_live_between_two_rows_counts_anew() -> None:
    look = (tick(1), row("2"), tick(1))
    assert looked(look, (tick(1), row("2"), None), look).outcome == "moved"
    assert looked(look, (None, row("2"), tick(1)), look).outcome == "moved"
    assert looked(look, (None, row("2"), None), look, look).outcome == "wrong"


def test_an_option_that_the_venue_does_not_list_is_wrong() -> None:
    look: tuple[Tick, dict[str, str], Tick] = (tick(1), {}, tick(1))
    case = looked(look, look)
    assert case.evidence is not None
    assert case.evidence.differences == (Difference("bp", "9", ""), Difference("mp", "1", ""))
