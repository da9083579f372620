"""What a mirror is to hold."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from fastopts import keys
from fastopts.errors import BadInput
from fastopts.reader.freshness.feed import Feed
from fastopts.reader.objects.universe import asset_name
from fastopts.reader.selection.arguments import shown, symbols

__all__ = ("Scope", "scope_of")

_NONE: Final[Mapping[str, Any]] = MappingProxyType({})


class Scope(NamedTuple):
    """*symbols*, else everything that is listed of *asset* (None: of all); and the *bounds* that
    its reader looks for."""

    asset: str | None = None
    symbols: tuple[str, ...] = ()
    bounds: Mapping[str, Any] = _NONE

    @property
    def is_everything(self) -> bool:
        """Whether nothing that is listed is left out."""
        return self.asset is None and not self.symbols

    def by_asset(self) -> dict[str, set[str]]:
        """The symbols that are named, by the asset that their names begin with."""
        found: dict[str, set[str]] = {}
        for symbol in self.symbols:
            asset = symbol.partition("-")[0]
            if keys.is_coin(asset):
                found.setdefault(asset, set()).add(symbol)
        return found

    def assets(self, feed: Feed) -> tuple[str, ...]:
        """Those whose members are to be asked for."""
        if self.symbols:
            return ()
        return feed.assets if self.asset is None else (self.asset,)


def scope_of(what: str | Iterable[str] | None, bounds: Mapping[str, Any] = _NONE) -> Scope:
    """What *what* names: an asset, symbols, or None for everything. Raises BadInput."""
    if what is None:
        return Scope(bounds=bounds)
    if isinstance(what, str):
        if "-" in what:
            name = shown(what)
            raise BadInput(f"{name} is no asset: write [{name}] for a symbol")
        return Scope(asset_name(what), bounds=bounds)
    names = tuple(dict.fromkeys(symbols(what)))
    if not names:
        raise BadInput("symbols: there is none: name some, or None for everything")
    return Scope(None, names, bounds)
