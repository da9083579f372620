"""Which symbols are looked at: some of every series, by luck that can be repeated."""

import random
from collections.abc import Iterable
from itertools import chain, zip_longest

from fastopts.cli.verify import symbols

__all__ = ("choose",)


def choose(of: Iterable[str], count: int, seed: int) -> list[str]:
    """At most *count* of the symbols, as evenly over series as there are some.

    A symbol's luck depends on *seed* and its own name alone: what else is live changes little.
    """
    by_series: dict[object, list[str]] = {}
    for symbol in sorted(of, key=lambda symbol: _luck(seed, symbol)):
        contract = symbols.parse(symbol)
        if contract is not None:
            by_series.setdefault(contract.series, []).append(symbol)
    turns = zip_longest(*by_series.values())
    return [symbol for symbol in chain.from_iterable(turns) if symbol is not None][:count]


def _luck(seed: int, symbol: str) -> float:
    return random.Random(f"{seed} {symbol}").random()  # noqa: S311 - no secret is made of it
