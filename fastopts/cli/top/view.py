"""The user's choices, and how keys change them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, TypeVar

from fastopts.cli.top.cursor import MOVES, Cursor
from fastopts.cli.top.terminal import BACKSPACE, ESCAPE, LEFT, RETURN, RIGHT

__all__ = ("COLUMNS", "View")

# On a narrow terminal the last are dropped first, but for the sort column.
COLUMNS: Final = (
    *("symbol", "dte", "bid_price", "bid_iv", "ask_price", "ask_iv", "mark_price", "mark_iv"),
    *("delta", "open_interest", "volume_24h", "turnover_24h", "age_s"),
)
T = TypeVar("T")

_TYPES: Final[tuple[Literal["C", "P"] | None, ...]] = (None, "C", "P")


@dataclass(slots=True)
class View:
    """Which options are shown, in which order, and which is selected; *assets* are the feed's."""

    asset: str | None = None
    type: Literal["C", "P"] | None = None
    text: str = ""
    column: str = "turnover_24h"
    is_descending: bool = True
    is_typing: bool = False
    is_done: bool = False
    assets: Sequence[str] = ()
    cursor: Cursor = field(default_factory=Cursor)

    @property
    def sort(self) -> str:
        """The order, as the argument *sort* of a scan."""
        return f"-{self.column}" if self.is_descending else self.column

    def press(self, key: str) -> None:
        """Apply *key*; a key without a meaning is ignored."""
        if self.is_typing:
            self._type(key)
            return
        match key:
            case "q":
                self.is_done = True
            case "r":
                self.is_descending = not self.is_descending
            case "a":
                self.asset = _next((None, *self.assets), self.asset)
                self.cursor.reset()
            case "t":
                self.type = _next(_TYPES, self.type)
                self.cursor.reset()
            case "/":
                self.is_typing, self.text = True, ""
                self.cursor.reset()
            case _ if key == ESCAPE:
                self.text = ""
                self.cursor.reset()
            case _ if key in MOVES:
                self.cursor.press(key)
            case _ if key in (LEFT, "<"):
                self.column = _next(COLUMNS[::-1], self.column)
            case _ if key in (RIGHT, ">"):
                self.column = _next(COLUMNS, self.column)

    def _type(self, key: str) -> None:
        if key in RETURN:
            self.is_typing = False
        elif key == ESCAPE:
            self.is_typing, self.text = False, ""
        elif key in BACKSPACE:
            self.text = self.text[:-1]
        elif key.isprintable():
            self.text += key.upper()


def _next(choices: Sequence[T], current: T) -> T:
    """The choice after *current*, cyclically; the first one if *current* is not a choice."""
    index = choices.index(current) if current in choices else -1
    return choices[(index + 1) % len(choices)]
