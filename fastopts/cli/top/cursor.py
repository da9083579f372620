"""The selected row of a list that changes, and the part of the list on the screen."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from fastopts.cli.top.terminal import DOWN, END, HOME, PAGE_DOWN, PAGE_UP, UP

__all__ = ("MOVES", "Cursor")

MOVES: Final = (UP, DOWN, PAGE_UP, PAGE_DOWN, HOME, END, "j", "k")


@dataclass(slots=True)
class Cursor:
    """A selected symbol, and the rows of the list that are on the screen.

    The selection follows its symbol when the order changes. Before the first movement, and after
    Home, no symbol is selected: the screen then shows the top of the list, whatever comes there.
    """

    symbol: str | None = None
    index: int = -1  # of the selected row in the list; -1: none
    first: int = 0  # row of the list at the top of the screen
    rows: int = 1  # on the screen
    _symbols: Sequence[str] = ()

    def place(self, symbols: Sequence[str], rows: int) -> None:
        """Take the newest list, of which *rows* fit the screen, and keep the selection visible.

        A selected symbol that the list has lost gives way to the one in its place.
        """
        self._symbols, self.rows = symbols, max(rows, 1)
        if self.symbol is not None:
            index = symbols.index(self.symbol) if self.symbol in symbols else self.index
            self._select(index)
        self._scroll()

    def press(self, key: str) -> None:
        """Apply a key of `MOVES` to the list of the last `place`."""
        match key:
            case _ if key in (DOWN, "j"):
                self._select(self.index + 1)
            case _ if key in (UP, "k"):
                self._select(self.index - 1)
            case _ if key == PAGE_DOWN:
                self._select(self.index + self.rows)
            case _ if key == PAGE_UP:
                self._select(self.index - self.rows)
            case _ if key == END:
                self._select(len(self._symbols) - 1)
            case _ if key == HOME:
                self.reset()
        self._scroll()

    def reset(self) -> None:
        """Select nothing, and show the top of the list."""
        self.symbol, self.index, self.first = None, -1, 0

    def _select(self, index: int) -> None:
        if not self._symbols:
            self.reset()
            return
        self.index = min(max(index, 0), len(self._symbols) - 1)
        self.symbol = self._symbols[self.index]

    def _scroll(self) -> None:
        """Move the screen as little as possible, to the selection and within the list."""
        first = min(self.first, max(len(self._symbols) - self.rows, 0))
        if self.index >= 0:
            first = min(max(first, self.index - self.rows + 1), self.index)
        self.first = first
