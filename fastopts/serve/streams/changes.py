"""Changes of the mirror, collected between two beats of the broadcaster."""

from collections.abc import Iterable

__all__ = ("ChangeLog",)


class ChangeLog:
    """A mirror's listener that remembers which options changed since the last `take`.

    It stands between mirror and broadcaster, so that each of them can be made from finished
    objects. It records nothing until `is_recording` is set: without subscriptions, an announcement
    costs the server no more than its mirror.
    """

    def __init__(self) -> None:
        self.is_recording = False
        self._symbols: set[str] = set()
        self._is_any = False

    def take(self) -> tuple[set[str], bool]:
        """Return the changed symbols, and whether any other may have changed too; forget both."""
        symbols, self._symbols = self._symbols, set()
        is_any, self._is_any = self._is_any, False
        return symbols, is_any

    def changed(self, symbols: Iterable[str]) -> None:
        """Record that *symbols* have new values."""
        if self.is_recording:
            self._symbols.update(symbols)

    def revived(self) -> None:
        """Record that stale values may be live again."""
        self._is_any = True

    def relisted(self) -> None:
        """Do nothing: each beat compares the mirror's listing with the one before."""

    def broke(self, reason: str) -> None:
        """Record that live values may be stale."""
        self._is_any = True

    def resumed(self) -> None:
        """Record that stale values may be live again."""
        self._is_any = True
