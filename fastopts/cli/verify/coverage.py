"""Listed, stored and live options, counted by series."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from fastopts.cli.verify import symbols
from fastopts.cli.verify.symbols import Contract

__all__ = ("Coverage", "SeriesCoverage", "count")

ENOUGH: Final = 0.99  # new listings of the last minutes may not have ticked yet


@dataclass(slots=True)
class SeriesCoverage:
    """How many options of a series the venue lists, Redis holds, and are live."""

    asset: str
    expiry_ms: int
    settle: str
    venue: int = 0
    stored: int = 0
    live: int = 0


@dataclass(frozen=True, slots=True)
class Coverage:
    """The counts of all series.

    *missing* are symbols that the venue lists and Redis lacks, *unread* those that can't be parsed.
    """

    series: tuple[SeriesCoverage, ...]
    missing: tuple[str, ...]
    unread: tuple[str, ...] = ()

    @property
    def listed(self) -> int:
        """The number of options that the venue lists."""
        return sum(series.venue for series in self.series)

    @property
    def live(self) -> int:
        """The number of live options."""
        return sum(series.live for series in self.series)

    @property
    def untracked(self) -> list[str]:
        """The coins of which the venue lists options, and Redis has none."""
        listed = {series.asset for series in self.series if series.venue}
        return sorted(listed - {series.asset for series in self.series if series.stored})

    @property
    def is_good(self) -> bool:
        """Whether enough of the listed options are live."""
        return self.live > 0 and self.live >= ENOUGH * self.listed


def count(
    venue: Iterable[str], stored: Iterable[str], live: Iterable[str], now_ms: int
) -> Coverage:
    """Count the symbols of each kind by series, without those delivered before *now_ms*."""
    names = list(venue)
    listed, in_redis = _undelivered(names, now_ms), _undelivered(stored, now_ms)
    by_series: dict[tuple[str, int, str], SeriesCoverage] = {}
    for kind, contracts in (
        ("venue", listed),
        ("stored", in_redis),
        ("live", _undelivered(live, now_ms)),
    ):
        for contract in contracts.values():
            series = by_series.setdefault(contract.series, SeriesCoverage(*contract.series))
            setattr(series, kind, getattr(series, kind) + 1)
    missing = sorted(listed.keys() - in_redis.keys())
    unread = sorted(name for name in names if symbols.parse(name) is None)
    return Coverage(
        tuple(by_series[key] for key in sorted(by_series)), tuple(missing), tuple(unread)
    )


def _undelivered(names: Iterable[str], now_ms: int) -> Mapping[str, Contract]:
    parsed = {name: symbols.parse(name) for name in names}
    return {name: each for name, each in parsed.items() if each and each.expiry_ms > now_ms}
