"""Checks of what is installed here."""

import importlib.util
import platform
import sys

import fastopts
from fastopts.cli.doctor.check import Check, Finding, green, red, yellow

__all__ = ("checks",)


def checks() -> list[Check]:
    return [Check("python", _python), Check("core", _core), Check("uvloop", _uvloop)]


async def _python() -> Finding:
    python = f"{platform.python_implementation()} {platform.python_version()}"
    return green(f"{python}, fastopts {fastopts.__version__}")


async def _core() -> Finding:
    try:
        from fastopts.core import IMPLEMENTATION
    except ImportError as error:
        words, _, remedy = str(error).partition(". ")
        return red(words, remedy or "install fastopts anew")
    if IMPLEMENTATION == "compiled":
        return green("compiled")
    return yellow(
        "the slow pure twin, as FASTOPTS_PURE says", "unset FASTOPTS_PURE, but for an experiment"
    )


async def _uvloop() -> Finding:
    if importlib.util.find_spec("uvloop") is not None:
        return green("there")
    if sys.platform == "win32" or platform.python_implementation() != "CPython":
        return green("asyncio's own loop: uvloop is not made for this platform")
    return yellow("missing: the collector takes 20 to 60 % more CPU", "pip install uvloop")
