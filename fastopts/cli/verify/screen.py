"""A verdict for people."""

from collections import Counter
from collections.abc import Sequence
from typing import Final

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

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

WRONG_SHOWN: Final = 10
MISSING_SHOWN: Final = 5
_MEANINGS: Final = {word.short: word.name for word in FIELDS.values() if word.short}


def show(found: VerifyReport) -> None:
    """Print *found*."""
    printing.show_venue(found.feed.venue)
    printing.show(_series(found.coverage.series))
    printing.show(_findings(found))


def _series(series: Sequence[SeriesCoverage]) -> RenderableType:
    styles = ["" if one.live == one.venue == one.stored else "yellow" for one in series]
    return printing.fitted_table(
        (
            Column("asset", [one.asset for one in series], is_text=True),
            Column("expiry (UTC)", [printing.utc(one.expiry_ms)[:-4] for one in series]),
            Column("settle", [one.settle for one in series], is_text=True),
            Column("at the venue", [f"{one.venue:,}" for one in series]),
            Column("in Redis", [f"{one.stored:,}" for one in series]),
            Column("live", [Text(f"{o.live:,}", s) for o, s in zip(series, styles, strict=True)]),
        ),
        printing.width(),
    )


def _findings(found: VerifyReport) -> Table:
    rows = Table.grid(padding=(0, 2))
    rows.add_column(style="bold", no_wrap=True)
    rows.add_column()
    rows.add_row("feed", _feed(found.feed))
    rows.add_row("coverage", _coverage(found.coverage))
    rows.add_row("coins", one_line(", ".join(found.coins)))
    rows.add_row(
        "sample", f"{len(found.cases):,} of {found.candidates:,} live: --seed {found.seed}"
    )
    rows.add_row("fields", _counts(found))
    if found.wrong:
        rows.add_row("", _tally(found.wrong))
    for case in found.wrong[:WRONG_SHOWN]:
        rows.add_row("wrong", _wrong(case))
    for equation in found.losses:
        rows.add_row("loss", equation.text)
    if not found.losses:
        rows.add_row("loss", Text(losses.UNKNOWN, "yellow"))
    rows.add_row("greeks", _greeks(found.greeks))
    rows.add_row("verdict", _verdict(found.complaints))
    return rows


def _feed(feed: StoredFeed) -> Text:
    words = Text(
        f"{one_line(feed.venue)}, epoch {feed.epoch}, {len(feed.delivered_ms)} connections"
    )
    if feed.silent:
        words.append(f", {len(feed.silent)} of them silent", style="bold red")
    return words


def _counts(found: VerifyReport) -> Text:
    words = ", ".join(f"{count:,} {outcome}" for outcome, count in found.counts.items())
    return Text.assemble((words, "bold red" if found.wrong else "green"))


def _tally(wrong: Sequence[Case]) -> str:
    """Which fields are concerned: one that is wrong everywhere is a name or a unit."""
    fields = Counter(one.field for c in wrong if c.evidence for one in c.evidence.differences)
    told = (f"{_MEANINGS[field]} {count:,}" for field, count in fields.most_common())
    return f"by field: {', '.join(told)}"


def _wrong(case: Case) -> str:
    assert case.evidence is not None
    first, *others = case.evidence.differences
    more = f", and {len(others)} more fields" if others else ""
    age = printing.duration(case.evidence.tick_age_ms / 1000)
    apart = printing.duration(case.evidence.rows_apart_ms / 1000)
    return one_line(
        f"{case.symbol} {_MEANINGS[first.field]} ({first.field}):"
        f" {first.stored or 'nothing'} is stored, the venue says {first.venue or 'nothing'}{more};"
        f" ticked {age} before the last of its rows, which are {apart} apart"
    )


def _greeks(found: Greeks) -> Text:
    words = f"{found.agree:,} of {found.checked:,} agree with Black-76 within {TOLERANCE:.0%}"
    if found.worst is not None:
        words += f" (worst: {found.worst.greek} {found.worst.off:.2%} of {found.worst.symbol})"
    if found.last_day:
        words += f"; {found.last_day:,} left out: in their last day"
    if found.incomplete:
        words += f"; {found.incomplete:,} left out: not all numbers are there"
    return Text.assemble((words, "" if found.is_good else "bold red"))


def _coverage(found: Coverage) -> Text:
    words = f"{found.live:,} live of {found.listed:,} that the venue lists"
    if found.missing:
        some = ", ".join(found.missing[:MISSING_SHOWN])
        more = ", …" if len(found.missing) > MISSING_SHOWN else ""
        words += f"; {len(found.missing):,} are not in Redis: {some}{more}"
    return Text.assemble((words, "" if found.is_good else "bold red"))


def _verdict(complaints: Sequence[str]) -> Text:
    if complaints:
        return Text.assemble((f"NOT GOOD: {'; '.join(complaints)}", "bold red"))
    return Text.assemble(("all good", "green"))
