"""Options that several commands share, and the Redis that a command reads from."""

import contextlib
import functools
import inspect
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Final, Literal

from fastopts import config
from fastopts.cli.output import printing
from fastopts.command_line import Command, argument, option, with_signature
from fastopts.config import Settings
from fastopts.errors import BadInput, ConfigError, StoreError, StoreUnavailable, clipped
from fastopts.model import EXPIRY_TEXT_FORMS
from fastopts.numerals import parse_fraction
from fastopts.venues.bybit import hosts
from fastopts.venues.bybit.hosts import Endpoints

if TYPE_CHECKING:
    from fastopts.reader import OptionReader

__all__ = (
    "EXPIRY_FORMS",
    "AllOption",
    "AssetArgument",
    "JsonOption",
    "PrecisionOption",
    "RedisUrlOption",
    "SettleOption",
    "StaleOption",
    "StoreLocation",
    "VenueOption",
    "check_tls",
    "duration",
    "endpoints",
    "fraction",
    "load",
    "locate",
    "location_of",
    "parse_expiry",
    "reads_store",
)

# Not the collector's default, which also starts a Valkey: a command that reads has nothing to read
# from an empty one.
DEFAULT_URL: Final = "redis://localhost:6379"
TLS_TIMEOUT_S: Final = 5.0
FRACTION_MAX: Final = 10.0  # the highest volatility that a bound accepts is 1000 %
EXPIRY_FORMS: Final = EXPIRY_TEXT_FORMS


def fraction(text: str) -> float:
    """Parse `80%` or `0.8`.

    Raises ValueError for other text, and for a value above 10: a bare 80 means 80 %, and as a
    bound it would silently match nothing.
    """
    value = parse_fraction(text)
    if abs(value) > FRACTION_MAX:
        raise ValueError(
            f"{text} is more than {FRACTION_MAX:.0%}"
            if "%" in text
            else f"{text} is {100 * value:g} %: write {value / 100:g} or {value:g}%"
        )
    return value


def duration(text: str) -> float:
    """Parse `90`, `90s`, `10m` or `2h` as seconds. Raises ValueError."""
    try:
        return float(config.SETTINGS["duration"].parse(text))
    except ValueError as error:
        raise ValueError(f"{clipped(repr(text))} is not {error}") from None


def parse_expiry(text: str) -> str:
    """Check how an expiry is written, and return it as it is.

    Raises ValueError.
    """
    from fastopts.reader.objects import expiry as expiries  # not for verify: it loads the core

    try:
        expiries.day_of(text)
    except BadInput as error:
        raise ValueError(error.worded("command")) from None
    return text


RedisUrlOption = Annotated[
    str | None,
    option(
        metavar="URL",
        help=f"redis://, rediss:// or unix:// (default: FASTOPTS_REDIS_URL, else {DEFAULT_URL})",
        group="Redis",
    ),
]
VenueOption = Annotated[
    str | None,
    option(
        metavar="NAME",
        help="venue of the data in Redis: bybit, bybit-testnet, sim or custom:HOST"
        " (default: that of the settings, else bybit)",
        group="Redis",
    ),
]
JsonOption = Annotated[bool, option(help="print JSON, one object per line")]
AllOption = Annotated[
    bool, option("--all", help="show all rows on a terminal, not only those that fit the screen")
]
PrecisionOption = Annotated[
    Literal["table", "detail", "full"],
    option(help="decimals of numbers: those of a table, some more, or all digits"),
]
AssetArgument = Annotated[str, argument("ASSET", help="base coin, such as BTC")]
SettleOption = Annotated[str | None, option(metavar="COIN", help="settle coin: USDT or USDC")]
StaleOption = Annotated[
    bool, option(help="include stale values and the last values of a dead feed, with a notice")
]


@dataclass(frozen=True, slots=True)
class StoreLocation:
    """The Redis to read from, and the venue whose data it must hold."""

    url: str = field(repr=False)
    password: str | None = field(repr=False)
    venue: str

    def reader(self) -> "OptionReader":
        """Return a reader of this Redis; it connects with the first read."""
        from fastopts.reader import OptionReader

        return OptionReader(self.url, self.venue, password=self.password)


def reads_store(command: Callable[..., int]) -> Command:
    """Give *command* the options --redis-url and --venue, and call it with a StoreLocation first.

    Every command that reads the market has these two; none has to resolve them.
    """

    @functools.wraps(command)
    def located(
        *, redis_url: str | None = None, venue: str | None = None, **arguments: object
    ) -> int:
        return command(locate(redis_url, venue), **arguments)

    # without the first parameter, which is the location
    parameters = list(inspect.signature(command).parameters.values())[1:]
    options = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation)
        for name, annotation in (("redis_url", RedisUrlOption), ("venue", VenueOption))
    ]
    return with_signature(located, [*parameters, *options])


def load(**options: object) -> Settings:
    """Load the collector's settings: *options* override the environment, and that the file.

    Remarks on the settings go to stderr. Raises ConfigError.
    """
    settings = config.load(options, os.environ, config.read_file(os.environ))
    for remark in settings.remarks:
        printing.print_note(remark)
    return settings


def endpoints(settings: Settings) -> Endpoints:
    """Return the venue that a collector with these settings connects to. Raises ConfigError."""
    return hosts.resolve(settings.venue, settings.testnet, settings.rest_url, settings.ws_url)


def locate(redis_url: str | None, venue: str | None) -> StoreLocation:
    """Decide where to read; without *venue*, the settings name it. Raises ConfigError."""
    settings = load(redis_url=redis_url)
    name = venue or endpoints(settings).venue
    if name not in hosts.VENUES and not name.startswith("custom:"):
        raise ConfigError(f"--venue {name}: choose {', '.join(hosts.VENUES)} or custom:<host>")
    return location_of(settings, name)


def location_of(settings: Settings, venue: str) -> StoreLocation:
    """Return the Redis that *settings* name, expected to hold the data of *venue*."""
    url, password = settings.redis_url, settings.redis_password
    return StoreLocation(
        url.reveal() if url else DEFAULT_URL, password.reveal() if password else None, venue
    )


def check_tls(location: StoreLocation) -> None:
    """Connect once over TLS, if the URL asks for it. Raises StoreUnavailable for a TLS fault.

    A command that waits for an unreachable Redis must not wait for a certificate to become
    valid: no retry cures it. Other faults are ignored, the command's own retries handle them.
    """
    from fastopts.net.redis import address
    from fastopts.net.redis.blocking import BlockingConnection
    from fastopts.net.redis.resp import ReplyList, pack

    where = address.parse(location.url, location.password)
    if not where.tls:
        return
    from fastopts.net.tls import TlsFault

    with contextlib.closing(BlockingConnection(where, TLS_TIMEOUT_S)) as connection:
        try:
            connection.exchange(pack("PING"), lambda: ReplyList(1))
        except StoreUnavailable as error:
            if isinstance(error.__cause__, TlsFault):
                raise
        except StoreError:
            return  # an error reply, perhaps to PING without a password: TLS works
