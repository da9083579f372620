"""Goals of the reader. Those for calls apply to a server on another core."""

from collections.abc import Mapping

from bench.goals import Goal
from bench.reader.mirror import MirrorCost
from bench.reader.plan import APART, CACHED, CHAIN, MANY, MIRRORED, ONE, SCAN, TEXTS, Group
from bench.reader.results import Comparison, Results
from bench.reader.startup import FASTOPTS, Start

__all__ = ("of_calls", "of_mirror", "of_start")

# Reads of many options: parsing dominates, and users notice milliseconds.
MS_MAX = {MANY: 0.25, CHAIN: 0.35, SCAN: 1.5, TEXTS: 2}
# Reads without a round trip: a microsecond is visible in them.
US_MAX = {MIRRORED: 5, CACHED: 10}
# Reads dominated by the round trip: a limit in time would judge the machine, not the reader.
FLOORS_MAX = {ONE: 1.3, MANY: 1.3}


def of_calls(results: Results) -> list[Goal]:
    """Return the goals whose calls were measured."""
    return [
        *(goal for group, limit in MS_MAX.items() for goal in _ms(results, group, limit)),
        *(goal for group, limit in FLOORS_MAX.items() for goal in _floors(results, group, limit)),
        *(goal for group, limit in US_MAX.items() for goal in _us(results, group, limit)),
    ]


def of_start(starts: Mapping[str, Start]) -> list[Goal]:
    """Return the goals for the start of a process that reads."""
    start = starts[FASTOPTS]
    return [
        Goal("import fastopts.reader: ms", start.import_ms, 60),
        Goal("a process that reads: MB resident", start.rss_mb, 20),
        Goal("heavy modules that it loads", len(start.strangers), 0),
    ]


def of_mirror(cost: MirrorCost) -> list[Goal]:
    """Return the goals for a mirror of all symbols."""
    return [
        Goal("a mirror of 2,000 symbols: MB", cost.mb, 15),
        Goal("a mirror at 2,600 updates/s: % of a core", 100 * cost.share, 3),
    ]


def _ms(results: Results, group: Group, limit: float) -> list[Goal]:
    return [
        Goal(f"{group.title}: ms", comparison.figures.p50_us / 1000, limit)
        for comparison in _product(results, group)
    ]


def _us(results: Results, group: Group, limit: float) -> list[Goal]:
    return [
        Goal(f"{group.title}: us", comparison.figures.p50_us, limit)
        for comparison in _product(results, group)
    ]


def _floors(results: Results, group: Group, limit: float) -> list[Goal]:
    title = f"{group.title}: times the unparsed reply"
    return [
        Goal(title, comparison.in_floors, limit)
        for comparison in _product(results, group)
        if comparison.in_floors is not None
    ]


def _product(results: Results, group: Group) -> list[Comparison]:
    """The figures of fastopts in a group, with the server apart; none if not measured."""
    lines = results.get(group.title, [])
    return [line.places[APART] for line in lines if line.title == group.product.title]
