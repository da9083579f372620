"""What a crowd of stream clients does: to the server, to ticks, to other requests."""

import statistics
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from typing import Final

import orjson

from bench.failures import Failed, retried
from bench.measure import cpu_s, rss_mb
from bench.serve.serving import CORES, Serving
from bench.session import Session
from bench.worker_process import WorkerProcess

__all__ = ("Crowd", "Streamed", "run")

SETTLE_S = 3.0


@dataclass(frozen=True, slots=True)
class Crowd:
    """*reading* clients that take what comes, *silent* ones that never read."""

    title: str
    reading: int
    silent: int


@dataclass(frozen=True, slots=True)
class Streamed:
    """Medians of the turns with the crowd there. Ages are those of ticks where a third program
    hears of them, `alone` without a server's clients; the option is asked for meanwhile."""

    server_share: float
    rss_mb: float
    sent_mb_s: float
    collector_p99_ms: float
    alone_p99_ms: float
    times_alone: float
    option_p50_ms: float


_APART: Final = set(CORES[-1:])  # from the server


def run(
    session: Session,
    serving: Serving,
    asset: str,
    venue: str,
    crowds: Sequence[Crowd],
    rounds: int,
    turn_s: float,
) -> dict[str, Streamed]:
    """In each round every crowd has its turn, right behind a turn without any."""
    wish = orjson.dumps({"asset": asset}).decode()
    turns: dict[str, list[Streamed]] = {one.title: [] for one in crowds}
    with WorkerProcess("bench.serve.probe", session.valkey.url, venue, cores=_APART) as probe:
        probe.receive()
        for _ in range(rounds):
            for crowd in crowds:
                turn = partial(_measure, serving, probe, crowd, wish, turn_s)
                turns[crowd.title].append(retried(turn, "serve"))
    return {title: _median(found) for title, found in turns.items()}


def _measure(
    serving: Serving, probe: WorkerProcess, crowd: Crowd, wish: str, turn_s: float
) -> Streamed:
    """A turn without the *crowd*, and one with it."""
    _rest(probe)
    time.sleep(turn_s)
    alone_ms = _p99_ms(probe)
    words = (str(serving.port), str(crowd.reading), str(crowd.silent), wish)
    with WorkerProcess("bench.serve.crowd", *words, cores=_APART) as clients:
        clients.receive()
        return _turn(serving, probe, clients, turn_s, alone_ms)


def _rest(probe: WorkerProcess) -> None:
    time.sleep(SETTLE_S)
    probe.ask()


def _p99_ms(probe: WorkerProcess) -> float:
    p99_ms: float | None = probe.ask()["p99_ms"]
    if p99_ms is None:
        raise Failed("the probe received no tick during a turn")
    return p99_ms


def _turn(
    serving: Serving, probe: WorkerProcess, clients: WorkerProcess, turn_s: float, alone_ms: float
) -> Streamed:
    _rest(probe)
    with ExitStack() as stack:
        client = stack.enter_context(serving.client())
        listed = client.json("/v1/instruments?asset=BTC")["instruments"]
        path = f"/v1/options/{listed[0]['symbol']}?stale=true"
        before, cpu, at = clients.ask()["bytes"], cpu_s(serving.pid), time.monotonic()
        probe.ask()
        waits_ms: list[float] = []
        while (now := time.monotonic()) < at + turn_s:
            client.get(path)
            waits_ms.append((time.monotonic() - now) * 1000)
            time.sleep(0.02)
        elapsed_s = time.monotonic() - at
        used_s = cpu_s(serving.pid) - cpu
        p99_ms, after = _p99_ms(probe), clients.ask()["bytes"]
    return Streamed(
        server_share=used_s / elapsed_s,
        rss_mb=rss_mb(serving.pid)[0],
        sent_mb_s=(after - before) / 1e6 / elapsed_s,
        collector_p99_ms=p99_ms,
        alone_p99_ms=alone_ms,
        times_alone=p99_ms / alone_ms,
        option_p50_ms=statistics.median(waits_ms),
    )


def _median(turns: Sequence[Streamed]) -> Streamed:
    names = Streamed.__slots__
    return Streamed(*(statistics.median(getattr(one, name) for one in turns) for name in names))
