"""The results as text."""

import statistics
from collections.abc import Sequence

from bench import plan
from bench.burst import RATE, SYMBOLS, Burst
from bench.goals import Goal
from bench.latency import RATE as LATENCY_RATE
from bench.latency import Delays
from bench.plan import Figures
from bench.redis_cost import BATCH, Cost

__all__ = ("LEGEND", "aligned", "burst", "goals", "latency", "load", "machine", "memory", "redis")

HEADS = (
    *("contender", "CPU us/msg", "(spread)", "baseline/it", "floors", "of a core", "msg/s"),
    *("wake-ups/s", "updates/s", "server us/msg", "us/update", "RSS MB", "most", "replay"),
)

LEGEND = """\
CPU us/msg   user and system time of the contender's process a message received, median and spread
baseline/it   how many times less that is than the baseline's; floors: how many times the floor's
of a core    the contender's CPU; all three processes share the cores, so msg/s flat out is what
             this machine gives to all of them, not what a contender with a core of its own takes
wake-ups/s   how often its main thread went to sleep and was woken
server       Valkey's CPU a message received, and an update written (conflated ones are not)
replay       how busy the load source is: at 100 % it is what limits msg/s
The contender keeps off the load source's core, as it would from a venue; at a pace, so does Valkey
off the contender's."""


def machine(facts: dict[str, str]) -> str:
    return "\n".join(f"{name:9} {text}" for name, text in facts.items())


def load(title: str, symbols: int, figures: dict[str, Figures]) -> str:
    """One load's contenders, a line each, under its title."""
    old, floor = figures.get(plan.BASELINE.name), figures.get(plan.FLOOR.name)
    rows = [
        (
            name,
            f"{f.client_us:.2f}",
            f"{f.client_us_least:.2f}-{f.client_us_most:.2f}",
            f"{old.client_us / f.client_us:.1f}x" if old else "",
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
        lines.append(f"(the floor reads {floor.reads_a_message:.3f} times a message)")
    return "\n".join(lines)


def burst(found: Burst) -> str:
    """What 36,000 messages a second did."""
    window, counts = found.window, {name: f"{count:,}" for name, count in found.counts.items()}
    parts = [
        (
            f"taken {window.rate:,.0f}/s, written {window.update_rate:,.0f}/s",
            f"client {window.client_share:.1%} of a core, {window.client_us:.2f} us a message",
            f"server {window.server_share:.1%}, {window.server_us_an_update or 0:.2f} us an update",
            f"replay {window.replay_share:.0%}",
            f"RSS {window.rss_mb_max:.1f} MB",
        ),
        (
            f"sent {found.sent:,}",
            "received {received} = applied {applied} + older {older} + rejected {rejected}",
            "applied = written {written} + conflated {conflated} + pending {pending}",
        ),
        (
            f"{found.compared:,} hashes compared with the last frames sent, field by field",
            f"{found.drain_s:.1f} s after the last of them",
            f"faults: {len(found.faults)}",
            *found.faults[:5],
        ),
    ]
    title = f"{RATE:,.0f}/s, {SYMBOLS:,} symbols, small slices"
    return "\n  ".join([title, *map(" · ".join, parts)]).format_map(counts)


def memory(found: dict[str, tuple[float, float]], symbols: int) -> str:
    """Resident memory by contender."""
    lines = [f"resident MB, {symbols:,} symbols, TLS, 2,600/s: at the end, at most"]
    lines += [f"  {name:20} {now:6.1f} {most:6.1f}" for name, (now, most) in found.items()]
    return "\n".join(lines)


def latency(found: dict[str, Delays]) -> str:
    """How long ticks take, by contender."""
    rows = [
        (name, f"{each.p50_ms:.1f}", f"{each.p99_ms:.1f}", f"{each.count:,}")
        for name, each in found.items()
    ]
    title = f"ms from the venue to a subscriber of Redis, {LATENCY_RATE:,.0f} ticks/s"
    return f"{title}\n{aligned([('', 'p50', 'p99', 'ticks'), *rows])}"


def redis(cost: Cost) -> str:
    """What an update costs the server."""
    rows = [
        ("", "median", "spread", "bytes"),
        (
            "HSET of what changed, SET of the record",
            *_spread(cost.ours_us),
            f"{cost.ours_bytes:.0f}",
        ),
        ("whole HSET of 26 fields", *_spread(cost.whole_us), f"{cost.whole_bytes:.0f}"),
        ("ratio", *_spread(cost.ratios), f"{cost.ours_bytes / cost.whole_bytes:.2f}"),
    ]
    title = f"server CPU us an update, pipelines of {BATCH}; {cost.ours_fields:.1f} fields change"
    return f"{title}\n{aligned(rows)}"


def goals(found: Sequence[Goal]) -> str:
    """Each goal, its figure, and whether it is met."""
    rows = [
        (
            goal.title,
            f"{goal.figure:,.2f}",
            f"{'>=' if goal.is_least else '<='} {goal.limit:,g}",
            "met" if goal.is_met else "MISSED",
        )
        for goal in found
    ]
    return aligned([("goal", "figure", "wanted", ""), *rows])


def _spread(values: list[float]) -> tuple[str, str]:
    return f"{statistics.median(values):.2f}", f"{min(values):.2f}-{max(values):.2f}"


def aligned(rows: Sequence[Sequence[str]]) -> str:
    """Return *rows* in columns: the first to the left, the others to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  "
        + "  ".join(
            word.rjust(width) if index else word.ljust(width)
            for index, (word, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    )
