"""The goals, beside what was measured."""

import statistics
from dataclasses import dataclass

from bench import plan
from bench.burst import RATE, Burst
from bench.latency import Delays
from bench.plan import Figures, Load, Measured
from bench.redis_cost import Cost
from bench.session import Contender

__all__ = ("Goal", "of_burst", "of_latency", "of_loads", "of_memory", "of_redis")


@dataclass(frozen=True, slots=True)
class Goal:
    """*figure* is to be at most (or at least) *limit*."""

    title: str
    figure: float
    limit: float
    is_least: bool = False

    @property
    def is_met(self) -> bool:
        return self.figure >= self.limit if self.is_least else self.figure <= self.limit


def of_loads(measured: Measured) -> list[Goal]:
    """Those goals whose contenders were all measured."""
    flat = measured.get(plan.FLAT.title, {})
    return [
        *_cost(measured, plan.FLAT, 0.6),
        *_gain(flat, "the baseline", plan.BASELINE, 150),
        *(goal for rival in plan.RIVALS for goal in _gain(flat, f"the {rival.name}", rival, 6)),
        *_cost(measured, plan.FLAT_TLS, 0.9),
        *_in_floors(measured, plan.PACED, plan.FASTOPTS, 1.2),
        *_in_floors(measured, plan.PACED_TLS, plan.FASTOPTS, 1.2),
        *_in_rivals(measured, plan.PACED, 0.85),
        *_in_rivals(measured, plan.PACED_TLS, 0.85),
        *_in_floors(measured, plan.PACED, plan.FASTOPTS_CLOCK, 0.6),
        *_in_floors(measured, plan.PACED_TLS, plan.FASTOPTS_CLOCK, 0.6),
    ]


def of_burst(burst: Burst) -> list[Goal]:
    return [
        Goal("36,000/s: messages/s taken", burst.window.rate, 0.99 * RATE, is_least=True),
        Goal("36,000/s: fields that differ, books off balance", len(burst.faults), 0),
    ]


def of_latency(default: Delays, at_once: Delays) -> list[Goal]:
    """Reading on a clock delivers no later; one tenth is the spread between two runs."""
    words = "2,600/s: {} from venue to subscriber, of that with reads at each arrival"
    return [
        Goal(words.format("p50"), default.p50_ms / at_once.p50_ms, 1.1),
        Goal(words.format("p99"), default.p99_ms / at_once.p99_ms, 1.1),
    ]


def of_memory(most_mb: float) -> list[Goal]:
    return [Goal("2,000 symbols over TLS: MB resident at most", most_mb, 50)]


def of_redis(cost: Cost) -> list[Goal]:
    ratio = statistics.median(cost.ratios)
    return [Goal("an update's server CPU, in whole HSETs of 26 fields", ratio, 0.75)]


def _cost(measured: Measured, load: Load, limit_us: float) -> list[Goal]:
    ours = measured.get(load.title, {}).get(plan.FASTOPTS.name)
    return [Goal(f"{load.title}: CPU us a message", ours.client_us, limit_us)] if ours else []


def _gain(figures: dict[str, Figures], words: str, other: Contender, limit: float) -> list[Goal]:
    ours, theirs = figures.get(plan.FASTOPTS.name), figures.get(other.name)
    if ours is None or theirs is None:
        return []
    gain = theirs.client_us / ours.client_us
    return [Goal(f"{plan.FLAT.title}: times less CPU than {words}", gain, limit, is_least=True)]


def _in_rivals(measured: Measured, load: Load, limit: float) -> list[Goal]:
    figures = measured.get(load.title, {})
    ours, theirs = figures.get(plan.FASTOPTS.name), figures.get(plan.RIVAL.name)
    if ours is None or theirs is None:
        return []
    words = f"{load.title}: CPU of {plan.FASTOPTS.name}, of the {plan.RIVAL.name}"
    return [Goal(words, ours.client_us / theirs.client_us, limit)]


def _in_floors(measured: Measured, load: Load, contender: Contender, limit: float) -> list[Goal]:
    figures = measured.get(load.title, {})
    ours, floor = figures.get(contender.name), figures.get(plan.FLOOR.name)
    if ours is None or floor is None:
        return []
    words = f"{load.title}: CPU of {contender.name}, in floors"
    return [Goal(words, ours.client_us / floor.client_us, limit)]
