"""`fastopts doctor`: parse the options, run the checks, print the findings."""

import asyncio
from collections.abc import Sequence
from contextlib import closing
from typing import Annotated, Final

from rich.table import Table
from rich.text import Text

from fastopts.cli import options
from fastopts.cli.doctor import build, check
from fastopts.cli.doctor.check import Finding
from fastopts.cli.doctor.store import StoreChecks
from fastopts.cli.doctor.venue import VenueChecks
from fastopts.cli.options import JsonOption
from fastopts.cli.output import printing
from fastopts.cli.setting_options import setting
from fastopts.command_line import option
from fastopts.config import Settings
from fastopts.errors import one_line
from fastopts.net.redis import address
from fastopts.venues.bybit.hosts import Endpoints

__all__ = ("doctor",)

_STYLES: Final = {"green": "green", "yellow": "yellow", "red": "bold red", "skipped": "dim"}


def doctor(
    venue: Annotated[str | None, setting("venue")] = None,
    testnet: Annotated[bool | None, setting("testnet")] = None,
    rest_url: Annotated[str | None, setting("rest_url")] = None,
    ws_url: Annotated[str | None, setting("ws_url")] = None,
    insecure: Annotated[bool | None, setting("insecure")] = None,
    redis_url: Annotated[str | None, setting("redis_url")] = None,
    offline: Annotated[bool, option(help="skip the checks of the venue")] = False,
    json: JsonOption = False,
) -> int:
    """Check the installation, Redis, the feed in it and the connection to the venue.

    Green: works. Yellow: works, but may fail. Red: does not work. Yellow and red come with a
    remedy. The exit code is 1 when a check is red.

    The venue's hosts are those of a collector with the same settings. The venue gets one request
    for tickers and one for its coins, and none after it has refused one.
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
    findings = asyncio.run(_run(settings, endpoints, offline, is_shown=not json))
    is_good = not any(finding.level == "red" for _, finding in findings)
    if json:
        checks = [_values(name, finding) for name, finding in findings]
        printing.json_line({"venue": endpoints.venue, "ok": is_good, "checks": checks})
    else:
        _show_total([finding for _, finding in findings])
    return 0 if is_good else 1


def _values(name: str, finding: Finding) -> dict[str, str]:
    return {
        "check": name,
        "level": finding.level,
        "words": finding.summary,
        "remedy": finding.remedy,
    }


async def _run(
    settings: Settings, endpoints: Endpoints, offline: bool, is_shown: bool
) -> list[tuple[str, Finding]]:
    """Run the checks; show each finding at once, as a check may take 20 seconds."""
    location = options.location_of(settings, endpoints.venue)
    if is_shown:
        printing.show_venue(location.venue)
    findings = []
    where = address.parse(location.url, location.password)
    with closing(StoreChecks(where, location.venue)) as store:
        checks = [*build.checks(), *store.checks()]
        if not offline:
            checks += VenueChecks(endpoints, settings.coins, settings.insecure).checks()
        async for name, finding in check.run(checks):
            findings.append((name, finding))
            if is_shown:
                _show(name, finding)
    return findings


def _show(name: str, finding: Finding) -> None:
    row = Table.grid(padding=(0, 1))
    row.add_column(width=7)
    row.add_column(width=11)
    row.add_column()
    summary = Text(one_line(finding.summary))
    if finding.remedy:
        summary.append(f"\n-> {finding.remedy}", style="bold")
    row.add_row(Text(finding.level, style=_STYLES[finding.level]), name, summary)
    printing.show(row)


def _show_total(findings: Sequence[Finding]) -> None:
    counts = {level: sum(f.level == level for f in findings) for level in _STYLES}
    bad = [f"{counts[level]} {level}" for level in ("red", "yellow", "skipped") if counts[level]]
    printing.show(Text(", ".join(bad) if bad else f"all {len(findings)} green", style="bold"))
