"""CPU and memory of other processes, from the kernel; and the differences between two looks."""

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
    """CPU time of the process so far (user and system, all its threads), to the nanosecond."""
    clock = ctypes.c_int()
    error = _LIBC.clock_getcpuclockid(pid, ctypes.byref(clock))
    if error:
        raise OSError(error, os.strerror(error))
    return time.clock_gettime(clock.value)


def waited_s(pid: int) -> float:
    """How long the process's main thread was ready to run and had no core."""
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[1]) / 1e9


def wakeups(pid: int) -> int:
    """How often the process's main thread has gone to sleep of its own accord."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("voluntary_")).split()[1])


def rss_mb(pid: int) -> tuple[float, float]:
    """Resident memory in MB (10**6 bytes): now, and the most so far."""
    fields = dict(
        line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines()
    )
    now, most = (int(fields[name].split()[0]) * 1024 / 1e6 for name in ("VmRSS", "VmHWM"))
    return now, most


@dataclass(frozen=True, slots=True)
class Sample:
    """One look at everything, right after a contender's status line."""

    at: float
    status: dict[str, Any]
    client_cpu_s: float
    server_cpu_s: float
    replay_cpu_s: float
    replay_waited_s: float
    rss_mb: float
    rss_mb_max: float
    wakeups: int = 0


def sample(status: dict[str, Any], client: int, server: int, replay: int) -> Sample:
    """Look at the three processes, the client's first."""
    client_cpu_s = cpu_s(client)
    at = time.monotonic()
    return Sample(
        *(at, status, client_cpu_s, cpu_s(server), cpu_s(replay), waited_s(replay)),
        *rss_mb(client),
        wakeups(client),
    )


@dataclass(frozen=True, slots=True)
class Window:
    """What happened between two samples. Times in us or s, per message received or overall."""

    seconds: float
    messages: float
    updates: float
    reads: float | None
    client_us: float  # per message
    client_share: float  # of one core
    server_us: float  # per message
    server_us_an_update: float | None
    server_share: float
    replay_share: float  # of the time, running or waiting for a core: 1 means it can't do more
    rss_mb: float
    rss_mb_max: float
    wakeup_rate: float = 0.0

    @property
    def rate(self) -> float:
        return self.messages / self.seconds

    @property
    def update_rate(self) -> float:
        return self.updates / self.seconds


def window(first: Sample, last: Sample, frame_bytes: float) -> Window:
    """*frame_bytes*: the mean size of a frame, for a contender that counts bytes only."""

    def gained(name: str) -> float:
        return float(last.status.get(name, 0) - first.status.get(name, 0))

    seconds = last.at - first.at
    messages = gained("received") or gained("bytes") / frame_bytes or 1.0
    updates = gained("written")
    client_s = last.client_cpu_s - first.client_cpu_s
    server_s = last.server_cpu_s - first.server_cpu_s
    replay_s = last.replay_cpu_s - first.replay_cpu_s
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
    """Windows of *seconds* each, end to end, out of samples taken once a second."""
    marks = samples[::seconds]
    return [window(a, b, frame_bytes) for a, b in itertools.pairwise(marks)]
