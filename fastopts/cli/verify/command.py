"""`fastopts verify`: settings in, verdict out."""

import secrets
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Annotated, Final

import typer

from fastopts.cli import options
from fastopts.cli.options import Json, RedisUrl, setting
from fastopts.cli.output import losses, printing
from fastopts.cli.verify import coverage, greeks, screen
from fastopts.cli.verify import sample as sampling
from fastopts.cli.verify.report import VerifyReport
from fastopts.cli.verify.rounds import Rounds
from fastopts.cli.verify.store import StoreClient, StoredFeed
from fastopts.cli.verify.venue import VenueClient
from fastopts.config import KNOWN_COINS, Settings
from fastopts.errors import ConfigError
from fastopts.net.redis import address
from fastopts.venues.bybit import hosts

__all__ = ("verify",)

SEEDS: Final = 1_000_000
BYBITS: Final = ("bybit", "bybit-testnet")


@dataclass(frozen=True, slots=True)
class _Plan:
    """How many symbols are compared, for how long, and which."""

    sample: int
    seconds: float
    seed: int


def verify(
    sample: Annotated[
        int, typer.Option(min=1, metavar="N", help="compare this many symbols")
    ] = 200,
    seconds: Annotated[
        float, typer.Option(min=0, metavar="S", help="for at most this long")
    ] = 15.0,
    seed: Annotated[
        int | None, typer.Option(metavar="N", help="the symbols of an earlier run, as it said")
    ] = None,
    coins: Annotated[str | None, setting("coins")] = None,
    redis_url: RedisUrl = None,
    rest_url: Annotated[str | None, setting("rest_url")] = None,
    testnet: Annotated[bool | None, setting("testnet")] = None,
    insecure: Annotated[bool | None, setting("insecure")] = None,
    json: Json = False,
) -> None:
    """Compare what stands in Redis with what the venue says over REST, field by field.

    The venue is the feed's; each coin is asked for once a second at most: those that were named
    (--coins), or those in Redis, those that the venue names, and the known ones. Beside that: both
    loss equations, the greeks against a Black-76 of its own, and what is live of what the venue
    lists.
    The exit code is 1 when any of it is not good.
    """
    settings = options.load(
        redis_url=redis_url, rest_url=rest_url, coins=coins, testnet=testnet, insecure=insecure
    )
    source = options.source_of(settings, "")
    plan = _Plan(sample, seconds, secrets.randbelow(SEEDS) if seed is None else seed)
    with closing(StoreClient(address.parse(source.url, source.password))) as store:
        feed = store.feed()
        rest_url = _rest_url(feed, settings)
        with closing(VenueClient(rest_url, settings.insecure)) as venue:
            assets = settings.coins or feed.assets
            perhaps = [] if settings.coins else _others(venue, assets)
            found = _judge(store, venue, assets, perhaps, plan)
    if json:
        printing.json_line(found.values)
    else:
        screen.show(found)
    raise typer.Exit(1 if found.complaints else 0)


def _rest_url(feed: StoredFeed, settings: Settings) -> str:
    """The host of *feed*'s venue, or the one that was named. Raises ConfigError if it is not."""
    is_testnet = feed.venue == "bybit-testnet"
    if settings.testnet and not is_testnet:
        raise ConfigError(f"--testnet: the data in this Redis is of {feed.venue}")
    named = settings.rest_url
    if named is None and feed.venue not in BYBITS:
        raise ConfigError(
            f"the data in this Redis is of {feed.venue}: name the REST host it comes from,"
            " --rest-url URL"
        )
    found = hosts.resolve("bybit", named is None and is_testnet, named, named)
    is_simulators = feed.venue == "sim" and found.venue not in BYBITS
    if found.venue != feed.venue and not is_simulators:
        raise ConfigError(
            f"the data in this Redis is of {feed.venue}, and {named} is of {found.venue}"
        )
    return found.rest_url


def _others(venue: VenueClient, assets: Sequence[str]) -> list[str]:
    """Coins beside *assets* that may have options: those that the venue names, and known ones."""
    return sorted({*venue.coins(), *KNOWN_COINS} - set(assets))


def _judge(
    store: StoreClient,
    venue: VenueClient,
    assets: Sequence[str],
    perhaps: Sequence[str],
    plan: _Plan,
) -> VerifyReport:
    stored = store.listed((*assets, *perhaps))
    conns = store.conns(stored)
    live = [symbol for symbol in stored if conns.live(symbol) is not None]
    rounds = Rounds(store, venue, assets, perhaps)
    cases = rounds.run(sampling.choose(live, plan.sample, plan.seed), plan.seconds)
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
