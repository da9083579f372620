"""Recording collectors that are killed, again and again; what they leave is compared with what the
venue sent.

``python -m tests.capture.kills --trials 200`` writes the figures to ``reliability/capture.json``.

Each collector records into the same folder and completes the file of the one before. It is killed
at a random moment; its file is read with the official library before and after that.
"""

import argparse
import asyncio
import random
import signal
import sys
import tempfile
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final

from bench import results
from fastopts.sim import SimSettings
from tests.capture.judge import Capture, files, read, read_by_index
from tests.capture.venue import LoggingVenue
from tests.support.processes import environ
from tests.support.waiting import PATIENCE_S

__all__ = ("CaptureKillFigures", "kill_collectors")

# By then the first chunk is written on an idle machine; some are killed before they record.
LIFE_S: Final = (0.0, 3.0)
# What docs/recording.md promises.
LOST_MS_MAX: Final = 1000
# A collector lives 1.5 s on average, and loses the last 0.4 s: the share read is 0.7 or so.
READ_SHARE_MIN: Final = 0.5
SIM: Final = SimSettings(seed=3, symbols=120, rate=1500)


@dataclass
class CaptureKillFigures:
    """*lost_ms* is the time from the first frame that the file lacks to the kill."""

    trials: int = 0
    files: int = 0
    frames_sent: int = 0
    frames_read: int = 0
    never_sent: int = 0
    out_of_order: int = 0
    changed_by_recovery: int = 0
    unreadable: int = 0
    lost_ms: list[float] = field(default_factory=list)

    def content_faults(self) -> list[str]:
        """What files must never have, however busy the machine is."""
        names = ("never_sent", "out_of_order", "changed_by_recovery", "unreadable")
        return [f"{name}: {getattr(self, name)}" for name in names if getattr(self, name)]

    def faults(self) -> list[str]:
        """Also too much that is missing: only for a machine that is not overloaded."""
        faults = self.content_faults()
        late = sorted(round(ms) for ms in self.lost_ms if ms > LOST_MS_MAX)
        if late:
            faults.append(f"more than {LOST_MS_MAX} ms lost by {len(late)}: {late} ms")
        if self.frames_read < READ_SHARE_MIN * self.frames_sent:
            faults.append(f"only {self.frames_read} of {self.frames_sent} frames read")
        return faults


async def kill_collectors(root: Path, trials: int, seed: int = 1) -> CaptureKillFigures:
    """Kill *trials* collectors that record below *root*, and let the last one end in order."""
    figures, luck = CaptureKillFigures(), random.Random(seed)
    async with LoggingVenue(SIM) as venue:
        left: tuple[Path, Capture] | None = None
        for trial in range(trials + 1):
            known = set(files(root))
            process = await _start(root, venue)
            await _until_open(venue, process)
            is_last = trial == trials
            await asyncio.sleep(LIFE_S[1] if is_last else luck.uniform(*LIFE_S))
            if is_last:
                process.send_signal(signal.SIGTERM)
                await asyncio.wait_for(process.wait(), PATIENCE_S)
            else:
                process.kill()
                killed_at = time.monotonic()
                await process.wait()
                figures.trials += 1
            if left is not None:
                _compare_recovered(left, figures)
            new = sorted(set(files(root)) - known - {_final(left)})
            left = None
            figures.frames_sent += len(venue.log[-1])
            if not new and not is_last:  # not a single chunk was written
                figures.lost_ms.append(1000 * (killed_at - venue.log[-1][0][0]))
            for path in new:
                capture = read(path)
                if not is_last:
                    left = path, capture
                    _compare(capture, venue, figures, killed_at)
                else:
                    _compare(capture, venue, figures, None)
                    read_by_index(path)
    return figures


async def _start(root: Path, venue: LoggingVenue) -> asyncio.subprocess.Process:
    # No Redis: recording does not depend on it.
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "fastopts.track", "--venue", "sim", "--no-embedded"),
        *("--rest-url", venue.rest_url, "--ws-url", venue.ws_url),
        *("--coins", "BTC,ETH,SOL,XRP", "--redis-url", "redis://127.0.0.1:1"),
        *("--record", str(root), "--cache-file", str(root.parent / "cache.json")),
        env=environ(),
        stderr=asyncio.subprocess.DEVNULL,
    )


async def _until_open(venue: LoggingVenue, process: asyncio.subprocess.Process) -> None:
    """Wait for the collector's connection to be served."""
    known = len(venue.log)
    async with asyncio.timeout(PATIENCE_S):
        while len(venue.log) == known or not venue.log[-1]:
            assert process.returncode is None, "the collector ended by itself"
            await asyncio.sleep(0.01)


def _compare(
    capture: Capture, venue: LoggingVenue, figures: CaptureKillFigures, killed_at: float | None
) -> None:
    """Compare a file with the log of the venue's newest connection."""
    sent = venue.log[-1]
    found = [message for _, message in capture.frames()]
    figures.files += 1
    figures.frames_read += len(found)
    payloads = [payload for _, payload in sent[: len(found)]]
    if [message.data for message in found] != payloads:
        known = {payload for _, payload in sent}
        figures.never_sent += sum(message.data not in known for message in found)
        figures.out_of_order += 1
    if [message.sequence for message in found] != list(range(len(found))):
        figures.out_of_order += 1
    if killed_at is None:
        figures.out_of_order += len(found) > len(sent)
    elif len(found) < len(sent):
        figures.lost_ms.append(1000 * (killed_at - sent[len(found)][0]))


def _compare_recovered(left: tuple[Path, Capture], figures: CaptureKillFigures) -> None:
    """Check that the completed file has what the cut one had."""
    part, before = left
    final = _final(left)
    assert final is not None
    if part.exists():
        figures.unreadable += 1
        return
    if not final.exists():  # it held no whole chunk
        figures.changed_by_recovery += bool(before.messages)
        return
    after = read(final)
    read_by_index(final)
    figures.unreadable += not after.is_whole
    figures.changed_by_recovery += after.messages != before.messages


def _final(left: tuple[Path, Capture] | None) -> Path | None:
    return None if left is None else left[0].with_suffix("")


def main() -> None:
    """Run, and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=Path, default=Path("reliability/capture.json"))
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "captures"
        figures = asyncio.run(kill_collectors(root, arguments.trials, arguments.seed))
    values = asdict(figures)
    lost_ms = sorted(values.pop("lost_ms")) or [0.0]
    for name, share in (("median", 0.5), ("p90", 0.9), ("p99", 0.99), ("max", 1.0)):
        values[f"lost_ms_{name}"] = round(lost_ms[min(int(len(lost_ms) * share), len(lost_ms) - 1)])
    what = "recording collectors that were killed: their files, read by the official MCAP library"
    results.write(arguments.json, what, "python -m tests.capture.kills", arguments.seed, values)
    results.end(values, figures.faults())


if __name__ == "__main__":
    main()
