"""The loss equations over counters."""

from fastopts.cli.output import losses
from tests.cli.market import COUNTERS


def test_both_equations_balance_when_nothing_was_lost() -> None:
    received, applied = losses.equations(COUNTERS)
    assert (received.is_balanced, applied.is_balanced) == (True, True)
    assert str(received) == "received 1,000 = applied 990 + older 8 + rejected 2"
    assert applied.text.plain.endswith("  balanced")
    assert applied.values == {
        "applied": 990,
        "written": 900,
        "conflated": 83,
        "pending": 7,
        "balanced": True,
    }


def test_a_lost_message_is_seen_in_its_equation_alone() -> None:
    received, applied = losses.equations(COUNTERS | {"written": 899})
    assert (received.is_balanced, applied.is_balanced) == (True, False)
    assert applied.text.plain.endswith("  NOT BALANCED")


def test_counters_of_another_program_make_no_equation() -> None:
    assert losses.equations({"messages": 3}) == []
    assert losses.equations({name: 0 for name in COUNTERS if name != "pending"}) == []
