"""Requests on one connection: how long each takes, and what it costs the server."""

import itertools
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from bench.failures import retried
from bench.http import Client
from bench.measure import cpu_s
from bench.reader.figures import Figures, Window, figures, window
from bench.serve.serving import Serving

__all__ = ("Asked", "Question", "questions", "run")


@dataclass(frozen=True, slots=True)
class Question:
    """Paths that are asked for in turn."""

    title: str
    paths: Sequence[str]


@dataclass(frozen=True, slots=True)
class Asked:
    """What a question took; `cpu_us` is the server's, for one request."""

    figures: Figures
    per_s: float
    bytes: int


def questions(serving: Serving, asset: str) -> list[Question]:
    """Single options, hundreds of them, and whole answers."""
    with serving.client() as client:
        listed = client.json(f"/v1/instruments?asset={asset}")["instruments"]
        series = client.json(f"/v1/expiries/{asset}")["expiries"]
    symbols = [one["symbol"] for one in listed]
    largest = max(series, key=lambda one: int(one["total"]))
    starts = range(0, len(symbols) - 100, 50)
    hundreds = [",".join(symbols[start : start + 100]) for start in starts]
    return [
        Question("one option", [f"/v1/options/{symbol}" for symbol in symbols]),
        Question("100 options", [f"/v1/options?symbols={names}" for names in hundreds]),
        Question(f"a chain ({largest['total']})", [f"/v1/chains/{asset}/{largest['label']}"]),
        Question("expiries", [f"/v1/expiries/{asset}"]),
        Question("surface", [f"/v1/surface/{asset}"]),
        Question("scan, 100 found", [f"/v1/scan?asset={asset}&limit=100&sort=-mark_iv"]),
    ]


def run(
    serving: Serving, asked: Sequence[Question], rounds: int, turn_s: float
) -> dict[str, Asked]:
    """Ask all questions in turn, round after round."""
    found: dict[str, list[Window]] = {one.title: [] for one in asked}
    sizes: dict[str, int] = {}
    with serving.client() as client:
        for _ in range(rounds):
            for one in asked:
                turn = partial(_turn, serving, client, one, turn_s)
                sizes[one.title], measured = retried(turn, "serve")
                found[one.title].append(measured)
    return {
        title: Asked(figures(windows), _per_s(windows, turn_s), sizes[title])
        for title, windows in found.items()
    }


def _turn(serving: Serving, client: Client, asked: Question, turn_s: float) -> tuple[int, Window]:
    """The size of an answer, and how long the answers of a turn took."""
    paths = itertools.cycle(asked.paths)
    size = len(client.get(next(paths)))
    durations_ns: list[int] = []
    before_s, now = cpu_s(serving.pid), time.perf_counter_ns()
    until = now + round(turn_s * 1e9)
    while now < until:
        client.get(next(paths))
        then, now = now, time.perf_counter_ns()
        durations_ns.append(now - then)
    used_ns = round((cpu_s(serving.pid) - before_s) * 1e9)
    return size, window(durations_ns, used_ns)


def _per_s(windows: Sequence[Window], turn_s: float) -> float:
    return sum(one.calls for one in windows) / (turn_s * len(windows))
