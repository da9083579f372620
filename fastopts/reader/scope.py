"""What a mirror is to hold."""

from collections.abc import Sequence
from typing import NamedTuple

from fastopts import keys
from fastopts.errors import BadInput, clipped
from fastopts.reader.freshness import Feed
from fastopts.reader.universe import asset_name

__all__ = ("Scope", "scope_of")


class Scope(NamedTuple):
    """*symbols*, else everything that is listed of *asset* (None: of all)."""

    asset: str | None = None
    symbols: tuple[str, ...] = ()

    def assets(self, feed: Feed) -> tuple[str, ...]:
        """Those whose members are to be asked for."""
        if self.symbols:
            return ()
        return feed.assets if self.asset is None else (self.asset,)


def scope_of(what: str | Sequence[str] | None) -> Scope:
    """What *what* names: an asset, symbols, or None for everything. Raises BadInput."""
    if what is None:
        return Scope()
    if isinstance(what, str):
        if "-" in what:
            shown = clipped(repr(what))
            raise BadInput(f"{shown} is no asset; write [{shown}] for a symbol")
        return Scope(asset_name(what))
    symbols = tuple(what)
    for symbol in symbols:
        if not isinstance(symbol, str) or not keys.is_symbol(symbol):
            raise BadInput(f"{clipped(repr(symbol))} is no symbol")
    if not symbols:
        raise BadInput("no symbols were named")
    return Scope(None, symbols)
