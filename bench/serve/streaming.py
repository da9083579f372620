"""The effect of a crowd of stream clients: on the server, on ticks, on other requests."""

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
from bench.serve.server_process import CORES, ServerProcess
from bench.session import Session
from bench.worker_process import WorkerProcess

__all__ = ("Crowd", "StreamFigures", "run")

# Subscriptions send snapshots of all options: the turn begins when they have been sent.
SETTLE_S = 3.0
REQUEST_EVERY_S = 0.02


@dataclass(frozen=True, slots=True)
class Crowd:
    """*reading* clients that receive everything, *silent* ones that never read."""

    title: str
    reading: int
    silent: int


@dataclass(frozen=True, slots=True)
class StreamFigures:
    """Medians of the turns with the crowd connected.

    Ages are those of ticks in a third program that follows the collector, `alone` when the server
    has no clients; the option is requested meanwhile.
    """

    server_share: float
    rss_mb: float
    sent_mb_s: float
    collector_p99_ms: float
    alone_p99_ms: float
    times_alone: float
    option_p50_ms: float


_APART: Final = set(CORES[-1:])  # not the server's core


def run(
    session: Session,
    server: ServerProcess,
    asset: str,
    venue: str,
    crowds: Sequence[Crowd],
    *,
    rounds: int,
    turn_s: float,
) -> dict[str, StreamFigures]:
    """Measure every crowd once per round, each right after a turn without clients."""
    selection = orjson.dumps({"asset": asset}).decode()
    turns: dict[str, list[StreamFigures]] = {crowd.title: [] for crowd in crowds}
    with WorkerProcess("bench.serve.probe", session.valkey.url, venue, cores=_APART) as probe:
        probe.receive()
        for _ in range(rounds):
            for crowd in crowds:
                turn = partial(_measure, server, probe, crowd, selection, turn_s)
                turns[crowd.title].append(retried(turn, "serve"))
    return {title: _median(crowd_turns) for title, crowd_turns in turns.items()}


def _measure(
    server: ServerProcess, probe: WorkerProcess, crowd: Crowd, selection: str, turn_s: float
) -> StreamFigures:
    """A turn without the *crowd*, and one with it."""
    # Without clients right before, as the load of a shared machine drifts within minutes.
    _settle(probe)
    time.sleep(turn_s)
    alone_ms = _p99_ms(probe)
    arguments = (str(server.port), str(crowd.reading), str(crowd.silent), selection)
    with WorkerProcess("bench.serve.stream_clients", *arguments, cores=_APART) as clients:
        clients.receive()
        return _turn(server, probe, clients, turn_s, alone_ms)


def _settle(probe: WorkerProcess) -> None:
    """Wait, and discard the ages up to now."""
    time.sleep(SETTLE_S)
    probe.ask()


def _p99_ms(probe: WorkerProcess) -> float:
    p99_ms: float | None = probe.ask()["p99_ms"]
    if p99_ms is None:
        raise Failed("the probe received no tick during a turn")
    return p99_ms


def _turn(
    server: ServerProcess,
    probe: WorkerProcess,
    clients: WorkerProcess,
    turn_s: float,
    alone_ms: float,
) -> StreamFigures:
    _settle(probe)
    with ExitStack() as stack:
        client = stack.enter_context(server.client())
        instruments = client.json("/v1/instruments?asset=BTC")["instruments"]
        # A stale value is fine here: the question is how long the response takes.
        path = f"/v1/options/{instruments[0]['symbol']}?stale=true"
        before, cpu, started = clients.ask()["bytes"], cpu_s(server.pid), time.monotonic()
        probe.ask()
        waits_ms: list[float] = []
        while (now := time.monotonic()) < started + turn_s:
            client.get(path)
            waits_ms.append((time.monotonic() - now) * 1000)
            time.sleep(REQUEST_EVERY_S)
        elapsed_s = time.monotonic() - started
        used_s = cpu_s(server.pid) - cpu
        # The probe first: its ages must not include the time after the turn.
        p99_ms, after = _p99_ms(probe), clients.ask()["bytes"]
    return StreamFigures(
        server_share=used_s / elapsed_s,
        rss_mb=rss_mb(server.pid)[0],
        sent_mb_s=(after - before) / 1e6 / elapsed_s,
        collector_p99_ms=p99_ms,
        alone_p99_ms=alone_ms,
        times_alone=p99_ms / alone_ms,
        option_p50_ms=statistics.median(waits_ms),
    )


def _median(turns: Sequence[StreamFigures]) -> StreamFigures:
    return StreamFigures(
        **{
            name: statistics.median(getattr(turn, name) for turn in turns)
            for name in StreamFigures.__slots__
        }
    )
