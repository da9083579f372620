"""Checks and their findings, and the loop that runs them in order."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from fastopts.errors import ConfigError, FastoptsError

__all__ = ("Check", "Finding", "green", "red", "run", "yellow")

Level = Literal["green", "yellow", "red", "skipped"]


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of a check and, unless it is green, the remedy."""

    level: Level
    summary: str
    remedy: str = ""


def green(summary: str) -> Finding:
    """Return the finding of a check that passed."""
    return Finding("green", summary)


def yellow(summary: str, remedy: str) -> Finding:
    """Return a finding about something that works, but may fail later."""
    return Finding("yellow", summary, remedy)


def red(summary: str, remedy: str) -> Finding:
    """Return the finding of a check that failed."""
    return Finding("red", summary, remedy)


@dataclass(frozen=True, slots=True)
class Check:
    """One check. *remedy* applies when *run* raises, or takes longer than *limit_s*.

    A check is skipped when one of those that it *needs* failed or was skipped.
    """

    name: str
    run: Callable[[], Awaitable[Finding]]
    remedy: str = "try again"
    needs: Sequence[str] = ()
    limit_s: float = 5.0  # a host that drops packets would hold up the command for minutes


async def run(checks: Sequence[Check]) -> AsyncIterator[tuple[str, Finding]]:
    """Yield the name and the finding of each check, in order."""
    causes: dict[str, str] = {}  # a check that failed or was skipped: the check that failed first
    for check in checks:
        cause = next((causes[name] for name in check.needs if name in causes), None)
        if cause is None:
            finding = await _finding(check)
        else:
            finding = Finding("skipped", f"not run: {cause} failed")
        if finding.level in ("red", "skipped"):
            causes[check.name] = cause or check.name
        yield check.name, finding


async def _finding(check: Check) -> Finding:
    try:
        async with asyncio.timeout(check.limit_s):
            return await check.run()
    except TimeoutError:
        return red(f"no response within {check.limit_s:g} s", check.remedy)
    except ConfigError as error:
        return red(str(error), "change this setting")
    except (FastoptsError, OSError) as error:
        return red(str(error), check.remedy)
    except Exception as error:  # noqa: BLE001 - an unforeseen response must not end the other checks
        return red(
            f"unexpected error: {type(error).__name__}: {error}",
            "report this line as a bug of fastopts",
        )
