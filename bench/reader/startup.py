"""What a process pays before its first read, and what it loads for it.

Each start is a new interpreter. It logs in with user and password, over TCP.
"""

import ast
import statistics
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

import redis

from bench.reader.contenders.common import Market
from bench.worker_process import ROOT

__all__ = ("FASTOPTS", "Start", "run")

USER, PASSWORD = "bench", "a-password"
STRANGERS = ("asyncio", "numpy", "pandas", "redis", "ssl")
FASTOPTS = "fastopts.reader, 100 options read"

_FRAME = """\
import sys, time
url, venue, *symbols = sys.argv[1:]
begin, cpu = time.perf_counter(), time.process_time()
{load}
times_ms = [1000 * (time.perf_counter() - begin), 1000 * (time.process_time() - cpu)]
{use}
resident = open("/proc/self/status").read().split("VmRSS:")[1].split()[0]
print([*times_ms, int(resident) * 1024 / 1e6, sorted(sys.modules)])
"""
_PROGRAMS = {
    "Python alone": _FRAME.format(load="", use=""),
    FASTOPTS: _FRAME.format(
        load="from fastopts.reader import OptionReader",
        use="[one.mid for one in OptionReader(url, venue).get_many(symbols, strict=True)]",
    ),
    "redis-py, one key read": _FRAME.format(
        load="import redis", use="redis.Redis.from_url(url).hgetall('option:' + symbols[0])"
    ),
}


_Look = tuple[float, float, float, list[str]]


@dataclass(frozen=True, slots=True)
class Start:
    """Medians of the starts; *strangers* are loaded though they cost much."""

    import_ms: float
    import_cpu_ms: float
    rss_mb: float
    strangers: list[str]


def run(given: Market, starts: int) -> Mapping[str, Start]:
    """Start every program in turns; the first time of each, which may compile, is not counted."""
    arguments = [_with_password(given.url), given.venue, *given.symbols]
    looks: dict[str, list[_Look]] = {name: [] for name in _PROGRAMS}
    for _ in range(starts + 1):
        for name, program in _PROGRAMS.items():
            looks[name].append(_start(program, arguments))
    return {name: _sum_up(found[1:]) for name, found in looks.items()}


def _start(program: str, arguments: list[str]) -> _Look:
    command = [sys.executable, "-c", program, *arguments]
    done = subprocess.run(command, stdout=subprocess.PIPE, cwd=ROOT, check=True)
    look: _Look = tuple(ast.literal_eval(done.stdout.decode()))
    return look


def _sum_up(found: list[_Look]) -> Start:
    import_ms, import_cpu_ms, rss_mb, modules = zip(*found, strict=True)
    loaded = {name for names in modules for name in names}
    return Start(
        statistics.median(import_ms),
        statistics.median(import_cpu_ms),
        statistics.median(rss_mb),
        [name for name in STRANGERS if name in loaded],
    )


def _with_password(url: str) -> str:
    with redis.Redis.from_url(url) as client:
        client.acl_setuser(
            USER, enabled=True, passwords=[f"+{PASSWORD}"], keys=["*"], categories=["+@all"]
        )
    return f"redis://{USER}:{PASSWORD}@{urlsplit(url).netloc}"
