"""Text tables of the results."""

import statistics
from collections.abc import Sequence

from bench import plan
from bench.burst import RATE, SYMBOLS, Burst
from bench.goals import Goal
from bench.latency import RATE as LATENCY_RATE
from bench.latency import Delays
from bench.plan import LoadFigures
from bench.redis_cost import BATCH, Cost

__all__ = ("LEGEND", "aligned", "burst", "goals", "latency", "load", "machine", "memory", "redis")

FAULTS_SHOWN_MAX = 5

HEADS = (
    *("contender", "CPU us/msg", "(range)", "baseline/it", "floors", "of a core", "msg/s"),
    *("wake-ups/s", "updates/s", "server us/msg", "us/update", "RSS MB", "peak", "replay"),
)

LEGEND = """\
CPU us/msg   user and system time of the contender's process per message received, median and range
baseline/it  the baseline's CPU divided by the contender's; floors: its CPU divided by the floor's
of a core    the contender's CPU; all three processes share the cores, so msg/s flat out is the rate
             of all of them on this machine, not that of a contender with a core of its own
wake-ups/s   how often its main thread went to sleep and was woken
server       Valkey's CPU per message received, and per update written (conflated ones are not)
replay       how busy the load source is: at 100 % it limits msg/s
The contender never runs on the load source's core, as a venue has its own; at a pace, Valkey never
runs on the contender's."""


def machine(facts: dict[str, str]) -> str:
    """Return the properties of the environment, one per line."""
    return "\n".join(f"{name:9} {text}" for name, text in facts.items())


def load(title: str, symbols: int, figures: dict[str, LoadFigures]) -> str:
    """Return the contenders of one load, one line each, under its title."""
    baseline, floor = figures.get(plan.BASELINE.name), figures.get(plan.FLOOR.name)
    rows = [
        (
            name,
            f"{f.client_us:.2f}",
            f"{f.client_us_least:.2f}-{f.client_us_most:.2f}",
            f"{baseline.client_us / f.client_us:.1f}x" if baseline else "",
            f"{f.client_us / floor.client_us:.2f}" if floor else "",
            f"{f.client_share:.1%}",
            f"{f.rate:,.0f}",
            f"{f.wakeup_rate:,.0f}",
            f"{f.update_rate:,.0f}" if f.update_rate else "-",
            f"{f.server_us:.2f}" if f.update_rate else "-",
            "-" if f.server_us_an_update is None else f"{f.server_us_an_update:.2f}",
            f"{f.rss_mb:.1f}",
            f"{f.rss_mb_max:.1f}",
            f"{f.replay_share:.0%}",
        )
        for name, f in figures.items()
    ]
    lines = [f"{title}; {symbols:,} symbols", aligned([HEADS, *rows])]
    if floor is not None and floor.reads_a_message is not None:
        # Shows that in a paced load each read brings one message, as intended.
        lines.append(f"(the floor: {floor.reads_a_message:.3f} reads per message)")
    return "\n".join(lines)


def burst(result: Burst) -> str:
    """Return the figures of a burst."""
    window, counts = result.window, {name: f"{count:,}" for name, count in result.counts.items()}
    parts = [
        (
            f"received {window.rate:,.0f}/s, written {window.update_rate:,.0f}/s",
            f"client {window.client_share:.1%} of a core, {window.client_us:.2f} us/message",
            f"server {window.server_share:.1%}, {window.server_us_an_update or 0:.2f} us/update",
            f"replay {window.replay_share:.0%}",
            f"RSS {window.rss_mb_max:.1f} MB",
        ),
        (
            f"sent {result.sent:,}",
            "received {received} = applied {applied} + older {older} + rejected {rejected}",
            "applied = written {written} + conflated {conflated} + pending {pending}",
        ),
        (
            f"{result.compared:,} hashes compared with the last frames sent, field by field",
            f"{result.drain_s:.1f} s after the last of them",
            f"faults: {len(result.faults)}",
            *result.faults[:FAULTS_SHOWN_MAX],
        ),
    ]
    title = f"{RATE:,.0f}/s, {SYMBOLS:,} symbols, small writes"
    return "\n  ".join([title, *map(" · ".join, parts)]).format_map(counts)


def memory(sizes_mb: dict[str, tuple[float, float]], symbols: int) -> str:
    """Return the resident memory of each contender."""
    lines = [f"resident MB, {symbols:,} symbols, TLS, 2,600/s: at the end, peak"]
    lines += [f"  {name:20} {now:6.1f} {peak:6.1f}" for name, (now, peak) in sizes_mb.items()]
    return "\n".join(lines)


def latency(by_contender: dict[str, Delays]) -> str:
    """Return the delays of ticks, by contender."""
    rows = [
        (name, f"{delays.p50_ms:.1f}", f"{delays.p99_ms:.1f}", f"{delays.count:,}")
        for name, delays in by_contender.items()
    ]
    title = f"delay in ms from the venue to a subscriber of Redis, {LATENCY_RATE:,.0f} ticks/s"
    return f"{title}\n{aligned([('', 'p50', 'p99', 'ticks'), *rows])}"


def redis(cost: Cost) -> str:
    """Return the server's CPU and the size of an update."""
    rows = [
        ("", "median", "range", "bytes"),
        (
            "HSET of changed fields, SET of the record",
            *_median_and_range(cost.ours_us),
            f"{cost.ours_bytes:.0f}",
        ),
        ("whole HSET of 26 fields", *_median_and_range(cost.whole_us), f"{cost.whole_bytes:.0f}"),
        ("ratio", *_median_and_range(cost.ratios), f"{cost.ours_bytes / cost.whole_bytes:.2f}"),
    ]
    title = f"server CPU us/update, pipelines of {BATCH}; {cost.ours_fields:.1f} changed fields"
    return f"{title}\n{aligned(rows)}"


def goals(measured: Sequence[Goal]) -> str:
    """Return each goal with its figure, its limit and the verdict."""
    rows = [
        (
            goal.title,
            f"{goal.figure:,.2f}",
            f"{'>=' if goal.is_least else '<='} {goal.limit:,g}",
            "met" if goal.is_met else "MISSED",
        )
        for goal in measured
    ]
    return aligned([("goal", "figure", "limit", ""), *rows])


def _median_and_range(values: list[float]) -> tuple[str, str]:
    return f"{statistics.median(values):.2f}", f"{min(values):.2f}-{max(values):.2f}"


def aligned(rows: Sequence[Sequence[str]]) -> str:
    """Return *rows* in columns: the first aligned to the left, the others to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  "
        + "  ".join(
            cell.rjust(width) if index else cell.ljust(width)
            for index, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    )
