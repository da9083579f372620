"""The venue's greeks compared with Black-76.

    d1 = ln(F/K) / (s sqrt(T)) + s sqrt(T) / 2

    delta = N(d1) of a call, N(d1) - 1 of a put        vega  = F n(d1) sqrt(T) / 100
    gamma = n(d1) / (F s sqrt(T))                      theta = -F n(d1) s / (2 sqrt(T)) / 365

F is the underlying price (the forward of the expiry), K the strike, s the mark volatility, T the
years of 365 days from the tick to the delivery, r = 0; N and n are the normal distribution and its
density. Vega is per vol point, theta per calendar day, as the venue gives them.

Source: F. Black, The pricing of commodity contracts, Journal of Financial Economics 3 (1976)
167-179; its derivatives as in J. Hull, Options, Futures, and Other Derivatives, "Greek letters".

In recorded frames of options with more than a day left, most greeks agree within 0.15 %; one delta,
at the money, differs by 1.1 %. In the last day the venue scales theta by the remaining days, and
sometimes gamma, and in the last half hour it averages: options with less than a day are left out.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import erfc, exp, log, pi, sqrt
from typing import Final

from fastopts.cli.verify import symbols
from fastopts.cli.verify.store import Tick
from fastopts.cli.verify.symbols import Contract

__all__ = ("TOLERANCE", "Greeks", "Worst", "check")

TOLERANCE: Final = 0.02  # twice the worst difference in recorded frames
AGREE_ENOUGH: Final = 0.95  # a wrong unit or sign concerns all options, not one in twenty
DAY_MS: Final = 86_400_000
YEAR_DAYS: Final = 365
# A small greek is compared relative to this share of its at-the-money value: the venue rounds to 8
# decimals, which far from the money is a large relative error.
SMALL: Final = 0.05

_NAMES: Final = {"delta": "d", "gamma": "g", "vega": "v", "theta": "t"}
_DENSITY_MAX: Final = 1 / sqrt(2 * pi)


@dataclass(frozen=True, slots=True)
class Worst:
    """The greek of a symbol that differs most from the model; *off* is a fraction."""

    symbol: str
    greek: str
    stored: float
    model: float
    off: float


@dataclass(frozen=True, slots=True)
class Greeks:
    """How many options were checked, agree within TOLERANCE, and could not be checked."""

    checked: int
    agree: int
    last_day: int
    incomplete: int
    worst: Worst | None

    @property
    def is_good(self) -> bool:
        """Whether enough agree: a few differ at the venue; many mean wrong units or fields."""
        return self.agree >= AGREE_ENOUGH * self.checked


def check(ticks: Mapping[str, Tick]) -> Greeks:
    """Compare the greeks of *ticks* with those of the model at the time of each tick."""
    worst: list[Worst] = []
    last_day = incomplete = 0
    for symbol, tick in ticks.items():
        contract, numbers = symbols.parse(symbol), _numbers(tick)
        if contract is None or numbers is None:
            incomplete += 1
        elif contract.expiry_ms - numbers["tm"] < DAY_MS:
            last_day += 1
        else:
            worst.append(_worst(_compare(symbol, contract, numbers)))
    return Greeks(
        checked=len(worst),
        agree=sum(each.off <= TOLERANCE for each in worst),
        last_day=last_day,
        incomplete=incomplete,
        worst=_worst(worst) if worst else None,
    )


def _numbers(tick: Tick) -> Mapping[str, float] | None:
    """The inputs of the model and the venue's greeks; None when one is absent."""
    try:
        numbers = {name: float(tick[name]) for name in ("tm", "up", "miv", *_NAMES.values())}
    except (KeyError, ValueError):
        return None
    return numbers if numbers["up"] > 0 and numbers["miv"] > 0 else None


def _compare(symbol: str, contract: Contract, numbers: Mapping[str, float]) -> Iterable[Worst]:
    years = (contract.expiry_ms - numbers["tm"]) / DAY_MS / YEAR_DAYS
    forward, deviation = numbers["up"], numbers["miv"] * sqrt(years)
    d1 = log(forward / contract.strike) / deviation + deviation / 2
    density = exp(-d1 * d1 / 2) * _DENSITY_MAX
    delta = erfc(-d1 / sqrt(2)) / 2
    scales = {
        "gamma": 1 / (forward * deviation),
        "vega": forward * sqrt(years) / 100,
        "theta": -forward * numbers["miv"] / (2 * sqrt(years)) / YEAR_DAYS,
    }
    yield _off(symbol, "delta", numbers, delta if contract.is_call else delta - 1, 1.0)
    for greek, scale in scales.items():
        yield _off(symbol, greek, numbers, density * scale, _DENSITY_MAX * abs(scale))


def _off(
    symbol: str, greek: str, numbers: Mapping[str, float], model: float, at_the_money: float
) -> Worst:
    stored = numbers[_NAMES[greek]]
    off = abs(stored - model) / max(abs(model), SMALL * at_the_money)
    return Worst(symbol, greek, stored, model, off)


def _worst(candidates: Iterable[Worst]) -> Worst:
    return max(candidates, key=lambda each: each.off)
