"""The event loop's side of a recording: channels, log times, chunks, new files, gaps."""

import asyncio
import logging
import math
import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from time import monotonic_ns
from typing import Final, Self

from fastopts.capture import contents
from fastopts.capture.status import RecordingStatus, State
from fastopts.capture.summary import ChannelEntry
from fastopts.capture.worker import CaptureWorker, FileStart, SealedChunk, WorkerState
from fastopts.core import CaptureBuffer, CaptureChannel, Table
from fastopts.mcap_format import MESSAGE_HEAD
from fastopts.model import Instrument

__all__ = ("Recorder", "RecorderLimits", "Recording")

log = logging.getLogger(__name__)

HOUR_NS: Final = 3600 * 1_000_000_000
CHANNELS_MAX: Final = 0xFFFF
NS: Final = 1_000_000_000


@dataclass(frozen=True, slots=True)
class RecorderLimits:
    """Intervals and sizes of a recorder."""

    chunk_bytes: int = 4 << 20
    # A process that is killed loses the chunk that it fills: with the time to write the one before,
    # less than a second, also on a busy machine (chunks of 0.7 s lost up to 1.15 s).
    chunk_s: float = 0.5
    slow_s: float = 1.0  # a chunk that waits longer is reported
    warn_every_s: float = 60.0  # between two warnings of a slow disk
    retry_s: float = 60.0  # after a failure, a new file is tried
    step_ns: int = NS  # log times that differ more from this machine's clock begin a new file
    finish_within_s: float = 5.0


@dataclass(frozen=True, slots=True)
class Recording:
    """What is recorded: the market that a collector holds, and how files describe it."""

    table: Table
    instruments: Mapping[str, Instrument]
    library: str
    opening: Mapping[str, str]
    """Metadata of every file: venue, version, digest of the settings."""


@dataclass(slots=True)
class _Gap:
    """Frames that were not recorded, and that no submitted chunk accounts for."""

    number: int = 1
    frames: int = 0
    chunks: int = 0
    start_ns: int = 0
    end_ns: int = 0
    reason: str = ""

    def add(self, frames: int, start_ns: int, end_ns: int, reason: str) -> None:
        """Add a chunk of *frames* frames."""
        self.frames += frames
        self.start_ns = min(self.start_ns, start_ns) if self.chunks else start_ns
        self.end_ns = max(self.end_ns, end_ns)
        self.chunks += 1
        self.reason = self.reason or reason


class Recorder:
    """Records until its `async with` block ends. Its methods never block and never raise OSError.

    While it is stopped, after a failure, frames are still counted, and a new file is tried at
    intervals.
    """

    def __init__(
        self, recording: Recording, worker: CaptureWorker, limits: RecorderLimits | None = None
    ) -> None:
        self._recording = recording
        self._worker = worker
        self._limits = limits or RecorderLimits()
        self._chunk_bytes = self._limits.chunk_bytes
        self._buffer = worker.empty_buffer()
        self._channels: dict[str, CaptureChannel] = {}
        # Also by the number of the connection: building the topic would cost as much as a frame.
        self._inbound: dict[int, CaptureChannel] = {}
        # So that a replay recognises the file that continues another one.
        self._run = secrets.token_hex(8)
        self._files = -1  # 0 is the placeholder until the first one begins
        recording.table.amended = set()
        self._anchor_ns = 0  # UTC minus the monotonic clock, when the file began
        self._file = self._new_start()
        self._feed: bytes | None = None  # the newest message of its channel
        self._end_ns = 0  # log time of the newest message
        self._received = self._dropped = 0
        self._submitted = 0  # `_received` when the last chunk was submitted
        self._gap = _Gap()
        self._failure: FileStart | None = None  # of which the log has the reason
        self._retry_at: float | None = None  # None: not stopped
        self._stop_reason = ""
        self._warned_at = float("-inf")
        self._timer: asyncio.TimerHandle | None = None

    async def __aenter__(self) -> Self:
        self._worker.start()
        self._begin_file()
        self._schedule()
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self.event("stopped")
        self._seal()
        self._worker.finish()
        within_s = self._limits.finish_within_s
        if not await asyncio.to_thread(self._worker.join, within_s):
            log.warning(
                "the capture could not be closed in %g s: the next collector completes it", within_s
            )
        self._note_failure(self._worker.state(), is_last=True)  # the last write may have failed
        status = self.status()
        log.info(
            "frames received %d = recorded %d + not recorded %d + unwritten %d",
            *(status.received, status.recorded, status.not_recorded, status.unwritten),
        )

    def frames(self, conn: int, view: memoryview, start: int, end: int, rt_ms: int) -> None:
        """Record the whole plain text frames in ``view[start:end]``, received at *rt_ms*."""
        if self._recording.table.amended:
            self._note_amended()
        channel = self._inbound.get(conn) or self._open_inbound(conn)
        # One time for all of them: a replay can repeat these reads. As `_log_ns`, without the call:
        # a read has often one frame, which is copied in less time than a call of Python takes.
        self._end_ns = log_ns = monotonic_ns() + self._anchor_ns
        buffer = self._buffer
        self._received += buffer.append_frames(channel, view, start, end, log_ns, rt_ms * 1_000_000)
        if len(buffer) >= self._chunk_bytes:
            self._seal()

    def message(self, conn: int, payload: bytes, rt_ms: int) -> None:
        """Record a message that came in fragments or compressed, received at *rt_ms*."""
        if self._recording.table.amended:
            self._note_amended()
        channel = self._inbound.get(conn) or self._open_inbound(conn)
        self._received += 1
        self._buffer.append(channel, payload, self._log_ns(), rt_ms * 1_000_000, is_frame=True)
        self._seal_if_full()

    def sent(self, conn: int, payload: bytes) -> None:
        """Record a message that was sent over connection *conn*."""
        self._add(contents.outbound(conn), payload, {"connection": str(conn)})

    def rest(
        self,
        path: str,
        params: Mapping[str, str],
        *,
        status: int | None = None,
        body: bytes = b"",
        error: str = "",
    ) -> None:
        """Record a REST exchange: its response, or the *error* in place of one."""
        self._add(contents.REST, contents.rest_exchange(path, params, status, body, error))

    def event(self, name: str, **values: object) -> None:
        """Record an event on the channel `control`."""
        self._add(contents.CONTROL, contents.event(name, values))

    def universe_changed(
        self, listed: Sequence[Instrument], delisted: Sequence[Instrument]
    ) -> None:
        """Record changes of the universe."""
        self._note_amended()  # an option that leaves the universe is marked before
        for payload in contents.instrument_lists(listed, delisted):
            self._add(contents.INSTRUMENTS, payload)

    def feed(self, fields: Mapping[str, str]) -> None:
        """Record all fields of the feed, as Redis has accepted them: what readers judge by."""
        self._feed = contents.feed(fields)
        self._add(contents.FEED, self._feed)

    def status(self) -> RecordingStatus:
        """Return state and counters."""
        # One reading of the worker's counters, which change together: so the terms always add up.
        worker = self._worker.state()
        state, reason = self._state(worker)
        return RecordingStatus(
            state=state,
            reason=reason,
            received=self._received,
            recorded=worker.recorded,
            not_recorded=self._dropped + worker.lost,
            unwritten=worker.waiting + self._buffer.frames,
            bytes_written=worker.bytes_written,
            files_closed=worker.files_closed,
            behind_s=worker.behind_s,
        )

    def statistics(self) -> Mapping[str, str]:
        """Return the fields of `stats`."""
        return self.status().fields()

    def _state(self, worker: WorkerState) -> tuple[State, str]:
        if worker.failed is self._file or worker.has_died:
            return "stopped", worker.reason
        if self._retry_at is not None:
            return "stopped", self._stop_reason
        if worker.behind_s > self._limits.slow_s:
            return "slow", f"the disk is {worker.behind_s:.0f} s behind"
        return "recording", ""

    def _log_ns(self) -> int:
        """Return UTC in ns, by a clock that is not set: within a file it never goes back."""
        self._end_ns = monotonic_ns() + self._anchor_ns
        return self._end_ns

    def _add(self, topic: str, payload: bytes, entries: Mapping[str, str] | None = None) -> None:
        channel = self._channels.get(topic) or self._open_channel(topic, entries or {})
        log_ns = self._log_ns()
        self._buffer.append(channel, payload, log_ns, log_ns)
        self._seal_if_full()

    def _seal_if_full(self) -> None:
        if len(self._buffer) >= self._limits.chunk_bytes:
            self._seal()

    def amended(self, symbol: str) -> None:
        """Note that the record of *symbol* changed otherwise than by the message just recorded."""
        if self._recording.table.amended is not None:
            self._recording.table.amended.add(symbol)

    def _note_amended(self) -> None:
        """Record the new records of symbols that changed otherwise than by a message."""
        table = self._recording.table
        if table.amended:
            symbols, table.amended = table.amended, set()
            for record in contents.table_records(table, symbols):
                self._add(contents.STATE, record)

    def _open_inbound(self, conn: int) -> CaptureChannel:
        topic = contents.inbound(conn)
        channel = self._channels.get(topic) or self._open_channel(topic, {"connection": str(conn)})
        self._inbound[conn] = channel
        return channel

    def _open_channel(self, topic: str, entries: Mapping[str, str]) -> CaptureChannel:
        number = len(self._channels) + 1
        if number > CHANNELS_MAX:  # of reconnects within an hour
            self._begin_file()
            return self._channels.get(topic) or self._open_channel(topic, entries)
        encoding = contents.STATE_ENCODING if topic == contents.STATE else contents.JSON
        self._file.channels.append(ChannelEntry(number, topic, encoding, entries))
        channel = self._channels[topic] = CaptureChannel(number)
        return channel

    def _schedule(self) -> None:
        # A timer, not a task: the recorder starts before the collector's tasks and outlives them.
        # Answers to the first requests and the end of the last connection are recorded, too.
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(self._limits.chunk_s, self._turn)

    def _turn(self) -> None:
        """Seal the chunk, and see whether a new file is due. On a timer."""
        self._schedule()
        try:
            self._advance(self._worker.state())
        # A bug. An exception of a callback ends the collector, and recording is no reason for that.
        except Exception as error:
            log.exception("recording failed")
            self._stop(contents.printable(f"internal error: {error!r}"))

    def _advance(self, worker: WorkerState) -> None:
        self._note_failure(worker)
        if self._account_for_lost_chunks(worker) and self._retry_at is None:
            self._note_gap()
        if self._retry_at is not None:
            # Frames go on to be counted: sealing a chunk of a stopped recording only drops it.
            if time.monotonic() < self._retry_at:
                self._seal()
                return
            self._seal()
            self._retry_at = None
            self._begin_file()
        elif self._needs_new_file(worker):
            self._note_epoch()
            self._begin_file()
        self._add(contents.CLOCK, contents.clock(time.time_ns(), time.monotonic_ns()))
        self._seal()

    def _note_failure(self, worker: WorkerState, *, is_last: bool = False) -> None:
        """Stop if the current file has failed; if a former one has, the current one goes on."""
        if worker.has_died:
            if self._retry_at != math.inf:
                self._retry_at, self._stop_reason = math.inf, worker.reason
                log.error("recording stopped: %s; collecting goes on", worker.reason)
            return
        if worker.failed is None or worker.failed is self._failure:
            return
        self._failure = worker.failed
        if worker.failed is not self._file:
            log.error("a capture could not be finished: %s; the next one goes on", worker.reason)
        elif is_last:
            log.error("recording stopped: %s", worker.reason)
        else:
            self._stop(worker.reason)

    def _stop(self, reason: str) -> None:
        self._stop_reason = reason
        self._retry_at = time.monotonic() + self._limits.retry_s
        log.error(
            "recording stopped: %s; collecting goes on, and a new file is tried every %.0f s",
            *(reason, self._limits.retry_s),
        )

    def _note_epoch(self) -> None:
        """Record a new epoch as the last event of the former one's file."""
        epoch = self._recording.table.epoch
        if epoch != self._file.epoch:
            self.event("lease", epoch=epoch)

    def _needs_new_file(self, worker: WorkerState) -> bool:
        now_ns = time.monotonic_ns() + self._anchor_ns
        return (
            now_ns // HOUR_NS != self._file.start_ns // HOUR_NS
            or abs(now_ns - time.time_ns()) > self._limits.step_ns
            or worker.large is self._file
            # So that names are true: the first file of a run, before the lease, is short.
            or self._recording.table.epoch != self._file.epoch
        )

    def _new_start(self) -> FileStart:
        recording = self._recording
        now_ns = time.time_ns()
        self._anchor_ns = now_ns - time.monotonic_ns()
        epoch = recording.table.epoch
        self._files += 1
        place = {"run": self._run, "file": str(self._files), "epoch": str(epoch)}
        opening = {**recording.opening, **place}
        return FileStart(now_ns, epoch, recording.library, opening)

    def _begin_file(self) -> None:
        """Begin a new file with the state of the market, so that it is complete by itself."""
        # What belongs to the former file goes there. Each file declares its own channels, numbered
        # from 1.
        if self._channels:
            self._note_amended()
        self._seal()
        self._channels.clear()
        self._inbound.clear()
        self._file = self._new_start()
        recording = self._recording
        recording.table.amended = set()  # what changed is in the records that follow
        self.event("started", **self._file.opening, skew_ms=recording.table.skew_ms)
        # Before what may fill this chunk: the gap is noted in the chunk that accounts for it.
        self._account_for_lost_chunks(self._worker.state())
        self._note_gap()
        listed = recording.instruments
        self.universe_changed(list(listed.values()), ())
        for record in contents.table_records(recording.table, recording.table):
            self._add(contents.STATE, record)
        # Until the next heartbeat, this one is what the liveness of the records follows from.
        if self._feed is not None:
            self._add(contents.FEED, self._feed)

    def _seal(self) -> None:
        """Submit the chunk, and begin another one."""
        buffer, now = self._buffer, time.monotonic()
        if not len(buffer):
            return
        chunk = SealedChunk(
            file=self._file,
            buffer=buffer,
            start_ns=_first_log_ns(buffer),
            end_ns=self._end_ns,
            received=self._received - self._submitted,
            dropped=self._gap.frames,
            sealed_at=now,
        )
        if self._retry_at is None and self._worker.submit(chunk):
            self._submitted = self._received
            self._gap = _Gap(self._gap.number + bool(self._gap.chunks))
            self._buffer = self._worker.empty_buffer()
            return
        is_stopped = self._retry_at is not None
        if not self._gap.chunks and not is_stopped:
            self._log_gap()
        reason = self._stop_reason if is_stopped else "the disk is too slow"
        self._gap.add(buffer.frames, chunk.start_ns, chunk.end_ns, reason)
        self._dropped += buffer.frames
        buffer.clear()
        if not is_stopped:
            self._note_gap()

    def _log_gap(self) -> None:
        """Warn of a slow disk, once in a while."""
        now = time.monotonic()
        if now - self._warned_at >= self._limits.warn_every_s:
            self._warned_at = now
            log.warning("the disk is too slow: recorded chunks are dropped; collecting goes on")

    def _account_for_lost_chunks(self, worker: WorkerState) -> bool:
        """Add to the gap what the worker has lost; return whether it has lost anything."""
        has_lost = False
        for chunk in self._worker.take_lost():
            # They were submitted: the next chunk accounts for their frames, and for those that they
            # accounted for.
            self._submitted -= chunk.received
            self._gap.add(chunk.received, chunk.start_ns, chunk.end_ns, worker.reason)
            has_lost = True
        return has_lost

    def _note_gap(self) -> None:
        """Begin the chunk with an event about the frames that are missing before it."""
        gap = self._gap
        if gap.chunks:
            self.event(
                "gap",
                # Not its start: that moves back when an earlier chunk proves to be lost.
                number=gap.number,
                frames=gap.frames,
                chunks=gap.chunks,
                start_ns=gap.start_ns,
                end_ns=gap.end_ns,
                reason=gap.reason,
            )


def _first_log_ns(buffer: CaptureBuffer) -> int:
    """Return the log time of the first message, the earliest one."""
    with buffer.contents() as data:
        log_ns: int = MESSAGE_HEAD.unpack_from(data)[4]
        return log_ns
