"""The reader's parts of a report."""

from bench.goals import Goal
from bench.reader import goals, mirror, results, startup, table, turns
from bench.reader.contenders.common import Market
from bench.reader.plan import Plan
from bench.report import Report
from bench.session import Session

__all__ = ("measure",)


def measure(chosen: Plan, report: Report) -> list[Goal]:
    """Measure the plan, add what was found to *report*; return the goals of what was measured."""
    return report.attempt("reader", lambda: _parts(chosen, report))


def _parts(chosen: Plan, report: Report) -> list[Goal]:
    with turns.market() as (session, given):
        return [
            *_calls(chosen, session, given, report),
            *report.attempt("reader_start", lambda: _starts(chosen, given, report)),
            *report.attempt("reader_mirror", lambda: _mirror(session, given, report)),
        ]


def _calls(chosen: Plan, session: Session, given: Market, report: Report) -> list[Goal]:
    calls = results.compare(chosen.groups, turns.run(chosen, session, given))
    report.add("reader", calls, table.calls(calls, turns.SYMBOLS))
    return goals.of_calls(calls)


def _starts(chosen: Plan, given: Market, report: Report) -> list[Goal]:
    starts = startup.run(given, chosen.starts)
    report.add("reader_start", starts, table.starts(starts))
    return goals.of_start(starts)


def _mirror(session: Session, given: Market, report: Report) -> list[Goal]:
    held = mirror.run(session, given)
    report.add("reader_mirror", held, table.mirror(held))
    return goals.of_mirror(held)
