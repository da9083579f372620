"""A hash that the collector writes whole: fields that it does not write any more are deleted."""

from collections.abc import Iterable, Mapping, Set

from fastopts.collector.store.redis_commands import Command, hset

__all__ = ("StoredHash",)


class StoredHash:
    """The hash *key* in the server; its fields *kept* stay, whether they are written or not."""

    def __init__(self, key: str, kept: Set[str] = frozenset()) -> None:
        self.key = key
        self.names: Set[str] | None = None
        """The fields that the server has; None if unknown."""
        self._kept = kept

    def query(self) -> Command:
        """Return the command that lists the fields; `load` takes its reply."""
        return ("HKEYS", self.key)

    def load(self, names: Iterable[str]) -> None:
        """Set what the server has."""
        self.names = frozenset(names)

    def forget(self) -> None:
        """The server may have other fields than were written."""
        self.names = None

    def commands(self, fields: Mapping[str, str]) -> list[Command]:
        """Return the commands that write *fields*, and delete the others that the server has."""
        obsolete = sorted((self.names or frozenset()) - fields.keys() - self._kept)
        return [hset(self.key, fields), *([("HDEL", self.key, *obsolete)] if obsolete else [])]
