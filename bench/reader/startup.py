"""Import time, memory and loaded modules of a process up to its first read.

Each start is a new interpreter that logs in with user and password, over TCP.
"""

import ast
import statistics
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

import redis

from bench.reader.contenders.common import Workload
from bench.worker_process import ROOT

__all__ = ("FASTOPTS", "Start", "run")

USER, PASSWORD = "bench", "a-password"
# Modules that cost tens of milliseconds or megabytes; the sync reader must work without them.
HEAVY_MODULES = ("asyncio", "numpy", "pandas", "redis", "ssl")
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
        use="[o.mid for o in OptionReader(url, venue).get_many(symbols, strict=True)]",
    ),
    "redis-py, one key read": _FRAME.format(
        load="import redis", use="redis.Redis.from_url(url).hgetall('option:' + symbols[0])"
    ),
}

# Import time in ms, its CPU time in ms, resident MB, names of the loaded modules.
_Output = tuple[float, float, float, list[str]]


@dataclass(frozen=True, slots=True)
class Start:
    """Medians of the starts; *strangers*: the heavy modules that were loaded."""

    import_ms: float
    import_cpu_ms: float
    rss_mb: float
    strangers: list[str]


def run(workload: Workload, starts: int) -> Mapping[str, Start]:
    """Start every program *starts* times, in turns."""
    arguments = [_with_password(workload.url), workload.venue, *workload.symbols]
    outputs: dict[str, list[_Output]] = {name: [] for name in _PROGRAMS}
    for _ in range(starts + 1):
        for name, program in _PROGRAMS.items():
            outputs[name].append(_start(program, arguments))
    # The first start of each may compile modules and read them from disk: it is not counted.
    return {name: _summarize(rows[1:]) for name, rows in outputs.items()}


def _start(program: str, arguments: list[str]) -> _Output:
    command = [sys.executable, "-c", program, *arguments]
    process = subprocess.run(command, stdout=subprocess.PIPE, cwd=ROOT, check=True)
    output: _Output = tuple(ast.literal_eval(process.stdout.decode()))
    return output


def _summarize(outputs: list[_Output]) -> Start:
    import_ms, import_cpu_ms, rss_mb, modules = zip(*outputs, strict=True)
    loaded = {name for names in modules for name in names}
    return Start(
        statistics.median(import_ms),
        statistics.median(import_cpu_ms),
        statistics.median(rss_mb),
        [name for name in HEAVY_MODULES if name in loaded],
    )


def _with_password(url: str) -> str:
    """Add a user to the server; return the URL that logs in as that user over TCP."""
    with redis.Redis.from_url(url) as client:
        client.acl_setuser(
            USER, enabled=True, passwords=[f"+{PASSWORD}"], keys=["*"], categories=["+@all"]
        )
    return f"redis://{USER}:{PASSWORD}@{urlsplit(url).netloc}"
