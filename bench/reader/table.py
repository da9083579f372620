"""The results as text."""

from collections.abc import Mapping

from bench.reader.mirror import Held
from bench.reader.plan import APART, ONE_CORE
from bench.reader.results import Compared, Line, Results
from bench.reader.startup import Start
from bench.table import aligned

__all__ = ("calls", "mirror", "starts")

LEGEND = """\
p50, p99     us a call, medians of the rounds; the spread is that of p50
CPU          us of the reader's own process a call: what is left of it is the server's, or waiting
PINGs        how many times as long as a bare PING it takes; likewise the other ratios: the reply
             left unparsed, and fastopts; each round by itself, and the median of them
one core     the same with the server on the reader's core, where waking it up costs least"""
HEADS = (
    *("", "p50", "(spread)", "p99", "CPU", "PINGs", "unparsed", "fastopts"),
    *("one core: p50", "unparsed", "fastopts", ""),
)


def calls(results: Results, symbols: int) -> str:
    """Every group's calls, a line each."""
    rows: list[tuple[str, ...]] = [HEADS]
    for title, lines in results.items():
        rows += [(title, *[""] * (len(HEADS) - 1)), *map(_row, lines)]
    return f"the reader; {symbols:,} symbols, a feed alive at a trickle\n{LEGEND}\n{aligned(rows)}"


def starts(found: Mapping[str, Start]) -> str:
    """What a process pays before its first read."""
    rows = [
        ("a new process, over TCP, with a password", "import ms", "CPU ms", "RSS MB", "it loads")
    ]
    rows += [
        (
            name,
            f"{one.import_ms:.1f}",
            f"{one.import_cpu_ms:.1f}",
            f"{one.rss_mb:.1f}",
            ", ".join(one.strangers) or "-",
        )
        for name, one in found.items()
    ]
    return aligned(rows)


def mirror(held: Held) -> str:
    """What a mirror costs."""
    return (
        f"a mirror of everything at {held.update_rate:,.0f} updates/s: "
        f"{held.mb:.1f} MB, {held.share:.1%} of a core"
    )


def _row(line: Line) -> tuple[str, ...]:
    apart, one_core = line.places[APART], line.places[ONE_CORE]
    found = apart.figures
    return (
        f"  {line.title}",
        f"{found.p50_us:,.1f}",
        f"{found.p50_us_least:,.1f}-{found.p50_us_most:,.1f}",
        f"{found.p99_us:,.0f}",
        f"{found.cpu_us:,.1f}",
        f"{apart.in_pings:.2f}",
        *_ratios(apart),
        f"{one_core.figures.p50_us:,.1f}",
        *_ratios(one_core),
        "faster than fastopts" if line.is_faster else "",
    )


def _ratios(one: Compared) -> tuple[str, str]:
    ratios = one.in_floors, one.in_ours
    unparsed, ours = ("-" if ratio is None else f"{ratio:.2f}" for ratio in ratios)
    return unparsed, ours
