"""The commands of `fastopts`, in the order in which `fastopts --help` lists them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

__all__ = ("COMMANDS", "CommandEntry")


@dataclass(frozen=True, slots=True)
class CommandEntry:
    """A line of the help, arguments that make an example, and the function as module:name."""

    summary: str
    example: str
    target: str


_ENTRIES: Final = (
    ("demo", "a whole simulated market, live: see everything work", "--duration 60s"),
    ("track", "collect the venue's options into Redis until stopped", "--coins BTC,ETH"),
    ("fetch", "list the venue's options into the cache file", "--coins BTC"),
    ("refresh", "like track, but start with a new list of instruments", "--coins BTC,ETH"),
    ("status", "feed, coverage, message counters and Redis", "--json"),
    ("summary", "the market on one screen", "--redis-url redis://localhost:6379"),
    ("expiries", "expiries of an asset: forward, volatility, skew, open interest", "BTC"),
    ("chain", "one expiry, strike by strike: calls left, puts right", "BTC front --strikes 8"),
    ("smile", "plot implied volatility over strike or delta", "BTC front"),
    ("get", "all values of single options", "BTC-25JUN27-100000-C-USDT"),
    ("scan", "filter and sort the market", "BTC --min-iv 60% --max-dte 30 --sort=-mark_iv"),
    ("watch", "print changes as they arrive", "BTC --limit 5 --json"),
    ("top", "live table on the whole screen", "BTC"),
    ("export", "write the market to a JSON, CSV, Parquet or Arrow file", "btc.csv BTC --gate"),
    ("history", "what recorded files hold: times, counts, gaps", "info captures/bybit"),
    ("serve", "HTTP API, streams and dashboard", "--port 8050"),
    ("doctor", "check the installation, Redis, the feed and the venue", "--offline"),
    ("verify", "compare Redis with the venue's REST API", "--sample 200"),
    ("fields", "all field names with unit and meaning", "--json"),
    ("completion", "script for the completion of bash, zsh or fish", "bash"),
    ("sim", "serve a SIMULATED market on loopback", "--symbols 500 --rate 1000"),
)

# Names, not functions: the help must not import the commands, of which some need the core or an
# extra. Commands that are not named here are in fastopts.cli.commands.
_TARGETS: Final = {
    **{name: f"fastopts.track:{name}" for name in ("track", "fetch", "refresh")},
    **{
        name: f"fastopts.cli.{name}.command:{name}"
        for name in ("completion", "doctor", "top", "verify")
    },
    **{name: f"fastopts.{name}.__main__:{name}" for name in ("demo", "sim")},
}

COMMANDS: Final[Mapping[str, CommandEntry]] = {
    name: CommandEntry(summary, example, _TARGETS.get(name, f"fastopts.cli.commands.{name}:{name}"))
    for name, summary, example in _ENTRIES
}
