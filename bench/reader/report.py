"""The reader's parts of a report."""

from bench.goals import Goal
from bench.reader import goals, mirror, results, startup, table, turns
from bench.reader.contenders.common import Workload
from bench.reader.plan import ReaderPlan
from bench.report import Report
from bench.session import Session

__all__ = ("measure",)


def measure(plan: ReaderPlan, report: Report) -> list[Goal]:
    """Carry out *plan*, add the results to *report*, and return the goals that were measured."""
    return report.attempt("reader", lambda: _parts(plan, report))


def _parts(plan: ReaderPlan, report: Report) -> list[Goal]:
    with turns.filled_store() as (session, workload):
        return [
            *_calls(plan, session, workload, report),
            *report.attempt("reader_start", lambda: _starts(plan, workload, report)),
            # Last: it speeds the feed up to 2,600/s, which would disturb the calls.
            *report.attempt("reader_mirror", lambda: _mirror(session, workload, report)),
        ]


def _calls(plan: ReaderPlan, session: Session, workload: Workload, report: Report) -> list[Goal]:
    calls = results.compare(plan.groups, turns.run(plan, session, workload))
    report.add("reader", calls, table.calls(calls, turns.SYMBOLS))
    return goals.of_calls(calls)


def _starts(plan: ReaderPlan, workload: Workload, report: Report) -> list[Goal]:
    starts = startup.run(workload, plan.starts)
    report.add("reader_start", starts, table.starts(starts))
    return goals.of_start(starts)


def _mirror(session: Session, workload: Workload, report: Report) -> list[Goal]:
    cost = mirror.run(session, workload)
    report.add("reader_mirror", cost, table.mirror(cost))
    return goals.of_mirror(cost)
