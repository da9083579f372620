"""The collector's test world, with a proxy between it and the venue's WebSocket."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from fastopts.collector.venue.connection import VenueConnection
from fastopts.sim import SimSettings
from fastopts.venues.bybit.session import Timing
from tests.support.collector_harness import CollectorHarness, running_collector, until
from tests.support.fault_proxy import READ_BYTES, FaultProxy
from tests.support.ports import free_port

FEW = SimSettings(seed=5, symbols=60, rate=600)


def brisk(**changes: Any) -> Timing:
    """The product's times with *changes*; sessions are polled quickly."""
    return Timing(poll_every=0.02, **changes)


@asynccontextmanager
async def proxied(
    tmp_path: Path,
    sim: SimSettings = FEW,
    timing: Timing | None = None,
    buffer_bytes: int = READ_BYTES,
    **settings: Any,
) -> AsyncIterator[tuple[CollectorHarness, FaultProxy]]:
    port = free_port()
    with FaultProxy(port, buffer_bytes=buffer_bytes) as proxy:
        told = replace(sim, port=port)
        async with running_collector(
            tmp_path, told, timing or brisk(), ws_port=proxy.port, **settings
        ) as harness:
            yield harness, proxy


async def line_of(harness: CollectorHarness) -> VenueConnection:
    """The only connection, once it is planned."""
    await until(lambda: bool(harness.collector.connections))
    [line] = harness.collector.connections
    return line
