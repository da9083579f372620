"""`Scope`: which options a mirror or a watch covers."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from fastopts import keys
from fastopts.errors import BadInput
from fastopts.reader.freshness.feed import Feed
from fastopts.reader.objects.universe import asset_name
from fastopts.reader.selection.arguments import shown, symbols
from fastopts.reader.selection.spelling import canonical

__all__ = ("Scope", "scope_of")

# a read-only default: a Scope is hashed and shared between threads
_NO_BOUNDS: Final[Mapping[str, Any]] = MappingProxyType({})


class Scope(NamedTuple):
    """The options that a mirror holds: *symbols*, or all listed ones of *asset*, or all (None).

    *bounds* are those of a watch; they limit what it delivers, not what is held.
    """

    asset: str | None = None
    symbols: tuple[str, ...] = ()
    bounds: Mapping[str, Any] = _NO_BOUNDS

    @property
    def is_everything(self) -> bool:
        """Whether all listed options are covered."""
        return self.asset is None and not self.symbols

    def by_asset(self) -> dict[str, set[str]]:
        """The named symbols by asset, which is the first part of a symbol."""
        groups: dict[str, set[str]] = {}
        for symbol in self.symbols:
            asset = symbol.partition("-")[0]  # terms are not known yet, but the name is enough
            if keys.is_coin(asset):
                groups.setdefault(asset, set()).add(symbol)
        return groups

    def assets(self, feed: Feed) -> tuple[str, ...]:
        """The assets whose list of symbols has to be read; none for named symbols."""
        if self.symbols:
            return ()
        return feed.assets if self.asset is None else (self.asset,)


def scope_of(
    selection: str | Iterable[str] | None, bounds: Mapping[str, Any] = _NO_BOUNDS
) -> Scope:
    """The scope of an asset, of symbols, or of everything (None).

    Raises BadInput for an invalid asset, a single symbol, or no symbols at all.
    """
    if selection is None:
        return Scope(bounds=bounds)
    if isinstance(selection, str):
        if "-" in selection:
            name = shown(selection)
            raise BadInput(f"{name} is not an asset: write [{name}] for a symbol")
        return Scope(asset_name(selection), bounds=bounds)
    written = symbols(selection)
    # without repetitions, in their order
    names = tuple(dict.fromkeys(canonical(name) or name for name in written))
    if not names:
        raise BadInput("symbols: there is none: name some, or None for everything")
    return Scope(None, names, bounds)
