"""What is live of what is listed, by series."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from fastopts.cli.verify import symbols
from fastopts.cli.verify.symbols import Contract

__all__ = ("Coverage", "SeriesCoverage", "count")

ENOUGH: Final = 0.99


@dataclass(slots=True)
class SeriesCoverage:
    """The options of one asset, expiry and settle coin: at the venue, in Redis, live there."""

    asset: str
    expiry_ms: int
    settle: str
    venue: int = 0
    stored: int = 0
    live: int = 0


@dataclass(frozen=True, slots=True)
class Coverage:
    """All series; *listed* counts what the venue has, *missing* are those of it not in Redis, and
    *unread* those of its names that are not understood."""

    series: tuple[SeriesCoverage, ...]
    missing: tuple[str, ...]
    unread: tuple[str, ...] = ()

    @property
    def listed(self) -> int:
        return sum(one.venue for one in self.series)

    @property
    def live(self) -> int:
        return sum(one.live for one in self.series)

    @property
    def untracked(self) -> list[str]:
        """The coins of which the venue has options, and Redis none."""
        there = {one.asset for one in self.series if one.venue}
        return sorted(there - {one.asset for one in self.series if one.stored})

    @property
    def is_good(self) -> bool:
        return self.live > 0 and self.live >= ENOUGH * self.listed


def count(
    venue: Iterable[str], stored: Iterable[str], live: Iterable[str], now_ms: int
) -> Coverage:
    """Count the symbols of each kind by series; what is delivered at *now_ms* counts nowhere."""
    names = list(venue)
    there, here = _undelivered(names, now_ms), _undelivered(stored, now_ms)
    found: dict[tuple[str, int, str], SeriesCoverage] = {}
    for kind, contracts in (
        ("venue", there),
        ("stored", here),
        ("live", _undelivered(live, now_ms)),
    ):
        for contract in contracts.values():
            series = found.setdefault(contract.series, SeriesCoverage(*contract.series))
            setattr(series, kind, getattr(series, kind) + 1)
    missing = sorted(there.keys() - here.keys())
    unread = sorted(name for name in names if symbols.parse(name) is None)
    return Coverage(tuple(found[key] for key in sorted(found)), tuple(missing), tuple(unread))


def _undelivered(names: Iterable[str], now_ms: int) -> Mapping[str, Contract]:
    read = {name: symbols.parse(name) for name in names}
    return {name: one for name, one in read.items() if one and one.expiry_ms > now_ms}
