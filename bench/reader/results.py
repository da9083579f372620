"""Comparison of every call with PING, its group's floor and the call of fastopts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bench.reader import figures
from bench.reader.figures import CallFigures, Turn
from bench.reader.plan import PING, Group, Row

__all__ = ("Comparison", "Line", "Results", "Turns", "compare")

Turns = Mapping[Row, Mapping[str, list[Turn]]]  # by row and place


# The field names of these two classes are keys of the JSON report.
@dataclass(frozen=True, slots=True)
class Comparison:
    """A row's figures at one place of the server, and the ratios of its times to others'.

    A ratio is None for a row without that reference.
    """

    figures: CallFigures
    in_pings: float
    in_floors: float | None
    in_ours: float | None


@dataclass(frozen=True, slots=True)
class Line:
    """One row, by place of the server; *is_faster* than fastopts at one of the places."""

    title: str
    places: Mapping[str, Comparison]
    is_faster: bool


Results = dict[str, list[Line]]  # by group


def compare(groups: Sequence[Group], turns: Turns) -> Results:
    """Compare every row with PING, its group's floor, and the call of fastopts."""
    results = {"a round trip": [_line(PING, None, None, turns)]}
    for group in groups:
        results[group.title] = [_line(row, group.floor, group.product, turns) for row in group.rows]
    return results


def _line(row: Row, floor: Row | None, product: Row | None, turns: Turns) -> Line:
    def ratio_to(reference: Row | None, place: str) -> float | None:
        if reference is None:
            return None
        return figures.time_ratio(turns[row][place], turns[reference][place])

    places = {
        place: Comparison(
            figures=figures.summarize(row_turns),
            in_pings=figures.time_ratio(row_turns, turns[PING][place]),
            in_floors=ratio_to(floor, place),
            in_ours=ratio_to(product, place),
        )
        for place, row_turns in turns[row].items()
    }
    # A floor is faster by definition: it does only a part of the work.
    is_faster = row != floor and any((each.in_ours or 1) < 1 for each in places.values())
    return Line(row.title, places, is_faster)
