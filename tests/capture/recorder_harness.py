"""A recorder over a table, in this process."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

from websockets.frames import Frame, Opcode

from fastopts.capture.folder import CaptureFolder, FreeSpace
from fastopts.capture.recorder import Recorder, RecorderLimits, Recording
from fastopts.capture.status import RecordingStatus
from fastopts.capture.worker import CaptureWorker
from fastopts.model import Instrument
from fastopts.venues.bybit.ticker_table import new_table
from tests.support.payloads import SYMBOL, T0, ticker
from tests.support.payloads import dump as dump_payload
from tests.support.waiting import PATIENCE_S

__all__ = ("QUICK", "RecorderHarness", "ticker_payload")

QUICK = RecorderLimits(chunk_s=0.02, retry_s=0.05, slow_s=0.05)
KEEP = 1_000_000_000
# Without it, a stall of the machine would drop chunks: they are sealed forty times as often here.
UNBOUNDED = 1 << 30
LISTED = Instrument(
    *(SYMBOL, "BTC", "USDT", "USDT", T0 + 86_400_000, "90000", "C", "5", "0.01", "Trading", 1)
)


def ticker_payload(number: int) -> bytes:
    """A ticker, whose sequence number is *number*."""
    return dump_payload(ticker(sequence=number))


class RecorderHarness:
    """`async with` it to record; `receive` frames as a connection would."""

    def __init__(
        self,
        root: Path,
        limits: RecorderLimits = QUICK,
        write_hook: Callable[[Path], None] = lambda _: None,
        queue_max: int = UNBOUNDED,
        keep_bytes: int = KEEP,
    ) -> None:
        self.root = root
        self.table = new_table()
        self.table.epoch = 5
        self.table.add(SYMBOL, LISTED.expiry_ms, LISTED.strike, "C", "USDT")
        self.instruments = {SYMBOL: LISTED}
        # as little as possible of this machine's disk is a condition of the tests
        folder = CaptureFolder(root, "sim", keep_bytes, FreeSpace(0.0, 0))
        recording = Recording(self.table, self.instruments, "fastopts tests", {"venue": "sim"})
        self.recorder = Recorder(recording, CaptureWorker(folder, write_hook, queue_max), limits)
        self.sent: list[bytes] = []

    async def __aenter__(self) -> "RecorderHarness":
        await self.recorder.__aenter__()
        return self

    async def __aexit__(self, *exception: Any) -> None:
        await self.recorder.__aexit__(*exception)

    def receive(self, *payloads: bytes, conn: int = 1, rt_ms: int = T0) -> None:
        """Record a read of the socket with these messages."""
        frames = (Frame(Opcode.TEXT, payload).serialize(mask=False) for payload in payloads)
        data = b"".join(frames)
        self.recorder.frames(conn, memoryview(data), 0, len(data), rt_ms)
        self.sent += payloads

    async def until(self, condition: Callable[[RecordingStatus], bool]) -> RecordingStatus:
        """Wait for the status to meet *condition*; return it."""
        async with asyncio.timeout(PATIENCE_S):
            while not condition(status := self.recorder.status()):
                self.check_balance()
                await asyncio.sleep(0.005)
        return status

    def check_balance(self) -> None:
        """Every frame is accounted for."""
        status = self.recorder.status()
        assert status.received == len(self.sent)
        parts = (status.recorded, status.not_recorded, status.unwritten)
        assert status.received == sum(parts), status
