"""Prints a report: a table of the series, and a row for each check."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

from rich.console import RenderableType
from rich.text import Text

from fastopts import number_format
from fastopts.cli.output import losses, printing
from fastopts.cli.output.printing import Column
from fastopts.cli.verify.coverage import Coverage, SeriesCoverage
from fastopts.cli.verify.greeks import TOLERANCE, Greeks
from fastopts.cli.verify.judge import Case
from fastopts.cli.verify.report import VerifyReport
from fastopts.cli.verify.store import StoredFeed
from fastopts.errors import one_line
from fastopts.field_registry import FIELDS

__all__ = ("show",)

# the headings, the number of other series, the last check, and the prompt below
_OTHER_LINES: Final = 4
WRONG_SHOWN: Final = 10  # the tally by field counts the rest; --json has all
MISSING_SHOWN: Final = 5  # enough to recognise a series or a coin
_MEANINGS: Final = {word.short: word.name for word in FIELDS.values() if word.short}


def show(report: VerifyReport) -> None:
    """Print *report*."""
    lines = printing.show_venue(report.feed.venue)
    checks = printing.labelled(_checks(report), printing.width())
    lines += checks.plain.count("\n") + _OTHER_LINES
    _show_series(report.coverage.series, printing.rows_left(lines))
    printing.show(checks)


def _show_series(rows: Sequence[SeriesCoverage], count: int | None) -> None:
    """Print *rows*; where more than *count*, only the incomplete ones, and the number of others."""
    if count is None or len(rows) <= count:
        printing.show(_series(rows))
        return
    incomplete = [row for row in rows if not _is_complete(row)]
    if incomplete:
        printing.show(_series(incomplete[:count]))
    others = len(rows) - len(incomplete[:count])
    complete = "" if len(incomplete) > count else " that are complete"
    printing.show(Text(f"{others} {'other ' if incomplete else ''}series{complete}", "dim"))


def _is_complete(row: SeriesCoverage) -> bool:
    return row.live == row.venue == row.stored


def _series(rows: Sequence[SeriesCoverage]) -> RenderableType:
    styles = ["" if _is_complete(row) else "yellow" for row in rows]
    live = [Text(f"{row.live:,}", style) for row, style in zip(rows, styles, strict=True)]
    return printing.fitted_table(
        (
            Column("asset", [row.asset for row in rows], is_text=True),
            Column("expiry (UTC)", [printing.utc(row.expiry_ms)[:-4] for row in rows]),
            Column("settle", [row.settle for row in rows], is_text=True),
            Column("listed", [f"{row.venue:,}" for row in rows]),
            Column("in Redis", [f"{row.stored:,}" for row in rows]),
            Column("live", live),
        ),
        printing.width(),
    )


def _checks(report: VerifyReport) -> Iterator[tuple[str, str | Text]]:
    yield "feed", _feed(report.feed)
    yield "coverage", _coverage(report.coverage)
    yield "coins", one_line(", ".join(report.coins))
    sample = f"{len(report.cases):,} of {report.candidates:,} live options (--seed {report.seed})"
    yield "sample", sample
    yield "fields", _counts(report)
    if report.wrong:
        yield "", _tally(report.wrong)
    for case in report.wrong[:WRONG_SHOWN]:
        yield "wrong", _wrong(case)
    for equation in report.losses:
        yield "loss", equation.text
    if not report.losses:
        yield "loss", Text(losses.UNKNOWN, "yellow")
    yield "greeks", _greeks(report.greeks)
    yield "result", _result(report.complaints)


def _feed(feed: StoredFeed) -> Text:
    # the venue is a text from Redis: one_line keeps escape sequences off the terminal
    text = Text(f"{one_line(feed.venue)}, epoch {feed.epoch}, {len(feed.delivered_ms)} connections")
    if feed.silent:
        text.append(f", {len(feed.silent)} of them silent", style="bold red")
    return text


def _counts(report: VerifyReport) -> Text:
    text = ", ".join(f"{count:,} {outcome}" for outcome, count in report.counts.items())
    return Text.assemble((text, "bold red" if report.wrong else "green"))


def _tally(wrong: Sequence[Case]) -> str:
    """The wrong fields by frequency: one that is wrong in every symbol is a name or a unit."""
    evidence = [case.evidence for case in wrong if case.evidence is not None]
    fields = Counter(each.field for item in evidence for each in item.differences)
    counts = (f"{_MEANINGS[field]} {count:,}" for field, count in fields.most_common())
    return f"by field: {', '.join(counts)}"


def _wrong(case: Case) -> str:
    assert case.evidence is not None
    first, *rest = case.evidence.differences
    more = f", and {len(rest)} more fields" if rest else ""
    age = number_format.duration(case.evidence.tick_age_ms / 1000)
    apart = number_format.duration(case.evidence.rows_apart_ms / 1000)
    return one_line(
        f"{case.symbol} {_MEANINGS[first.field]} ({first.field}):"
        f" Redis has {first.stored or 'nothing'}, the venue {first.venue or 'nothing'}{more};"
        f" it ticked {age} before the last of its rows, which are {apart} apart"
    )


def _greeks(greeks: Greeks) -> Text:
    text = f"{greeks.agree:,} of {greeks.checked:,} agree with Black-76 within {TOLERANCE:.0%}"
    if greeks.worst is not None:
        worst = greeks.worst
        text += f" (worst: {worst.greek} of {worst.symbol}, {worst.off:.2%})"
    if greeks.last_day:
        text += f"; {greeks.last_day:,} not checked: in their last day"
    if greeks.incomplete:
        text += f"; {greeks.incomplete:,} not checked: a value is absent"
    return Text.assemble((text, "" if greeks.is_good else "bold red"))


def _coverage(coverage: Coverage) -> Text:
    text = f"{coverage.live:,} of {coverage.listed:,} options that the venue lists are live"
    if coverage.missing:
        names = ", ".join(coverage.missing[:MISSING_SHOWN])
        more = ", …" if len(coverage.missing) > MISSING_SHOWN else ""
        text += f"; {len(coverage.missing):,} are not in Redis: {names}{more}"
    return Text.assemble((text, "" if coverage.is_good else "bold red"))


def _result(complaints: Sequence[str]) -> Text:
    if complaints:
        return Text.assemble((f"FAILED: {'; '.join(complaints)}", "bold red"))
    return Text.assemble(("all checks passed", "green"))
