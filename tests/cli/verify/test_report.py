"""Which checks of a report failed, and in which words."""

from dataclasses import replace
from typing import Any

import pytest

from fastopts.cli.output.losses import equations
from fastopts.cli.verify.coverage import Coverage, SeriesCoverage
from fastopts.cli.verify.fields import Difference
from fastopts.cli.verify.greeks import Greeks
from fastopts.cli.verify.judge import Case, Evidence
from fastopts.cli.verify.report import VerifyReport
from fastopts.cli.verify.store import StoredFeed
from tests.cli.market import COUNTERS

FEED = StoredFeed(
    now_ms=10_000,
    venue="sim",
    epoch="7",
    beat_age_ms=100,
    beat_limit_ms=5000,
    silence_limit_ms=12_000,
    skew_ms=0,
    assets=("BTC",),
    delivered_ms={"1": 9_000},
)
SERIES = SeriesCoverage("BTC", 1, "USDT", venue=100, stored=100, live=100)
EVIDENCE = Evidence((Difference("mp", "1", "2"),), tick_age_ms=5, rows_apart_ms=1000)
REPORT = VerifyReport(
    feed=FEED,
    seed=7,
    candidates=100,
    cases=[Case("A", "equal"), Case("B", "moved")],
    losses=equations(COUNTERS),
    greeks=Greeks(checked=100, agree=96, last_day=0, incomplete=0, worst=None),
    coverage=Coverage((SERIES,), ()),
    coins=("BTC",),
)


def test_a_good_report_has_no_complaints() -> None:
    assert REPORT.complaints == []
    assert REPORT.counts == {"equal": 1, "moved": 1, "wrong": 0}
    values = REPORT.values
    assert (values["ok"], values["simulated"], values["epoch"]) == (True, True, 7)
    assert values["outcomes"] == {"A": "equal", "B": "moved"}
    assert values["evidence"] == {}


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        (
            {"cases": [Case("A", "equal"), Case("C", "wrong", EVIDENCE)]},
            "1 of 2 symbols differ from the venue",
        ),
        ({"cases": [Case("B", "moved")]}, "no symbol could be compared"),
        ({"losses": []}, "there are no counters to balance"),
        (
            {"losses": equations(COUNTERS | {"received": 999})},
            "a loss equation does not balance",
        ),
        (
            {"greeks": Greeks(checked=100, agree=94, last_day=0, incomplete=0, worst=None)},
            "the greeks of 6 options differ from the model",
        ),
        (
            {"coverage": Coverage((replace(SERIES, live=98),), ())},
            "2 listed options are not live",
        ),
        ({"coverage": Coverage((replace(SERIES, live=0),), ())}, "no option is live"),
        (
            {
                "coverage": Coverage(
                    (
                        SERIES,
                        SeriesCoverage("TON", 1, "USDT", venue=1, stored=0, live=0),
                    ),
                    (),
                )
            },
            "Redis has no options on TON",
        ),
        (
            {"coverage": Coverage((SERIES,), (), ("BTC-X",))},
            "1 listed symbols can't be parsed, for example BTC-X",
        ),
    ],
)
def test_a_failed_check_is_a_complaint(changes: dict[str, Any], complaint: str) -> None:
    report = replace(REPORT, **changes)
    assert report.complaints == [complaint]
    assert report.values["complaints"] == [complaint]
    assert not report.values["ok"]


def test_nothing_to_compare_is_not_wrong() -> None:
    """A sample is empty when nothing is live, which is a complaint of its own."""
    assert replace(REPORT, cases=[]).complaints == []
