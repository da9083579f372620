"""Checks of the installation: Python, the compiled core, uvloop."""

import importlib.util
import platform
import sys

import fastopts
from fastopts.cli.doctor.check import Check, Finding, green, red, yellow

__all__ = ("checks",)


def checks() -> list[Check]:
    """Return the checks of this installation."""
    return [Check("python", _python), Check("core", _core), Check("uvloop", _uvloop)]


async def _python() -> Finding:
    python = f"{platform.python_implementation()} {platform.python_version()}"
    return green(f"{python}, fastopts {fastopts.__version__}")


async def _core() -> Finding:
    try:
        from fastopts.core import IMPLEMENTATION
    except ImportError as error:
        fault, _, remedy = str(error).partition(". ")
        return red(fault, remedy or "reinstall fastopts")
    if IMPLEMENTATION == "compiled":
        return green("compiled")
    return yellow(
        "the slow pure-Python version, selected by FASTOPTS_PURE",
        "unset FASTOPTS_PURE, except for experiments",
    )


async def _uvloop() -> Finding:
    if importlib.util.find_spec("uvloop") is not None:
        return green("installed")
    if sys.platform == "win32" or platform.python_implementation() != "CPython":
        return green("not available for this platform; asyncio's own loop is used")
    return yellow(
        "not installed: the collector uses 20 to 60 % more CPU without it", "pip install uvloop"
    )
