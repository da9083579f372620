"""The venue's greeks beside a Black-76 of our own.

    d1 = ln(F/K) / (s sqrt(T)) + s sqrt(T) / 2

    delta = N(d1) of a call, N(d1) - 1 of a put        vega  = F n(d1) sqrt(T) / 100
    gamma = n(d1) / (F s sqrt(T))                      theta = -F n(d1) s / (2 sqrt(T)) / 365

F is the underlying price (the forward of the expiry), K the strike, s the mark volatility, T the
years of 365 days from the tick to the delivery, r = 0; N and n are the normal distribution and its
density. Vega is per vol point, theta per calendar day, as the venue gives them.

Source: F. Black, The pricing of commodity contracts, Journal of Financial Economics 3 (1976)
167-179; its derivatives as in J. Hull, Options, Futures, and Other Derivatives, "Greek letters".

Of frames recorded from the venue with more than a day left, most agree within 0.15 %; one, at the
money, has a delta that is 1.1 % off. In the last day the venue scales theta by the days left, and
sometimes gamma; in the last half hour it averages: what has less than a day is left out.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import erfc, exp, log, pi, sqrt
from typing import Final

from fastopts.cli.verify import symbols
from fastopts.cli.verify.store import Tick
from fastopts.cli.verify.symbols import Contract

__all__ = ("TOLERANCE", "Greeks", "Worst", "check")

TOLERANCE: Final = 0.02
AGREE_ENOUGH: Final = 0.95
DAY_MS: Final = 86_400_000
YEAR_DAYS: Final = 365
# What is small is measured by this part of what it is at the money: the venue rounds to 8 places.
SMALL: Final = 0.05

_NAMES: Final = {"delta": "d", "gamma": "g", "vega": "v", "theta": "t"}
_DENSITY_MAX: Final = 1 / sqrt(2 * pi)


@dataclass(frozen=True, slots=True)
class Worst:
    """The greek that is farthest off, *off* being a fraction."""

    symbol: str
    greek: str
    stored: float
    model: float
    off: float


@dataclass(frozen=True, slots=True)
class Greeks:
    """How many of the *checked* agree within TOLERANCE, and how many could not be checked."""

    checked: int
    agree: int
    last_day: int
    incomplete: int
    worst: Worst | None

    @property
    def is_good(self) -> bool:
        """A few may be off at the venue itself; many, and fields or units are mixed up."""
        return self.agree >= AGREE_ENOUGH * self.checked


def check(ticks: Mapping[str, Tick]) -> Greeks:
    """Compare the greeks of *ticks* with those of the model, each at its tick's own time."""
    found: list[Worst] = []
    last_day = incomplete = 0
    for symbol, tick in ticks.items():
        contract, told = symbols.parse(symbol), _numbers(tick)
        if contract is None or told is None:
            incomplete += 1
        elif contract.expiry_ms - told["tm"] < DAY_MS:
            last_day += 1
        else:
            found.append(_worst(_compare(symbol, contract, told)))
    agree = sum(one.off <= TOLERANCE for one in found)
    return Greeks(len(found), agree, last_day, incomplete, _worst(found) if found else None)


def _numbers(tick: Tick) -> Mapping[str, float] | None:
    """What the model needs and is compared with; None when some of it is not there."""
    try:
        told = {name: float(tick[name]) for name in ("tm", "up", "miv", *_NAMES.values())}
    except (KeyError, ValueError):
        return None
    return told if told["up"] > 0 and told["miv"] > 0 else None


def _compare(symbol: str, contract: Contract, told: Mapping[str, float]) -> Iterable[Worst]:
    years = (contract.expiry_ms - told["tm"]) / DAY_MS / YEAR_DAYS
    forward, deviation = told["up"], told["miv"] * sqrt(years)
    d1 = log(forward / contract.strike) / deviation + deviation / 2
    density = exp(-d1 * d1 / 2) * _DENSITY_MAX
    delta = erfc(-d1 / sqrt(2)) / 2
    scales = {
        "gamma": 1 / (forward * deviation),
        "vega": forward * sqrt(years) / 100,
        "theta": -forward * told["miv"] / (2 * sqrt(years)) / YEAR_DAYS,
    }
    yield _off(symbol, "delta", told, delta if contract.is_call else delta - 1, 1.0)
    for greek, scale in scales.items():
        yield _off(symbol, greek, told, density * scale, _DENSITY_MAX * abs(scale))


def _off(symbol: str, greek: str, told: Mapping[str, float], model: float, most: float) -> Worst:
    stored = told[_NAMES[greek]]
    off = abs(stored - model) / max(abs(model), SMALL * most)
    return Worst(symbol, greek, stored, model, off)


def _worst(of: Iterable[Worst]) -> Worst:
    return max(of, key=lambda one: one.off)
