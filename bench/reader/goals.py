"""The reader's goals, beside what was measured. Those for calls are meant for a server apart."""

from collections.abc import Mapping

from bench.goals import Goal
from bench.reader.mirror import Held
from bench.reader.plan import APART, CACHED, CHAIN, MANY, MIRRORED, ONE, SCAN, TEXTS, Group
from bench.reader.results import Compared, Results
from bench.reader.startup import FASTOPTS, Start

__all__ = ("of_calls", "of_mirror", "of_start")

MS_MAX = {MANY: 0.25, CHAIN: 0.35, SCAN: 1.5, TEXTS: 2}
US_MAX = {MIRRORED: 5, CACHED: 10}
FLOORS_MAX = {ONE: 1.3, MANY: 1.3}


def of_calls(results: Results) -> list[Goal]:
    """Those goals whose calls were measured."""
    return [
        *(goal for group, limit in MS_MAX.items() for goal in _ms(results, group, limit)),
        *(goal for group, limit in FLOORS_MAX.items() for goal in _floors(results, group, limit)),
        *(goal for group, limit in US_MAX.items() for goal in _us(results, group, limit)),
    ]


def of_start(starts: Mapping[str, Start]) -> list[Goal]:
    ours = starts[FASTOPTS]
    return [
        Goal("import fastopts.reader: ms", ours.import_ms, 60),
        Goal("a process that reads: MB resident", ours.rss_mb, 20),
        Goal("heavy modules that it loads", len(ours.strangers), 0),
    ]


def of_mirror(held: Held) -> list[Goal]:
    return [
        Goal("a mirror of 2,000 symbols: MB", held.mb, 15),
        Goal("a mirror at 2,600 updates/s: % of a core", 100 * held.share, 3),
    ]


def _ms(results: Results, group: Group, limit: float) -> list[Goal]:
    found = _ours(results, group)
    return [Goal(f"{group.title}: ms", one.figures.p50_us / 1000, limit) for one in found]


def _us(results: Results, group: Group, limit: float) -> list[Goal]:
    found = _ours(results, group)
    return [Goal(f"{group.title}: us", one.figures.p50_us, limit) for one in found]


def _floors(results: Results, group: Group, limit: float) -> list[Goal]:
    words = f"{group.title}: times the reply left unparsed"
    found = _ours(results, group)
    return [Goal(words, one.in_floors, limit) for one in found if one.in_floors is not None]


def _ours(results: Results, group: Group) -> list[Compared]:
    lines = results.get(group.title, [])
    return [line.places[APART] for line in lines if line.title == group.ours.title]
