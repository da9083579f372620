"""What a check is, what it finds, and how one after the other is run."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from fastopts.errors import ConfigError, FastoptsError

__all__ = ("Check", "Finding", "green", "red", "run", "yellow")

Level = Literal["green", "yellow", "red", "skipped"]


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found and, unless it is green, what to do about it."""

    level: Level
    words: str
    remedy: str = ""


def green(words: str) -> Finding:
    """All is well."""
    return Finding("green", words)


def yellow(words: str, remedy: str) -> Finding:
    """It works, but something may go wrong."""
    return Finding("yellow", words, remedy)


def red(words: str, remedy: str) -> Finding:
    """It does not work."""
    return Finding("red", words, remedy)


@dataclass(frozen=True, slots=True)
class Check:
    """One question. *remedy* is for the case that *run* raises or takes longer than *limit_s*.

    It is not tried when one of those that it *needs* is red.
    """

    name: str
    run: Callable[[], Awaitable[Finding]]
    remedy: str = "try again"
    needs: Sequence[str] = ()
    limit_s: float = 5.0


async def run(checks: Sequence[Check]) -> AsyncIterator[tuple[str, Finding]]:
    """Yield the name of each check and what it found."""
    culprits: dict[str, str] = {}  # what failed or was not tried -> what failed first
    for check in checks:
        culprit = next((culprits[name] for name in check.needs if name in culprits), None)
        if culprit is None:
            finding = await _find(check)
        else:
            finding = Finding("skipped", f"not tried: {culprit} failed")
        if finding.level in ("red", "skipped"):
            culprits[check.name] = culprit or check.name
        yield check.name, finding


async def _find(check: Check) -> Finding:
    try:
        async with asyncio.timeout(check.limit_s):
            return await check.run()
    except TimeoutError:
        return red(f"no answer in {check.limit_s:g} s", check.remedy)
    except ConfigError as error:
        return red(str(error), "change that setting")
    except (FastoptsError, OSError) as error:
        return red(str(error), check.remedy)
    except Exception as error:  # noqa: BLE001 - whatever an odd peer says, the other checks run
        return red(f"can't be judged: {type(error).__name__}: {error}", "report it with this line")
