"""`fastopts verify`: parse the options, compare, print the report."""

import secrets
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Annotated, Final

from fastopts.cli import options
from fastopts.cli.options import JsonOption, RedisUrlOption
from fastopts.cli.options import duration as parse_duration
from fastopts.cli.output import losses, printing
from fastopts.cli.setting_options import setting
from fastopts.cli.verify import coverage, greeks, screen
from fastopts.cli.verify.report import VerifyReport
from fastopts.cli.verify.rounds import Rounds
from fastopts.cli.verify.sample import choose
from fastopts.cli.verify.store import StoreClient, StoredFeed
from fastopts.cli.verify.venue import VenueClient
from fastopts.command_line import option
from fastopts.config import KNOWN_COINS, Settings
from fastopts.errors import ConfigError
from fastopts.net.redis import address
from fastopts.venues.bybit import hosts

__all__ = ("verify",)

SEEDS: Final = 1_000_000  # short enough to be typed again
DURATION_S: Final = 15.0  # enough rounds for nearly every symbol to rest or to show its fault
BYBITS: Final = ("bybit", "bybit-testnet")


@dataclass(frozen=True, slots=True)
class _Plan:
    """How many symbols are compared, for how long, and which."""

    sample: int
    duration_s: float
    seed: int


def _time_limit(text: str) -> float:
    """Parse a duration; 0 compares every symbol once. Raises ValueError."""
    return 0.0 if text in ("0", "0s") else parse_duration(text)


def verify(
    sample: Annotated[
        int, option(metavar="N", minimum=1, help="number of symbols to compare")
    ] = 200,
    duration: Annotated[
        float,
        option(
            metavar="TIME",
            parse=_time_limit,
            help="stop after 15s or 1m; 0: compare once",
            deprecated=("--seconds",),
        ),
    ] = DURATION_S,
    seed: Annotated[
        int | None, option(metavar="N", help="repeat the sample of an earlier run")
    ] = None,
    coins: Annotated[str | None, setting("coins")] = None,
    rest_url: Annotated[str | None, setting("rest_url")] = None,
    testnet: Annotated[bool | None, setting("testnet")] = None,
    insecure: Annotated[bool | None, setting("insecure")] = None,
    redis_url: RedisUrlOption = None,
    json: JsonOption = False,
) -> int:
    """Compare Redis with the venue's REST API, field by field.

    The venue is that of the feed. Also checked: both loss equations, the greeks against Black-76,
    and the share of the venue's options that is live. The exit code is 1 when a check fails.

    Each coin gets at most one request per second: the coins of --coins, otherwise those in Redis,
    those that the venue lists, and the known ones.
    """
    settings = options.load(
        redis_url=redis_url, rest_url=rest_url, coins=coins, testnet=testnet, insecure=insecure
    )
    location = options.location_of(settings, "")
    plan = _Plan(sample, duration, secrets.randbelow(SEEDS) if seed is None else seed)
    with closing(StoreClient(address.parse(location.url, location.password))) as store:
        feed = store.feed()
        rest_url = _rest_url(feed, settings)
        with closing(VenueClient(rest_url, settings.insecure)) as venue:
            assets = settings.coins or feed.assets
            extra_coins = [] if settings.coins else _extra_coins(venue, assets)
            report = _compare(store, venue, assets, extra_coins, plan)
    if json:
        printing.json_line(report.values)
    else:
        screen.show(report)
    return 1 if report.complaints else 0


def _rest_url(feed: StoredFeed, settings: Settings) -> str:
    """The REST host of the feed's venue. Raises ConfigError for a host of another venue."""
    is_testnet = feed.venue == "bybit-testnet"
    if settings.testnet and not is_testnet:
        raise ConfigError(f"--testnet: the data in this Redis is from {feed.venue}")
    named = settings.rest_url
    if named is None and feed.venue not in BYBITS:
        raise ConfigError(
            f"the data in this Redis is from {feed.venue}: name its REST host with --rest-url URL"
        )
    endpoints = hosts.resolve("bybit", named is None and is_testnet, named, named)
    # the simulator has any loopback address, so its host can't be known
    is_simulator = feed.venue == "sim" and endpoints.venue not in BYBITS
    if endpoints.venue != feed.venue and not is_simulator:
        raise ConfigError(
            f"the data in this Redis is from {feed.venue}, but {named} is of {endpoints.venue}"
        )
    return endpoints.rest_url


def _extra_coins(venue: VenueClient, assets: Sequence[str]) -> list[str]:
    """Coins besides *assets* that may have options: listed by the venue, or known."""
    return sorted({*venue.coins(), *KNOWN_COINS} - set(assets))


def _compare(
    store: StoreClient,
    venue: VenueClient,
    assets: Sequence[str],
    extra_coins: Sequence[str],
    plan: _Plan,
) -> VerifyReport:
    stored = store.listed((*assets, *extra_coins))
    conns = store.conns(stored)
    live = [symbol for symbol in stored if conns.live(symbol) is not None]
    rounds = Rounds(store, venue, assets, extra_coins)
    cases = rounds.run(choose(live, plan.sample, plan.seed), plan.duration_s)
    listed = [symbol for rows in rounds.rows.values() for symbol in rows.by_symbol]
    return VerifyReport(
        feed=conns.feed,
        seed=plan.seed,
        candidates=len(live),
        cases=cases,
        losses=losses.equations(store.counters()),
        greeks=greeks.check(rounds.ticks),
        coverage=coverage.count(listed, stored, live, conns.feed.venue_ms),
        coins=tuple(sorted(rounds.rows)),
    )
