"""Every command, in the order in which `fastopts --help` lists them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

__all__ = ("COMMANDS", "Command")


@dataclass(frozen=True, slots=True)
class Command:
    """One line on what it does, words for an example, and where it is: module:function.

    A command of the collector's has no place here: `fastopts.track` reads its words.
    """

    line: str
    example: str
    place: str = ""


COMMANDS: Final[Mapping[str, Command]] = {
    "track": Command(
        "bring the venue's options into Redis, until it is told to stop", "--coins BTC,ETH"
    ),
    "fetch": Command("list the venue's options into the cache file, and print them", "--coins BTC"),
    "refresh": Command("as track, but never on the cache file's universe", "--coins BTC,ETH"),
    "status": Command(
        "the feed, what it covers, its losses, and Redis", "", "fastopts.cli.commands.status:status"
    ),
    "summary": Command(
        "the market on one screen",
        "--redis-url redis://localhost:6379",
        "fastopts.cli.commands.summary:summary",
    ),
    "expiries": Command(
        "the series of an asset: forward, volatility, skew, open interest",
        "BTC",
        "fastopts.cli.commands.expiries:expiries",
    ),
    "chain": Command(
        "one series, calls left and puts right",
        "BTC front --strikes 8",
        "fastopts.cli.commands.chain:chain",
    ),
    "smile": Command(
        "a plot of volatility over strike", "BTC front", "fastopts.cli.commands.smile:smile"
    ),
    "get": Command(
        "single options, with everything about them",
        "BTC-25JUN27-100000-C-USDT",
        "fastopts.cli.commands.get:get",
    ),
    "scan": Command(
        "the options that meet bounds",
        "BTC --min-iv 60% --max-dte 30 --sort=-mark_iv",
        "fastopts.cli.commands.scan:scan",
    ),
    "watch": Command(
        "changes as they come, a line each",
        "BTC --limit 5 --json",
        "fastopts.cli.commands.watch:watch",
    ),
    "top": Command("a live table on the whole screen", "BTC", "fastopts.cli.top.command:top"),
    "export": Command(
        "the market as a file: JSON, CSV, Parquet or Arrow",
        "btc.csv BTC --gate",
        "fastopts.cli.commands.export:export",
    ),
    "serve": Command(
        "the market over HTTP: an API, streams, and a dashboard",
        "--port 8050",
        "fastopts.cli.commands.serve:serve",
    ),
    "doctor": Command(
        "check this build, Redis, the feed and the way to the venue",
        "--offline --redis-url redis://localhost:6379",
        "fastopts.cli.doctor.command:doctor",
    ),
    "verify": Command(
        "compare Redis with what the venue says over REST",
        "--sample 200",
        "fastopts.cli.verify.command:verify",
    ),
    "fields": Command(
        "every name that a user meets: hash field, unit, meaning",
        "--json",
        "fastopts.cli.commands.fields:fields",
    ),
    "sim": Command(
        "serve a SIMULATED market on loopback",
        "--symbols 500 --rate 1000",
        "fastopts.sim.__main__:run",
    ),
}
