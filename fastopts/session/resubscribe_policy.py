"""When symbols that a connection does not deliver are moved to another one."""

from collections.abc import Iterable
from dataclasses import dataclass, field

__all__ = ("ResubscribePolicy",)


@dataclass(slots=True)
class _History:
    """How often a symbol was moved, and when last."""

    moves: int
    moved_at: float


@dataclass(slots=True)
class ResubscribePolicy:
    """Decides which silent symbols move now. Times are in seconds.

    A symbol is tried on another connection for *patience_s*. If it stays silent there, too, it
    moves back, and each further trial waits four times as long as the one before: an option that
    the venue delivers to nobody must not keep costing subscriptions.
    """

    patience_s: float
    moves: int = field(default=0, init=False)
    """Moves so far, there and back."""
    _history: dict[str, _History] = field(default_factory=dict, init=False)

    def plan(self, silent: Iterable[str], now: float) -> tuple[list[str], list[str]]:
        """Choose from the *silent* symbols, and count them as moved.

        Returns those to try on another connection, and those to move back.
        """
        symbols = set(silent)
        self._forget(symbols, now)
        due = [symbol for symbol in symbols if self._is_due(symbol, now)]
        on_trial = [symbol for symbol in due if self._moves_of(symbol) % 2]
        for symbol in due:
            self._history[symbol] = _History(self._moves_of(symbol) + 1, now)
        self.moves += len(due)
        return sorted(set(due).difference(on_trial)), sorted(on_trial)

    def _moves_of(self, symbol: str) -> int:
        history = self._history.get(symbol)
        return history.moves if history else 0

    def _is_due(self, symbol: str, now: float) -> bool:
        history = self._history.get(symbol)
        return history is None or now - history.moved_at >= self._wait_s(history)

    def _wait_s(self, history: _History) -> float:
        is_on_trial = history.moves % 2 == 1
        # Moves count by two per trial, so that 2**moves grows fourfold. 20: a wait of a year.
        return self.patience_s if is_on_trial else self.patience_s * 2.0 ** min(history.moves, 20)

    def _forget(self, silent: set[str], now: float) -> None:
        """Drop the history of symbols that have not been silent for a long time."""
        for symbol, history in list(self._history.items()):
            if symbol not in silent and now - history.moved_at > 8 * self._wait_s(history):
                del self._history[symbol]
