"""Goals of the collector and the measured values."""

import statistics
from dataclasses import dataclass

from bench import plan
from bench.burst import RATE, Burst
from bench.latency import Delays
from bench.plan import Load, LoadFigures, Measured
from bench.redis_cost import Cost
from bench.session import Contender

__all__ = ("Goal", "of_burst", "of_latency", "of_loads", "of_memory", "of_redis")


@dataclass(frozen=True, slots=True)
class Goal:
    """A measured *figure*, to be at most (if *is_least*, at least) *limit*."""

    title: str
    figure: float
    limit: float
    is_least: bool = False

    @property
    def is_met(self) -> bool:
        """Whether the figure is on the right side of the limit."""
        return self.figure >= self.limit if self.is_least else self.figure <= self.limit


def of_loads(measured: Measured) -> list[Goal]:
    """Return the goals whose contenders were all measured."""
    flat = measured.get(plan.FLAT.title, {})
    return [
        # Flat out, times per message; at a pace, ratios to the floor and the rival: there most of
        # the time is the kernel's for one read per message, and differs from machine to machine.
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
    """Return the goals for the venue's maximum rate."""
    return [
        # Not 100 %: the window's ends are status lines, up to a few ms off the second.
        Goal("36,000/s: messages/s received", burst.window.rate, 0.99 * RATE, is_least=True),
        Goal("36,000/s: differing fields, unbalanced counters", len(burst.faults), 0),
    ]


def of_latency(default: Delays, at_once: Delays) -> list[Goal]:
    """Return the goals for latency: the *default* delivers no later than a read per arrival."""
    # 1.1, because two runs of the same contender differ by a tenth.
    title = "2,600/s: {} from venue to subscriber, ratio to reads at each arrival"
    return [
        Goal(title.format("p50"), default.p50_ms / at_once.p50_ms, 1.1),
        Goal(title.format("p99"), default.p99_ms / at_once.p99_ms, 1.1),
    ]


def of_memory(peak_mb: float) -> list[Goal]:
    """Return the goal for the collector's peak memory."""
    return [Goal("2,000 symbols over TLS: peak MB resident", peak_mb, 50)]


def of_redis(cost: Cost) -> list[Goal]:
    """Return the goal for the server's CPU per update."""
    ratio = statistics.median(cost.ratios)
    return [Goal("server CPU per update, ratio to a whole HSET of 26 fields", ratio, 0.75)]


def _cost(measured: Measured, load: Load, limit_us: float) -> list[Goal]:
    product = measured.get(load.title, {}).get(plan.FASTOPTS.name)
    if product is None:
        return []
    return [Goal(f"{load.title}: CPU us per message", product.client_us, limit_us)]


def _gain(
    figures: dict[str, LoadFigures], name: str, contender: Contender, limit: float
) -> list[Goal]:
    product, rival = figures.get(plan.FASTOPTS.name), figures.get(contender.name)
    if product is None or rival is None:
        return []
    gain = rival.client_us / product.client_us
    return [Goal(f"{plan.FLAT.title}: times less CPU than {name}", gain, limit, is_least=True)]


def _in_rivals(measured: Measured, load: Load, limit: float) -> list[Goal]:
    figures = measured.get(load.title, {})
    product, rival = figures.get(plan.FASTOPTS.name), figures.get(plan.RIVAL.name)
    if product is None or rival is None:
        return []
    title = f"{load.title}: CPU of {plan.FASTOPTS.name}, ratio to the {plan.RIVAL.name}"
    return [Goal(title, product.client_us / rival.client_us, limit)]


def _in_floors(measured: Measured, load: Load, contender: Contender, limit: float) -> list[Goal]:
    figures = measured.get(load.title, {})
    product, floor = figures.get(contender.name), figures.get(plan.FLOOR.name)
    if product is None or floor is None:
        return []
    title = f"{load.title}: CPU of {contender.name}, ratio to the floor"
    return [Goal(title, product.client_us / floor.client_us, limit)]
