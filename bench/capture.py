"""`python -m bench.capture`: the cost and the size of recording, beside other ways to record.

Three questions. What does a frame cost in the buffer and in the thread, and how large is it in the
file, beside the official MCAP writer and gzip JSON lines with the same frames? What does the event
loop spend on it in the recorder, when a read of the socket has one frame, and when it has more? And
at 2,600 messages/s, how much more CPU does the whole collector use when it records, and how much
later does a subscriber of Redis get a tick?
"""

import argparse
import asyncio
import gzip
import json
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from mcap.writer import CompressionType, Writer

from bench import latency, machine, plan, table
from bench.goals import Goal
from bench.latency import Delays
from bench.plan import LoadFigures
from bench.session import Contender
from fastopts.capture.file import CaptureFile
from fastopts.capture.folder import CaptureFolder
from fastopts.capture.recorder import Recorder, Recording
from fastopts.capture.summary import ChannelEntry
from fastopts.capture.worker import CaptureWorker
from fastopts.core import CaptureBuffer, CaptureChannel
from fastopts.sim import SimSettings
from fastopts.sim.feed import SendQueue, SimFeed
from fastopts.sim.prices.market import SimMarket
from fastopts.venues.bybit.ticker_table import new_table

__all__ = ("Cost", "costs", "frames", "loop_costs", "run_collector", "run_latency")

RATE = 3400.0  # messages/s of the simulated market of 2,000 options
SYMBOLS = 2000
CHUNK_BYTES = 4 << 20
READ_FRAMES = 13  # a read on the 5 ms clock at 2,600 messages/s
# A read for each message, as a quiet market has; a few; and the above.
READS = (1, 4, READ_FRAMES)
KEEP_BYTES = 4 << 30
STEP_MS = 5
DAY_S = 86_400


@dataclass(frozen=True, slots=True)
class Cost:
    """CPU of one way to record, in us a frame, and the *ratio* of payloads to the file."""

    name: str
    loop_us: float | None
    """Copying it into the buffer, before the thread; None for ways without one."""
    worker_us: float
    ratio: float


def frames(seconds: float) -> list[bytes]:
    """Return WebSocket frames of *seconds* of a simulated market."""
    settings = SimSettings(seed=1, symbols=SYMBOLS, rate=RATE)
    start_ms = 1_795_000_000_000
    market = SimMarket(settings.coins, SYMBOLS, 1, start_ms, round(settings.delivering_s * 1000))
    feed, queue = SimFeed(market, settings), SendQueue()
    for symbol in [name for name in market.options if feed.is_trading(name)]:
        feed.subscribe(queue, symbol)
    for step in range(round(seconds * 1000 / STEP_MS)):
        feed.advance(start_ms + step * STEP_MS)
        feed.push(step * STEP_MS / 1000)
    return queue.frames


def costs(sent: Sequence[bytes], folder: Path, rounds: int) -> list[Cost]:
    """Record the frames *sent* each way, *rounds* times in turns; medians."""
    payloads = [frame[4:] for frame in sent]  # the header of a frame of 126 to 65,535 bytes
    ways: dict[str, Callable[[Path], tuple[float | None, float]]] = {
        "fastopts": partial(_fastopts, sent),
        "mcap (official, Python)": partial(_official, payloads),
        "gzip JSON lines": partial(_gzip_lines, payloads),
    }
    measured: dict[str, list[tuple[float | None, float]]] = {name: [] for name in ways}
    sizes = {}
    for _ in range(rounds):
        for name, record in ways.items():
            path = folder / "capture.part"
            measured[name].append(record(path))
            [written] = folder.iterdir()
            sizes[name] = written.stat().st_size
            written.unlink()
    total = sum(map(len, payloads))
    return [
        Cost(
            name,
            loop_us=_median([loop for loop, _ in figures]),
            worker_us=_median([worker for _, worker in figures]) or 0.0,
            ratio=total / sizes[name],
        )
        for name, figures in measured.items()
    ]


def _fastopts(sent: Sequence[bytes], path: Path) -> tuple[float, float]:
    """Record in reads of READ_FRAMES frames; return the CPU of both threads in us a frame."""
    reads = [b"".join(sent[at : at + READ_FRAMES]) for at in range(0, len(sent), READ_FRAMES)]
    views = [memoryview(bytearray(data)) for data in reads]
    file, buffer, channel = CaptureFile(path, "bench", {}), CaptureBuffer(), CaptureChannel(1)
    # A recorder reuses its buffers: the memory of the first chunk of its life is no figure.
    buffer.append(channel, bytes(CHUNK_BYTES + (1 << 20)), 0, 0)
    buffer.clear()
    entries = [ChannelEntry(1, "in/1", "json")]
    loop_s = worker_s = 0.0
    at = 0
    while at < len(views):
        started = time.process_time()
        while at < len(views) and len(buffer) < CHUNK_BYTES:
            view = views[at]
            buffer.append_frames(channel, view, 0, len(view), 1_795_000_000_000_000_000 + at, 0)
            at += 1
        filled = time.process_time()
        with buffer.contents() as data:
            file.write_chunk(data, 1, at, buffer.counts, entries)
        buffer.clear()
        loop_s += filled - started
        worker_s += time.process_time() - filled
        entries = []
    file.close({})
    return 1e6 * loop_s / len(sent), 1e6 * worker_s / len(sent)


def loop_costs(sent: Sequence[bytes], folder: Path, rounds: int) -> dict[int, float]:
    """Return the CPU of the event loop for `Recorder.frames` in us a frame, by frames a read."""
    measured: dict[int, list[float]] = {size: [] for size in READS}
    for number in range(rounds):
        for size, figures in measured.items():
            root = folder / f"{number}-{size}"
            figures.append(asyncio.run(_loop_us(sent, size, root)))
            shutil.rmtree(root)
    return {size: statistics.median(figures) for size, figures in measured.items()}


async def _loop_us(sent: Sequence[bytes], size: int, root: Path) -> float:
    reads = (b"".join(sent[at : at + size]) for at in range(0, len(sent), size))
    views = [memoryview(bytearray(data)) for data in reads]
    worker = CaptureWorker(CaptureFolder(root, "sim", KEEP_BYTES))
    spent_s, turn = 0.0, max(CHUNK_BYTES // (1000 * size), 1)
    async with Recorder(Recording(new_table(), {}, "bench", {}), worker) as recorder:
        for at in range(0, len(views), turn):
            started = time.thread_time()
            for view in views[at : at + turn]:
                recorder.frames(1, view, 0, len(view), 1_795_000_000_000)
            spent_s += time.thread_time() - started
            # Else chunks would be dropped, which costs less.
            while worker.state().waiting:  # noqa: ASYNC110
                await asyncio.sleep(0.001)
    if recorder.status().not_recorded:
        raise RuntimeError(f"the disk is too slow to measure: {recorder.status()}")
    return 1e6 * spent_s / len(sent)


def _official(payloads: Sequence[bytes], path: Path) -> tuple[None, float]:
    started = time.process_time()
    with path.open("wb") as file:
        writer = Writer(file, chunk_size=CHUNK_BYTES, compression=CompressionType.ZSTD)
        writer.start("fastopts", "bench")
        channel = writer.register_channel("in/1", "json", 0)
        for number, payload in enumerate(payloads):
            writer.add_message(channel, 1_795_000_000_000_000_000 + number, payload, number)
        writer.finish()  # type: ignore[no-untyped-call]
    return None, 1e6 * (time.process_time() - started) / len(payloads)


def _gzip_lines(payloads: Sequence[bytes], path: Path) -> tuple[None, float]:
    """Receive time and message, a line each: the form of several public recorders."""
    started = time.process_time()
    with gzip.open(path, "wb", compresslevel=6) as file:
        for number, payload in enumerate(payloads):
            file.write(b"%d %b\n" % (1_795_000_000_000_000_000 + number, payload))
    return None, 1e6 * (time.process_time() - started) / len(payloads)


def run_collector(folder: Path, rounds: int, window_s: int) -> dict[str, LoadFigures]:
    """Run the collector at a pace with and without recording, in turns, beside the floor."""
    contenders = (plan.FLOOR, plan.FASTOPTS, _recording(folder))
    load = replace(plan.PACED, contenders=contenders, window_s=window_s)
    paced = replace(plan.FULL, loads=(load,), rounds=rounds)
    return plan.run(paced, 1500, folder, lambda *_: None)[load.title]


def run_latency(folder: Path, rounds: int, seconds: float) -> dict[str, list[Delays]]:
    """Return the delays of ticks without and with recording: pairs, one after the other."""
    contenders = (plan.FASTOPTS, _recording(folder))
    delays: dict[str, list[Delays]] = {contender.name: [] for contender in contenders}
    for number in range(rounds):
        # Each is first in turn: the load of a shared machine drifts.
        for name, each in latency.run(contenders[:: -1 if number % 2 else 1], seconds).items():
            delays[name].append(each)
    return delays


def _recording(folder: Path) -> Contender:
    options = ("--record", str(folder), "--record-keep", "1GB")
    return replace(plan.FASTOPTS, name="fastopts, recording", options=options)


def _median(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return statistics.median(known) if known else None


def _goals(
    measured: Sequence[Cost], by_read: dict[int, float], figures: dict[str, LoadFigures]
) -> Iterator[Goal]:
    ours = measured[0]
    for size, loop_us in by_read.items():
        yield Goal(f"event loop, {size} a read, us a frame", loop_us, 0.1)
    yield Goal("thread, us a frame", ours.worker_us, 2.0)
    yield Goal("payloads over file", ours.ratio, 5.0, is_least=True)
    floor, plain, recording = (figure.client_us for figure in figures.values())
    yield Goal("recording at 2,600/s, floors more", (recording - plain) / floor, 0.3)


def _costs_table(measured: Sequence[Cost], size: float) -> str:
    rows = [
        (
            cost.name,
            "-" if cost.loop_us is None else f"{cost.loop_us:.3f}",
            f"{cost.worker_us:.2f}",
            f"{cost.ratio:.2f}",
            f"{size * RATE * DAY_S / cost.ratio / 1e9:.1f}",
        )
        for cost in measured
    ]
    heads = ("way to record", "buffer us/frame", "thread us/frame", "ratio", "GB/day at 3,400/s")
    return table.aligned([heads, *rows])


def _loop_table(by_read: dict[int, float]) -> str:
    rows = [(str(size), f"{loop_us:.3f}") for size, loop_us in by_read.items()]
    return table.aligned([("frames a read", "event loop us/frame"), *rows])


def _latency_table(delays: dict[str, list[Delays]]) -> str:
    rows = [
        (
            name,
            *(
                f"{statistics.median(values):.2f} ({min(values):.2f}-{max(values):.2f})"
                for values in ([each.p50_ms for each in runs], [each.p99_ms for each in runs])
            ),
        )
        for name, runs in delays.items()
    ]
    return table.aligned([("tick to subscriber", "p50 ms (range)", "p99 ms (range)"), *rows])


def main() -> None:
    """Run the bench with the options of the command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.capture", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="smoke test, half a minute")
    parser.add_argument("--json", action="store_true", help="print JSON instead of tables")
    arguments = parser.parse_args()
    rounds, seconds, window_s = (1, 2.0, 2) if arguments.quick else (5, 12.0, 4)
    pairs, latency_s = (1, 2.0) if arguments.quick else (8, 6.0)
    facts = machine.describe()
    sent = frames(seconds)
    with tempfile.TemporaryDirectory(prefix="fastopts-bench-") as folder:
        measured = costs(sent, Path(folder), rounds)
        by_read = loop_costs(sent, Path(folder), rounds)
    with tempfile.TemporaryDirectory(prefix="fastopts-bench-") as folder:
        figures = run_collector(Path(folder), rounds, window_s)
        delays = run_latency(Path(folder), pairs, latency_s)
    size = statistics.mean(map(len, sent))
    goals = list(_goals(measured, by_read, figures))
    if arguments.json:
        result: dict[str, Any] = {
            "machine": facts,
            "frames": len(sent),
            "costs": [asdict(cost) for cost in measured],
            "loop_us": by_read,
            "latency": {name: [asdict(each) for each in runs] for name, runs in delays.items()},
            "collector": {name: asdict(each) for name, each in figures.items()},
            "goals": [asdict(goal) for goal in goals],
        }
        print(json.dumps(result))
    else:
        print(table.machine(facts))
        print(f"\n{len(sent):,} frames of {size:.0f} bytes on average\n")
        print(_costs_table(measured, size))
        print(f"\n{_loop_table(by_read)}")
        print(f"\n{table.load(plan.PACED.title, 1500, figures)}")
        print(f"\n{_latency_table(delays)}\n\n{table.goals(goals)}")
    sys.exit(0)


if __name__ == "__main__":
    main()
