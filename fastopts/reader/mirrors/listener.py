"""Who hears what happens to a replica."""

from collections.abc import Iterable
from typing import Any, Protocol

from fastopts.errors import BadInput
from fastopts.reader.selection.arguments import shown

__all__ = ("MirrorListener", "NullListener", "check_listener")


class MirrorListener(Protocol):
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


class NullListener:
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


def check_listener(listener: Any) -> MirrorListener:
    """Return *listener*. Raises BadInput for an object without the methods of one."""
    for name in ("changed", "revived", "relisted", "broke", "resumed"):
        if isinstance(listener, type) or not callable(getattr(listener, name, None)):
            fault = f"listener: {shown(listener)} has no method {name}: write an object that has it"
            raise BadInput(fault, arguments=("listener",))
    return listener  # type: ignore[no-any-return]
