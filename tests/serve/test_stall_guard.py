"""Stalled connections, on a protocol without uvicorn."""

import asyncio
from typing import Any

from fastopts.serve.http.admission import Admission
from fastopts.serve.http.clients import ClientResolver
from fastopts.serve.http.stall_guard import StallGuard
from fastopts.serve.settings import Limits
from fastopts.serve.stats import ServerStats


class FakeTransport:
    """Remembers whether it was aborted."""

    def __init__(self) -> None:
        self.aborted = asyncio.Event()

    def abort(self) -> None:
        self.aborted.set()


def guard(stall_s: float) -> Any:
    made: Any = StallGuard()
    made.admission = Admission(Limits(stall_s=stall_s), ServerStats(), ClientResolver(()))
    made.transport = FakeTransport()
    return made


async def test_a_connection_whose_peer_stops_reading_is_aborted_and_counted() -> None:
    protocol = guard(0.01)
    protocol.pause_writing()
    await asyncio.wait_for(protocol.transport.aborted.wait(), 20)
    assert protocol.admission.stats.drops == {"write_stall": 1}


async def test_a_peer_that_reads_again_is_kept() -> None:
    protocol, other = guard(0.01), guard(0.02)
    protocol.pause_writing()
    protocol.resume_writing()
    other.pause_writing()
    await asyncio.wait_for(other.transport.aborted.wait(), 20)
    assert not protocol.transport.aborted.is_set()
    assert not protocol.admission.stats.drops


async def test_the_timer_starts_with_the_first_pause() -> None:
    protocol = guard(60)
    protocol.pause_writing()
    timer = protocol._stall_timer
    protocol.pause_writing()
    assert protocol._stall_timer is timer
    protocol.cancel_stall_timer()
    assert timer.cancelled()
    protocol.cancel_stall_timer()  # a second time, as after an upgrade to a WebSocket
