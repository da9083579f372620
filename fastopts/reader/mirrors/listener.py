"""`MirrorListener`: the object that is called after each change of a mirror's replica."""

from collections.abc import Iterable
from typing import Any, Protocol

from fastopts.errors import BadInput
from fastopts.reader.selection.arguments import shown

__all__ = ("MirrorListener", "NullListener", "check_listener")


class MirrorListener(Protocol):
    """Called by the thread or task that keeps the replica current, after the change.

    Its methods must return quickly and must not raise: no announcement is read meanwhile.
    """

    def changed(self, symbols: Iterable[str]) -> None:
        """The records of *symbols* changed."""

    def revived(self) -> None:
        """Values that were stale may be live again, their records being the same."""

    def relisted(self) -> None:
        """The listing changed, or was read for the first time."""

    def broke(self, reason: str) -> None:
        """Values that were live, all or some, are stale; called again if it gets worse."""

    def resumed(self) -> None:
        """Everything that was live before `broke` is live again, or replaced by live values."""


class NullListener:
    """A listener that ignores everything, for a replica that is only read."""

    def changed(self, symbols: Iterable[str]) -> None:
        """Ignore it."""

    def revived(self) -> None:
        """Ignore it."""

    def relisted(self) -> None:
        """Ignore it."""

    def broke(self, reason: str) -> None:
        """Ignore it."""

    def resumed(self) -> None:
        """Ignore it."""


def check_listener(listener: Any) -> MirrorListener:
    """Return *listener*. Raises BadInput if it lacks a method of MirrorListener."""
    for name in ("changed", "revived", "relisted", "broke", "resumed"):
        if isinstance(listener, type) or not callable(getattr(listener, name, None)):
            fault = f"listener: {shown(listener)} has no method {name}: write an object that has it"
            raise BadInput(fault, arguments=("listener",))
    return listener  # type: ignore[no-any-return]
