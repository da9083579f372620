"""Curves drawn with braille characters, each of which is two dots wide and four high."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from rich.text import Text

__all__ = ("PlotCurve", "PlotFrame", "draw")

Point = tuple[float, float]

_BLANK: Final = 0x2800  # the braille pattern without dots; each dot is a bit of the code point
_DOTS: Final = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
_LABEL_ROWS: Final = 4  # rows between labels of the y axis
_LABEL_WIDTH: Final = 8


@dataclass(frozen=True, slots=True)
class PlotCurve:
    """Points from left to right, joined by lines; a single one is a dot. Clipped to the frame.

    A *mark* is a character drawn at every point, which distinguishes curves without colour.
    """

    points: Sequence[Point]
    style: str = ""
    mark: str = ""


@dataclass(frozen=True, slots=True)
class PlotFrame:
    """The size in characters, axis labels included, the ranges of x and y, and labels for x."""

    width: int
    height: int
    x: tuple[float, float]
    y: tuple[float, float]
    labels: Sequence[tuple[float, str]]


def draw(frame: PlotFrame, curves: Sequence[PlotCurve]) -> Text:
    """Draw *curves*, later ones over earlier ones; y is a fraction, labelled in per cent."""
    canvas = _Canvas(frame)
    for curve in curves:
        canvas.draw(curve)
    text = Text("\n").join([*canvas.rows(), _x_axis(frame)])
    text.no_wrap = True
    return text


class _Canvas:
    """The dots or the mark of each character, and its style: that of the last curve through it."""

    def __init__(self, frame: PlotFrame) -> None:
        self._frame = frame
        self._columns = frame.width - _LABEL_WIDTH
        self._dots: dict[tuple[int, int], int] = {}
        self._styles: dict[tuple[int, int], str] = {}
        self._marks: dict[tuple[int, int], tuple[str, str]] = {}

    def draw(self, curve: PlotCurve) -> None:
        dots = [self._dot_of(point) for point in curve.points]
        if len(dots) == 1:
            self._set(dots[0][0], dots[0][1], curve.style)
        for start, end in pairwise(dots):
            self._line(start, end, curve.style)
        for x, y in dots if curve.mark else ():
            # the first curve keeps its mark where two meet: the others go on beside it
            if self._is_inside((y // 4, x // 2)):
                self._marks.setdefault((y // 4, x // 2), (curve.mark, curve.style))

    def rows(self) -> list[Text]:
        return [self._row(row) for row in range(self._frame.height)]

    def _dot_of(self, point: Point) -> tuple[int, int]:
        """The column and row of the dot at *point*, from the top left."""
        x = _share(point[0], self._frame.x) * (2 * self._columns - 1)
        y = (1 - _share(point[1], self._frame.y)) * (4 * self._frame.height - 1)
        return round(x), round(y)

    def _line(self, start: tuple[int, int], end: tuple[int, int], style: str) -> None:
        (x0, y0), (x1, y1) = start, end
        steps = max(abs(x1 - x0), abs(y1 - y0), 1)
        for step in range(steps + 1):
            x = round(x0 + (x1 - x0) * step / steps)
            y = round(y0 + (y1 - y0) * step / steps)
            self._set(x, y, style)

    def _set(self, x: int, y: int, style: str) -> None:
        cell = (y // 4, x // 2)
        if self._is_inside(cell):
            self._dots[cell] = self._dots.get(cell, 0) | _DOTS[y % 4][x % 2]
            self._styles[cell] = style

    def _is_inside(self, cell: tuple[int, int]) -> bool:
        return 0 <= cell[0] < self._frame.height and 0 <= cell[1] < self._columns

    def _row(self, row: int) -> Text:
        label = ""
        if row % _LABEL_ROWS == 0:
            low, high = self._frame.y
            label = f"{high - (high - low) * (row + 0.5) / self._frame.height:.1%}"
        text = Text(f"{label:>{_LABEL_WIDTH - 1}} ")
        for column in range(self._columns):
            if (row, column) in self._marks:
                text.append(*self._marks[row, column])
                continue
            dots = self._dots.get((row, column), 0)
            text.append(chr(_BLANK + dots) if dots else " ", self._styles.get((row, column)))
        return text


def _x_axis(frame: PlotFrame) -> Text:
    columns = frame.width - _LABEL_WIDTH
    line = ""
    for x, label in frame.labels:
        middle = _LABEL_WIDTH + round(_share(x, frame.x) * (columns - 1))
        start = min(middle - len(label) // 2, frame.width - len(label))
        if start > len(line):  # a label that would touch the one before is left out
            line = line.ljust(start) + label
    return Text(line, style="dim")


def _share(value: float, limits: tuple[float, float]) -> float:
    """The position of *value* between the limits, 0 to 1; the middle of an empty range."""
    low, high = limits
    return (value - low) / (high - low) if high > low else 0.5
