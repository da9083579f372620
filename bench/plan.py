"""The loads, their contenders, the number and length of measurements; and their execution."""

import statistics
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from bench.measure import Window
from bench.reader import plan as reading
from bench.serve import plan as serving
from bench.session import Contender, Session

__all__ = (
    "BASELINE",
    "FASTOPTS",
    "FASTOPTS_AT_ONCE",
    "FASTOPTS_CLOCK",
    "FLAT",
    "FLAT_TLS",
    "FLOOR",
    "FULL",
    "PACED",
    "PACED_TLS",
    "QUICK",
    "RIVALS",
    "Load",
    "LoadFigures",
    "Measured",
    "Plan",
    "run",
)

COLLECTOR = "fastopts.track"
FLOOR = Contender("floor", "bench.contenders.floor")
# The latency of the default, of a read at each arrival, and of reads on a 10 ms clock.
FASTOPTS = Contender("fastopts", COLLECTOR, is_collector=True)
FASTOPTS_AT_ONCE = Contender("fastopts, 0 ms", COLLECTOR, ("--latency-ms", "0"), is_collector=True)
FASTOPTS_CLOCK = Contender("fastopts, 10 ms", COLLECTOR, ("--latency-ms", "10"), is_collector=True)
FASTOPTS_ASYNCIO = Contender(
    "fastopts, asyncio", "bench.contenders.asyncio_loop", is_collector=True
)
FASTOPTS_PURE = Contender(
    "fastopts, pure", COLLECTOR, (), (("FASTOPTS_PURE", "1"),), is_collector=True
)
# The same input and output by other means: a floor alone would not show what libraries achieve.
RIVAL = Contender("rival, every update", "bench.contenders.rival")
RIVAL_CONFLATING = Contender("rival, conflating", "bench.contenders.rival", ("--conflate",))
RIVALS = (RIVAL, RIVAL_CONFLATING)
BASELINE = Contender("baseline", "bench.contenders.baseline")

PACE = 2600.0  # messages/s, an ordinary load; the maximum is that of bench.burst
WARM_UP_S = 1


@dataclass(frozen=True, slots=True)
class Load:
    """*rate*: messages/s, one per write of the source; 0: as fast as the contender reads."""

    title: str
    rate: float
    is_tls: bool
    contenders: tuple[Contender, ...]
    window_s: int


@dataclass(frozen=True, slots=True)
class Plan:
    """One process and one window for each contender in each round."""

    loads: tuple[Load, ...]
    rounds: int
    burst_s: int
    redis_rounds: int
    latency_s: int
    reading: reading.ReaderPlan
    serving: serving.ServePlan
    measures_memory: bool = True


# Flat out the cost of parsing and writing dominates; at a pace, that of waking up and reading, as
# a venue sends one message at a time.
FLAT = Load(
    "flat out",
    0,
    False,
    (FLOOR, FASTOPTS, FASTOPTS_ASYNCIO, FASTOPTS_PURE, *RIVALS, BASELINE),
    2,
)
FLAT_TLS = Load("flat out, TLS", 0, True, (FLOOR, FASTOPTS, *RIVALS, BASELINE), 2)
PACED = Load(
    "2,600/s, one message a write",
    PACE,
    False,
    (
        *(FLOOR, FASTOPTS, FASTOPTS_AT_ONCE, FASTOPTS_CLOCK, FASTOPTS_ASYNCIO, FASTOPTS_PURE),
        *(RIVAL, BASELINE),
    ),
    3,
)
PACED_TLS = Load(
    "2,600/s, one message a write, TLS",
    PACE,
    True,
    (FLOOR, FASTOPTS, FASTOPTS_AT_ONCE, FASTOPTS_CLOCK, RIVAL, BASELINE),
    3,
)
FULL = Plan(
    (FLAT, FLAT_TLS, PACED, PACED_TLS),
    rounds=3,
    burst_s=8,
    redis_rounds=7,
    latency_s=10,
    reading=reading.FULL,
    serving=serving.FULL,
)
QUICK = Plan(
    (
        Load(FLAT.title, 0, False, (FLOOR, FASTOPTS, RIVAL_CONFLATING, BASELINE), 1),
        Load(PACED.title, PACE, False, (FLOOR, FASTOPTS, FASTOPTS_CLOCK, BASELINE), 2),
    ),
    rounds=1,
    burst_s=2,
    redis_rounds=3,
    latency_s=3,
    reading=reading.QUICK,
    serving=serving.QUICK,
    measures_memory=False,
)


@dataclass(frozen=True, slots=True)
class LoadFigures:
    """A contender's figures under one load: medians of its windows, and the range of the first."""

    client_us: float
    client_us_least: float
    client_us_most: float
    client_share: float
    rate: float
    update_rate: float
    server_us: float
    server_us_an_update: float | None
    server_share: float
    replay_share: float
    reads_a_message: float | None
    rss_mb: float
    rss_mb_max: float
    wakeup_rate: float  # voluntary context switches of its main thread per second


Measured = dict[str, dict[str, LoadFigures]]  # by load and contender
LoadCallback = Callable[[str, dict[str, LoadFigures]], None]


def run(plan: Plan, symbols: int, certificate: Path, on_load: LoadCallback) -> Measured:
    """Measure every load; its contenders take turns, each in a new process every time.

    *on_load* is called with the title and the figures of each load that is complete.
    """
    measured: Measured = {}
    for load in plan.loads:
        windows: dict[str, list[Window]] = {contender.name: [] for contender in load.contenders}
        for number in range(plan.rounds):
            for contender in load.contenders:
                _print(f"{load.title}: {contender.name} ({number + 1} of {plan.rounds})")
                with Session(contender, symbols, certificate if load.is_tls else None) as session:
                    session.start(load.rate)
                    windows[contender.name] += session.windows(WARM_UP_S, 1, load.window_s)
        measured[load.title] = {name: _load_figures(each) for name, each in windows.items()}
        on_load(load.title, measured[load.title])
    return measured


def _load_figures(windows: list[Window]) -> LoadFigures:
    def median(pick: Callable[[Window], float | None]) -> float:
        return statistics.median(_known(map(pick, windows)))

    # Medians, as one stall of a shared machine must not decide a figure.
    client_us = [window.client_us for window in windows]
    has_updates = any(window.updates for window in windows)
    has_reads = any(window.reads for window in windows)
    return LoadFigures(
        client_us=statistics.median(client_us),
        client_us_least=min(client_us),
        client_us_most=max(client_us),
        client_share=median(lambda w: w.client_share),
        rate=median(lambda w: w.rate),
        update_rate=median(lambda w: w.update_rate),
        server_us=median(lambda w: w.server_us),
        server_us_an_update=median(lambda w: w.server_us_an_update) if has_updates else None,
        server_share=median(lambda w: w.server_share),
        replay_share=median(lambda w: w.replay_share),
        reads_a_message=median(lambda w: (w.reads or 0) / w.messages) if has_reads else None,
        # The latest and the largest, not medians: memory grows within a run.
        rss_mb=windows[-1].rss_mb,
        rss_mb_max=max(window.rss_mb_max for window in windows),
        wakeup_rate=median(lambda w: w.wakeup_rate),
    )


def _known(values: Iterable[float | None]) -> list[float]:
    return [value for value in values if value is not None]


def _print(progress: str) -> None:
    print(progress, file=sys.stderr, flush=True)
