"""Options that several commands have, and where those that read take their data from."""

import contextlib
import math
import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from fastopts import config
from fastopts.cli.output import printing
from fastopts.config import SETTINGS, Settings
from fastopts.errors import ConfigError, StoreError, StoreUnavailable
from fastopts.venues.bybit import hosts
from fastopts.venues.bybit.hosts import Endpoints

if TYPE_CHECKING:
    from fastopts.reader import OptionReader

__all__ = (
    "EXPIRY_FORMS",
    "Asset",
    "Json",
    "RedisUrl",
    "Settle",
    "Stale",
    "StoreLocation",
    "Venue",
    "check_tls",
    "endpoints",
    "fraction",
    "load",
    "reader",
    "setting",
    "source",
    "source_of",
)

DEFAULT_URL: Final = "redis://localhost:6379"
TLS_TIMEOUT_S: Final = 5.0
FRACTION_MAX: Final = 10.0
EXPIRY_FORMS: Final = "27MAR26, 260327, 2026-03-27 or front"


def setting(name: str) -> Any:
    """The option for a setting of the collector's, with the words it has there."""
    return typer.Option(
        f"--{name.replace('_', '-')}", metavar=SETTINGS[name].metavar, help=SETTINGS[name].help
    )


def fraction(text: str) -> float:
    """Read `80%` or `0.8`. Raises BadParameter for what is neither, and for 80."""
    number, sign, rest = text.strip().partition("%")
    try:
        value = float(number) / (100 if sign else 1)
    except ValueError:
        value = math.nan
    if rest or not math.isfinite(value):
        raise typer.BadParameter(f"{text}: write 0.8 or 80%")
    if abs(value) > FRACTION_MAX:
        raise typer.BadParameter(
            f"{text} is more than {FRACTION_MAX:.0%}"
            if sign
            else f"{text} is {100 * value:g} %: write {value / 100:g} or {value:g}%"
        )
    return value


RedisUrl = Annotated[
    str | None,
    typer.Option(
        "--redis-url",
        metavar="URL",
        help=f"redis://, rediss:// or unix:// (default: FASTOPTS_REDIS_URL, else {DEFAULT_URL})",
    ),
]
Venue = Annotated[
    str | None,
    typer.Option(
        "--venue",
        metavar="NAME",
        help="whose data is expected: bybit, bybit-testnet, sim or custom:<host>"
        " (default: the collector's settings, else bybit)",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="one JSON object a line")]
Asset = Annotated[str, typer.Argument(metavar="ASSET", help="base coin: BTC")]
Settle = Annotated[
    str | None, typer.Option("--settle", metavar="COIN", help="settle coin: USDT or USDC")
]
Stale = Annotated[
    bool, typer.Option("--stale", help="show also what is not live, and a dead feed's last words")
]


@dataclass(frozen=True, slots=True)
class StoreLocation:
    """Where options are read, and whose they must be."""

    url: str = field(repr=False)
    password: str | None = field(repr=False)
    venue: str


def load(**options: object) -> Settings:
    """The collector's settings: *options* win over the environment, that over the file; what was
    odd about them is told.

    Raises ConfigError.
    """
    settings = config.load(options, os.environ, config.read_file(os.environ))
    for words in settings.remarks:
        printing.aside(words)
    return settings


def endpoints(settings: Settings) -> Endpoints:
    """The venue that a collector with these settings listens to. Raises ConfigError."""
    return hosts.resolve(settings.venue, settings.testnet, settings.rest_url, settings.ws_url)


def source(redis_url: str | None, venue: str | None) -> StoreLocation:
    """Decide where to read; without *venue* it is the one of the collector's settings.

    Raises ConfigError.
    """
    settings = load(redis_url=redis_url)
    name = venue or endpoints(settings).venue
    if name not in hosts.VENUES and not name.startswith("custom:"):
        raise ConfigError(f"--venue {name}: choose {', '.join(hosts.VENUES)} or custom:<host>")
    return source_of(settings, name)


def check_tls(found: StoreLocation) -> None:
    """For a command that waits for its server. Raises StoreUnavailable for a fault of TLS that no
    retry cures."""
    from fastopts.net.redis import address
    from fastopts.net.redis.blocking import BlockingConnection
    from fastopts.net.redis.resp import ReplyList, pack

    where = address.parse(found.url, found.password)
    if not where.tls:
        return
    from fastopts.net.tls import TlsFault

    with contextlib.closing(BlockingConnection(where, TLS_TIMEOUT_S)) as channel:
        try:
            channel.exchange(pack("PING"), lambda: ReplyList(1))
        except StoreUnavailable as error:
            if isinstance(error.__cause__, TlsFault):
                raise
        except StoreError:
            return  # it speaks


def reader(redis_url: str | None, venue: str | None) -> "OptionReader":
    """A reader of what `source` decides on. Raises ConfigError."""
    from fastopts.reader import OptionReader

    found = source(redis_url, venue)
    return OptionReader(found.url, found.venue, password=found.password)


def source_of(settings: Settings, venue: str) -> StoreLocation:
    """The Redis that *settings* name, expected to hold *venue*'s data."""
    url, password = settings.redis_url, settings.redis_password
    return StoreLocation(
        url.reveal() if url else DEFAULT_URL, password.reveal() if password else None, venue
    )
