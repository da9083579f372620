"""What was measured, row beside row."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bench.reader import figures
from bench.reader.figures import Figures, Window
from bench.reader.plan import PING, Group, Row

__all__ = ("Compared", "Line", "Measured", "Results", "compare")

Measured = Mapping[Row, Mapping[str, list[Window]]]  # by row and place


@dataclass(frozen=True, slots=True)
class Compared:
    """A row's figures at one place; and how many times as long as others it takes."""

    figures: Figures
    in_pings: float
    in_floors: float | None
    in_ours: float | None


@dataclass(frozen=True, slots=True)
class Line:
    """One row, by place; and whether it is faster than our own at one of them."""

    title: str
    places: Mapping[str, Compared]
    is_faster: bool


Results = dict[str, list[Line]]  # by group


def compare(groups: Sequence[Group], measured: Measured) -> Results:
    """Set every row beside PING, its group's floor, and our call."""
    results = {"a round trip": [_line(PING, None, None, measured)]}
    for group in groups:
        results[group.title] = [_line(row, group.floor, group.ours, measured) for row in group.rows]
    return results


def _line(row: Row, floor: Row | None, ours: Row | None, measured: Measured) -> Line:
    def in_terms_of(other: Row | None, place: str) -> float | None:
        if other is None:
            return None
        return figures.times(measured[row][place], measured[other][place])

    places = {
        place: Compared(
            figures=figures.figures(windows),
            in_pings=figures.times(windows, measured[PING][place]),
            in_floors=in_terms_of(floor, place),
            in_ours=in_terms_of(ours, place),
        )
        for place, windows in measured[row].items()
    }
    is_faster = row != floor and any((one.in_ours or 1) < 1 for one in places.values())
    return Line(row.title, places, is_faster)
