"""A report as it is printed."""

from dataclasses import replace

import pytest

from fastopts.cli.verify import screen
from fastopts.cli.verify.coverage import Coverage
from fastopts.cli.verify.fields import Difference
from fastopts.cli.verify.greeks import Greeks, Worst
from fastopts.cli.verify.judge import Case, Evidence
from fastopts.cli.verify.report import VerifyReport
from tests.cli.verify.test_report import REPORT, SERIES


def printed(report: VerifyReport, capsys: pytest.CaptureFixture[str]) -> dict[str, str]:
    """The rows below the table, by label."""
    screen.show(report)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "SIMULATED: not the market"
    start = next(index for index, line in enumerate(lines) if line.startswith("feed "))
    return {line[:10].strip(): line[10:] for line in lines[start:]}


def test_a_good_report_ends_with_all_checks_passed(capsys: pytest.CaptureFixture[str]) -> None:
    rows = printed(REPORT, capsys)
    assert rows["feed"] == "sim, epoch 7, 1 connections"
    assert rows["coverage"] == "100 of 100 options that the venue lists are live"
    assert rows["coins"] == "BTC"
    assert rows["sample"] == "2 of 100 live options (--seed 7)"
    assert rows["fields"] == "1 equal, 1 moved, 0 wrong"
    assert rows["greeks"] == "96 of 100 agree with Black-76 within 2%"
    assert rows["result"] == "all checks passed"


def test_faults_are_named_and_counted_by_field(capsys: pytest.CaptureFixture[str]) -> None:
    differences = (Difference("bp", "1", ""), Difference("mp", "3", "4"))
    wrong = Case("A", "wrong", Evidence(differences, tick_age_ms=1500, rows_apart_ms=1000))
    missing = tuple(f"BTC-27MAR26-{strike}-C" for strike in range(7))
    worst = Worst("B", "vega", stored=1.0, model=2.0, off=0.5)
    rows = printed(
        replace(
            REPORT,
            cases=[wrong],
            losses=[],
            greeks=Greeks(checked=1, agree=0, last_day=2, incomplete=3, worst=worst),
            coverage=Coverage((replace(SERIES, live=93),), missing),
        ),
        capsys,
    )
    assert rows[""] == "by field: bid_price 1, mark_price 1"
    assert rows["wrong"] == (
        "A bid_price (bp): Redis has 1, the venue nothing, and 1 more fields;"
        " it ticked 1.5 s before the last of its rows, which are 1.0 s apart"
    )
    assert rows["loss"] == "unknown: `stats` has no counters of a collector"
    assert rows["greeks"] == (
        "0 of 1 agree with Black-76 within 2% (worst: vega of B, 50.00%);"
        " 2 not checked: in their last day; 3 not checked: a value is absent"
    )
    shown = ", ".join(missing[: screen.MISSING_SHOWN])
    assert rows["coverage"].endswith(f"; 7 are not in Redis: {shown}, …")
    assert rows["result"].startswith("FAILED: 1 of 1 symbols differ from the venue; there are no")
