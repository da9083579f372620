"""When symbols that a connection does not bring are moved to another: ever more patiently."""

from collections.abc import Iterable
from dataclasses import dataclass, field

__all__ = ("ResubscribePolicy",)


@dataclass(slots=True)
class _Past:
    moves: int
    at: float


@dataclass(slots=True)
class ResubscribePolicy:
    """Judges which silent symbols are moved now. Times are in seconds.

    A symbol is tried on another connection for *patience_s*. If it does not come there either it
    goes home, and each further trial waits four times as long as the one before.
    """

    patience_s: float
    made: int = 0
    _past: dict[str, _Past] = field(default_factory=dict)

    def due(self, silent: Iterable[str], now: float) -> tuple[list[str], list[str]]:
        """Return which of the *silent* are to be tried elsewhere, and which go home."""
        found = set(silent)
        self._forget(found, now)
        due = [symbol for symbol in found if self._is_due(symbol, now)]
        on_trial = [symbol for symbol in due if self._moves(symbol) % 2]
        for symbol in due:
            self._past[symbol] = _Past(self._moves(symbol) + 1, now)
        self.made += len(due)
        return sorted(set(due).difference(on_trial)), sorted(on_trial)

    def _moves(self, symbol: str) -> int:
        past = self._past.get(symbol)
        return past.moves if past else 0

    def _is_due(self, symbol: str, now: float) -> bool:
        past = self._past.get(symbol)
        return past is None or now - past.at >= self._wait_s(past)

    def _wait_s(self, past: _Past) -> float:
        is_on_trial = past.moves % 2 == 1
        return self.patience_s if is_on_trial else self.patience_s * 2.0 ** min(past.moves, 20)

    def _forget(self, silent: set[str], now: float) -> None:
        """What has not been silent for long has come, or is gone."""
        for symbol, past in list(self._past.items()):
            if symbol not in silent and now - past.at > 8 * self._wait_s(past):
                del self._past[symbol]
