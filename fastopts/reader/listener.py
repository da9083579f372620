"""Who hears what happens to a replica."""

from collections.abc import Iterable
from typing import Protocol

__all__ = ("Deaf", "Listener")


class Listener(Protocol):
    """Called by whoever keeps the replica, after it has changed."""

    def changed(self, symbols: Iterable[str]) -> None:
        """These records are others now."""

    def revived(self) -> None:
        """What was not live may be so again, its record being the same."""

    def relisted(self) -> None:
        """What is listed is another now, or was read for the first time."""

    def broke(self, words: str) -> None:
        """What was live is not any more, or not all of it; said again when it gets worse."""

    def resumed(self) -> None:
        """Everything that was live when it broke is so again, or replaced by what is."""


class Deaf:
    """The listener of a replica that is only read."""

    def changed(self, symbols: Iterable[str]) -> None:
        pass

    def revived(self) -> None:
        pass

    def relisted(self) -> None:
        pass

    def broke(self, words: str) -> None:
        pass

    def resumed(self) -> None:
        pass
