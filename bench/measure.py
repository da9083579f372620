"""CPU and memory of other processes, from the kernel, and differences between two samples."""

import ctypes
import itertools
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ("Sample", "Window", "cpu_s", "rss_mb", "sample", "waited_s", "wakeups", "windows")

_LIBC = ctypes.CDLL(None, use_errno=True)


def cpu_s(pid: int) -> float:
    """Return the CPU time of the process so far (user and system, all threads), in seconds.

    Raises OSError if there is no such process.
    """
    # Not /proc/PID/stat: it counts in ticks of 10 ms, this clock in nanoseconds.
    clock = ctypes.c_int()
    error = _LIBC.clock_getcpuclockid(pid, ctypes.byref(clock))
    if error:
        raise OSError(error, os.strerror(error))
    return time.clock_gettime(clock.value)


def waited_s(pid: int) -> float:
    """Return how long the process's main thread was ready to run without a core, in seconds."""
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[1]) / 1e9


def wakeups(pid: int) -> int:
    """Return the number of voluntary context switches of the process's main thread."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("voluntary_")).split()[1])


def rss_mb(pid: int) -> tuple[float, float]:
    """Return the resident memory and its peak so far, in MB (10**6 bytes)."""
    fields = dict(
        line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines()
    )
    now, peak = (int(fields[name].split()[0]) * 1024 / 1e6 for name in ("VmRSS", "VmHWM"))
    return now, peak


@dataclass(frozen=True, slots=True)
class Sample:
    """State of the three processes, right after a status line of the contender (the client)."""

    at: float  # time.monotonic()
    status: dict[str, Any]
    client_cpu_s: float
    server_cpu_s: float
    replay_cpu_s: float
    replay_waited_s: float
    rss_mb: float
    rss_mb_max: float
    wakeups: int = 0


def sample(status: dict[str, Any], client: int, server: int, replay: int) -> Sample:
    """Read the clocks and the memory of the three processes, given by their IDs."""
    # The client's CPU first and the time right after it: its share of a core is the main figure.
    client_cpu_s = cpu_s(client)
    at = time.monotonic()
    now_mb, peak_mb = rss_mb(client)
    return Sample(
        at=at,
        status=status,
        client_cpu_s=client_cpu_s,
        server_cpu_s=cpu_s(server),
        replay_cpu_s=cpu_s(replay),
        replay_waited_s=waited_s(replay),
        rss_mb=now_mb,
        rss_mb_max=peak_mb,
        wakeups=wakeups(client),
    )


@dataclass(frozen=True, slots=True)
class Window:
    """Differences between two samples. Times in us or s, per message received or in total."""

    seconds: float
    messages: float
    updates: float
    reads: float | None
    client_us: float  # per message
    client_share: float  # of one core
    server_us: float  # per message
    server_us_an_update: float | None
    server_share: float
    replay_share: float  # of the time, running or waiting for a core; 1: it limits the rate
    rss_mb: float
    rss_mb_max: float
    wakeup_rate: float = 0.0

    @property
    def rate(self) -> float:
        """Messages received per second."""
        return self.messages / self.seconds

    @property
    def update_rate(self) -> float:
        """Updates written per second."""
        return self.updates / self.seconds


def window(first: Sample, last: Sample, frame_bytes: float) -> Window:
    """Return the differences between two samples.

    *frame_bytes*: the mean size of a frame, for a contender that counts bytes only.
    """

    def gained(name: str) -> float:
        return float(last.status.get(name, 0) - first.status.get(name, 0))

    seconds = last.at - first.at
    messages = gained("received") or gained("bytes") / frame_bytes or 1.0
    updates = gained("written")
    client_s = last.client_cpu_s - first.client_cpu_s
    server_s = last.server_cpu_s - first.server_cpu_s
    replay_s = last.replay_cpu_s - first.replay_cpu_s
    # On a busy machine the source may be late because it has no core: that limits the rate, too.
    replay_s += last.replay_waited_s - first.replay_waited_s
    return Window(
        seconds=seconds,
        messages=messages,
        updates=updates,
        reads=gained("reads") or None,
        client_us=client_s / messages * 1e6,
        client_share=client_s / seconds,
        server_us=server_s / messages * 1e6,
        server_us_an_update=server_s / updates * 1e6 if updates else None,
        server_share=server_s / seconds,
        replay_share=replay_s / seconds,
        rss_mb=last.rss_mb,
        rss_mb_max=last.rss_mb_max,
        wakeup_rate=(last.wakeups - first.wakeups) / seconds,
    )


def windows(samples: list[Sample], seconds: int, frame_bytes: float) -> list[Window]:
    """Return consecutive windows of *seconds* each, from samples taken once a second."""
    ends = samples[::seconds]
    return [window(first, last, frame_bytes) for first, last in itertools.pairwise(ends)]
