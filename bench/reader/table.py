"""Text tables of the reader's results."""

from collections.abc import Mapping

from bench.reader.mirror import MirrorCost
from bench.reader.plan import APART, ONE_CORE
from bench.reader.results import Comparison, Line, Results
from bench.reader.startup import Start
from bench.table import aligned

__all__ = ("calls", "mirror", "starts")

LEGEND = """\
p50, p99     us per call, medians of the rounds; the range is that of p50
CPU          us of the reader's own process per call; the rest of p50 is the server's, or waiting
PINGs        multiple of the time of a bare PING; likewise the other ratios, to the unparsed reply
             and to fastopts; medians of the ratios of each round
one core     the same with the server on the reader's core, where waking it up costs least"""
HEADS = (
    *("", "p50", "(range)", "p99", "CPU", "PINGs", "unparsed", "fastopts"),
    *("one core: p50", "unparsed", "fastopts", ""),
)


def calls(results: Results, symbols: int) -> str:
    """Return the calls of every group, one line each."""
    rows: list[tuple[str, ...]] = [HEADS]
    for title, lines in results.items():
        rows += [(title, *[""] * (len(HEADS) - 1)), *map(_row, lines)]
    return f"reader; {symbols:,} symbols, a feed kept alive at a trickle\n{LEGEND}\n{aligned(rows)}"


def starts(by_program: Mapping[str, Start]) -> str:
    """Return the cost of starting each program, up to its first read."""
    rows = [
        ("a new process, over TCP, with a password", "import ms", "CPU ms", "RSS MB", "it loads")
    ]
    rows += [
        (
            name,
            f"{start.import_ms:.1f}",
            f"{start.import_cpu_ms:.1f}",
            f"{start.rss_mb:.1f}",
            ", ".join(start.strangers) or "-",
        )
        for name, start in by_program.items()
    ]
    return aligned(rows)


def mirror(cost: MirrorCost) -> str:
    """Return the cost of a mirror in one line."""
    return (
        f"a mirror of all symbols at {cost.update_rate:,.0f} updates/s: "
        f"{cost.mb:.1f} MB, {cost.share:.1%} of a core"
    )


def _row(line: Line) -> tuple[str, ...]:
    apart, one_core = line.places[APART], line.places[ONE_CORE]
    figures = apart.figures
    return (
        f"  {line.title}",
        f"{figures.p50_us:,.1f}",
        f"{figures.p50_us_least:,.1f}-{figures.p50_us_most:,.1f}",
        f"{figures.p99_us:,.0f}",
        f"{figures.cpu_us:,.1f}",
        f"{apart.in_pings:.2f}",
        *_ratios(apart),
        f"{one_core.figures.p50_us:,.1f}",
        *_ratios(one_core),
        "faster than fastopts" if line.is_faster else "",
    )


def _ratios(comparison: Comparison) -> tuple[str, str]:
    ratios = comparison.in_floors, comparison.in_ours
    to_floor, to_product = ("-" if ratio is None else f"{ratio:.2f}" for ratio in ratios)
    return to_floor, to_product
