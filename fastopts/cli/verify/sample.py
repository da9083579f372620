"""The symbols to compare: a repeatable random sample of every series."""

import random
from collections.abc import Iterable
from itertools import chain, zip_longest

from fastopts.cli.verify import symbols

__all__ = ("choose",)


def choose(candidates: Iterable[str], count: int, seed: int) -> list[str]:
    """Choose at most *count* symbols, as evenly over the series as their sizes allow.

    The rank of a symbol depends only on *seed* and its name, not on the other candidates: a second
    run, with a few other options live, compares nearly the same symbols.
    """
    by_series: dict[object, list[str]] = {}
    for symbol in sorted(candidates, key=lambda symbol: _rank(seed, symbol)):
        contract = symbols.parse(symbol)
        if contract is not None:
            by_series.setdefault(contract.series, []).append(symbol)
    turns = zip_longest(*by_series.values())
    return [symbol for symbol in chain.from_iterable(turns) if symbol is not None][:count]


def _rank(seed: int, symbol: str) -> float:
    return random.Random(f"{seed} {symbol}").random()  # noqa: S311 - not a secret
