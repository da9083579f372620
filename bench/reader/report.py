"""The reader's parts of a report."""

from bench.goals import Goal
from bench.reader import goals, mirror, results, startup, table, turns
from bench.reader.plan import Plan
from bench.report import Report

__all__ = ("measure",)


def measure(chosen: Plan, report: Report) -> list[Goal]:
    """Measure the plan, add what was found to *report*; return the goals."""
    with turns.market() as (session, given):
        calls = results.compare(chosen.groups, turns.run(chosen, session, given))
        report.add("reader", calls, table.calls(calls, turns.SYMBOLS))
        starts = startup.run(given, chosen.starts)
        report.add("reader_start", starts, table.starts(starts))
        held = mirror.run(session, given)
        report.add("reader_mirror", held, table.mirror(held))
    return goals.of_calls(calls) + goals.of_start(starts) + goals.of_mirror(held)
