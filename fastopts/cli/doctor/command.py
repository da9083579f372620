"""`fastopts doctor`: settings in, findings out."""

import asyncio
from collections.abc import Sequence
from contextlib import closing
from dataclasses import asdict
from typing import Annotated, Final

import typer
from rich.table import Table
from rich.text import Text

from fastopts.cli import options
from fastopts.cli.doctor import build, check
from fastopts.cli.doctor.check import Finding
from fastopts.cli.doctor.store import StoreChecks
from fastopts.cli.doctor.venue import VenueChecks
from fastopts.cli.options import Json, RedisUrl, setting
from fastopts.cli.output import printing
from fastopts.config import Settings
from fastopts.errors import one_line
from fastopts.net.redis import address
from fastopts.venues.bybit.hosts import Endpoints

__all__ = ("doctor",)

_STYLES: Final = {"green": "green", "yellow": "yellow", "red": "bold red", "skipped": "dim"}


def doctor(
    redis_url: RedisUrl = None,
    venue: Annotated[str | None, setting("venue")] = None,
    testnet: Annotated[bool | None, setting("testnet")] = None,
    rest_url: Annotated[str | None, setting("rest_url")] = None,
    ws_url: Annotated[str | None, setting("ws_url")] = None,
    insecure: Annotated[bool | None, setting("insecure")] = None,
    offline: Annotated[bool, typer.Option("--offline", help="leave the venue out")] = False,
    json: Json = False,
) -> None:
    """Check this build, Redis, the feed in it and the way to the venue, one after the other.

    What is yellow may go wrong, what is red does not work; both with a remedy. The venue's hosts
    are those that a collector with the same settings uses. It is asked once for tickers and once
    for its coins, and never again after a refusal.
    """
    settings = options.load(
        redis_url=redis_url,
        venue=venue,
        testnet=testnet,
        rest_url=rest_url,
        ws_url=ws_url,
        insecure=insecure,
    )
    endpoints = options.endpoints(settings)
    findings = asyncio.run(_examine(settings, endpoints, offline, is_shown=not json))
    is_fit = not any(finding.level == "red" for _, finding in findings)
    if json:
        checks = [{"check": name, **asdict(finding)} for name, finding in findings]
        printing.json_line({"venue": endpoints.venue, "ok": is_fit, "checks": checks})
    else:
        _show_sum([finding for _, finding in findings])
    raise typer.Exit(0 if is_fit else 1)


async def _examine(
    settings: Settings, endpoints: Endpoints, offline: bool, is_shown: bool
) -> list[tuple[str, Finding]]:
    """Run the checks; show each finding as soon as it is there."""
    source = options.source_of(settings, endpoints.venue)
    line = printing.venue(source.venue)
    if is_shown and line is not None:
        printing.show(line)
    found = []
    with closing(StoreChecks(address.parse(source.url, source.password), source.venue)) as store:
        checks = [*build.checks(), *store.checks()]
        if not offline:
            checks += VenueChecks(endpoints, settings.coins, settings.insecure).checks()
        async for name, finding in check.run(checks):
            found.append((name, finding))
            if is_shown:
                _show(name, finding)
    return found


def _show(name: str, finding: Finding) -> None:
    row = Table.grid(padding=(0, 1))
    row.add_column(width=7)
    row.add_column(width=11)
    row.add_column()
    words = Text(one_line(finding.words))
    if finding.remedy:
        words.append(f"\n-> {finding.remedy}", style="bold")
    row.add_row(Text(finding.level, style=_STYLES[finding.level]), name, words)
    printing.show(row)


def _show_sum(findings: Sequence[Finding]) -> None:
    counts = {level: sum(f.level == level for f in findings) for level in _STYLES}
    bad = [f"{counts[level]} {level}" for level in ("red", "yellow", "skipped") if counts[level]]
    printing.show(Text(", ".join(bad) if bad else f"all {len(findings)} green", style="bold"))
