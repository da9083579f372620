"""Requests on one connection: the time of each, and its cost for the server."""

import itertools
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from bench.failures import retried
from bench.http import Client
from bench.measure import cpu_s
from bench.reader.figures import CallFigures, Turn, summarize, summarize_turn
from bench.serve.server_process import ServerProcess

__all__ = ("RequestFigures", "RequestKind", "request_kinds", "run")


@dataclass(frozen=True, slots=True)
class RequestKind:
    """Paths to request in turn."""

    title: str
    paths: Sequence[str]


@dataclass(frozen=True, slots=True)
class RequestFigures:
    """Times of one kind of request; `cpu_us` is the server's CPU time per request."""

    figures: CallFigures
    per_s: float
    bytes: int


def request_kinds(server: ServerProcess, asset: str) -> list[RequestKind]:
    """Return requests for single options, for 100 of them, and for whole collections."""
    with server.client() as client:
        instruments = client.json(f"/v1/instruments?asset={asset}")["instruments"]
        expiries = client.json(f"/v1/expiries/{asset}")["expiries"]
    symbols = [instrument["symbol"] for instrument in instruments]
    largest = max(expiries, key=lambda expiry: int(expiry["total"]))
    # Overlapping, so that there are many different requests.
    starts = range(0, len(symbols) - 100, 50)
    batches = [",".join(symbols[start : start + 100]) for start in starts]
    return [
        RequestKind("one option", [f"/v1/options/{symbol}" for symbol in symbols]),
        RequestKind("100 options", [f"/v1/options?symbols={names}" for names in batches]),
        RequestKind(f"a chain ({largest['total']})", [f"/v1/chains/{asset}/{largest['label']}"]),
        RequestKind("expiries", [f"/v1/expiries/{asset}"]),
        RequestKind("surface", [f"/v1/surface/{asset}"]),
        RequestKind("scan, 100 found", [f"/v1/scan?asset={asset}&limit=100&sort=-mark_iv"]),
    ]


def run(
    server: ServerProcess, kinds: Sequence[RequestKind], rounds: int, turn_s: float
) -> dict[str, RequestFigures]:
    """Measure all kinds of request in turns of *turn_s*, in *rounds* rounds."""
    turns: dict[str, list[Turn]] = {kind.title: [] for kind in kinds}
    sizes: dict[str, int] = {}
    with server.client() as client:
        for _ in range(rounds):
            for kind in kinds:
                measure = partial(_turn, server, client, kind, turn_s)
                sizes[kind.title], turn = retried(measure, "serve")
                turns[kind.title].append(turn)
    return {
        title: RequestFigures(summarize(kind_turns), _per_s(kind_turns, turn_s), sizes[title])
        for title, kind_turns in turns.items()
    }


def _turn(
    server: ServerProcess, client: Client, kind: RequestKind, turn_s: float
) -> tuple[int, Turn]:
    """The size of a response, and the times of a turn's requests."""
    paths = itertools.cycle(kind.paths)
    # The first response warms the server up, and gives the size.
    size = len(client.get(next(paths)))
    durations_ns: list[int] = []
    before_s, now = cpu_s(server.pid), time.perf_counter_ns()
    until = now + round(turn_s * 1e9)
    while now < until:
        client.get(next(paths))
        then, now = now, time.perf_counter_ns()
        durations_ns.append(now - then)
    # The server's CPU includes following the market meanwhile, as it does in use.
    used_ns = round((cpu_s(server.pid) - before_s) * 1e9)
    return size, summarize_turn(durations_ns, used_ns)


def _per_s(turns: Sequence[Turn], turn_s: float) -> float:
    return sum(turn.calls for turn in turns) / (turn_s * len(turns))
