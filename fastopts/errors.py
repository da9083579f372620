"""Every error of the package, split by who has to act.

FastoptsError
    BadInput                the caller: an argument can't be meant (also a ValueError)
    ConfigError             the operator: a setting; raised at start, never later
    VenueError              the venue: it refused, or could not be reached
        VenueBanned         the venue shut this address out: no request before `retry_after_s`
        VenueProtocolError  the venue broke its own contract
    ConnectionLost          the wire: retry with backoff
        UnknownHost         the operator, if it is no passing trouble: there is no such name
    StoreError              the database: carries its own words
        StoreUnavailable    it does not answer
        LeaseLost           another collector writes now: stop
    WrongVenue              the server holds, or a reader met, another venue's data
    StaleData               a reader: the value is not live
        FeedDown            no collector is alive
        ConnectionMuted     the connection that delivered it delivers nothing any more
        ConnectionLate      the connection that delivered it lags behind the venue
        TooOld              live, but older than the caller allows
        NotYetLive          not delivered by a connection of this feed yet
    NoSuchOption            a reader: there is no such option
        Expired             it was delivered
        Unknown             nothing of that name
"""

import re
from collections.abc import Iterable
from typing import Final, Literal, TypeAlias

__all__ = (
    "BadInput",
    "ConfigError",
    "ConnectionLate",
    "ConnectionLost",
    "ConnectionMuted",
    "Expired",
    "FastoptsError",
    "FeedDown",
    "HandshakeRefused",
    "LeaseLost",
    "NoSuchOption",
    "NotYetLive",
    "StaleData",
    "StoreError",
    "StoreUnavailable",
    "Surface",
    "TooOld",
    "Unknown",
    "UnknownHost",
    "VenueBanned",
    "VenueError",
    "VenueProtocolError",
    "WrongVenue",
    "clipped",
    "extra_missing",
    "masked",
    "one_line",
    "option_of",
)

CLIP: Final = 100
_OPTIONS: Final = {"threshold": "--moves"}  # those of another name on the command line
Surface: TypeAlias = Literal["python", "command", "http"]  # where a user reads a message
# As far as the last @ of the line: a password that is not encoded may hold one, or a space.
_CREDENTIALS: Final = re.compile(r"(?<=://).*@")


class FastoptsError(Exception):
    """Root of the tree."""

    def worded(self, surface: Surface) -> str:
        """The message in the terms of *surface*; `str` has the terms of the Python reader."""
        return str(self)


class BadInput(FastoptsError, ValueError):
    """An argument is invalid; the message says what is accepted, and names the *arguments*."""

    def __init__(self, message: str, *, arguments: Iterable[str] = ()) -> None:
        super().__init__(message)
        self.arguments = tuple(arguments)

    def worded(self, surface: Surface) -> str:
        """On the command line an argument is an option: `min_iv` is `--min-iv`."""
        if surface != "command":
            return str(self)
        names = "|".join(sorted(map(re.escape, self.arguments), key=len, reverse=True))
        if not names:
            return str(self)
        return re.sub(rf"\b({names})\b", lambda found: option_of(found[0]), str(self))


class ConfigError(FastoptsError):
    """A setting is wrong; the message names the setting and what it accepts."""


class VenueError(FastoptsError):
    """The venue refused a request or could not be reached."""


class VenueBanned(VenueError):
    """The venue shut this address out; no request may follow for `retry_after_s` seconds."""

    def __init__(self, message: str, retry_after_s: float) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class VenueProtocolError(VenueError):
    """The venue's answer is not of the agreed form."""


class ConnectionLost(FastoptsError):
    """A connection could not be made, ended, or fell silent."""


class UnknownHost(ConnectionLost):
    """The name of a host does not exist."""


class HandshakeRefused(ConnectionLost):
    """The venue answered the WebSocket handshake with HTTP *status*."""

    def __init__(self, message: str, status: int, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.retry_after_s = retry_after_s


_OF_CLUSTERS: Final = ("MOVED ", "ASK ", "CROSSSLOT ", "CLUSTERDOWN ", "TRYAGAIN ")
_CLUSTER: Final = (
    "a node of a Redis Cluster, which fastopts does not support: name a server that is none"
)


class StoreError(FastoptsError):
    """The database refused a command; `reply` holds its words."""

    def __init__(self, message: str, reply: str = "") -> None:
        super().__init__(message)
        self.reply = reply

    def __str__(self) -> str:
        words = super().__str__()
        return f"{words} ({_CLUSTER})" if self.reply.startswith(_OF_CLUSTERS) else words


class StoreUnavailable(StoreError):
    """The database could not be reached, or did not answer in time."""


class LeaseLost(StoreError):
    """Another collector holds the right to write."""


class WrongVenue(FastoptsError):
    """The server holds the data of *held*, and not of the venue asked for."""

    def __init__(self, message: str, held: str = "") -> None:
        super().__init__(message)
        self.held = held

    def __str__(self) -> str:
        return self.worded("python")

    def worded(self, surface: Surface) -> str:
        message = super().__str__()
        if not self.held:
            return message
        remedies: dict[Surface, str] = {
            "python": f"a reader that wants them says venue={self.held!r}, any other names another"
            " server or database in its URL (such as redis://localhost:6379/1)",
            "command": f"add --venue {self.held} to read them, or name another server or database"
            " with --redis-url (such as redis://localhost:6379/1)",
            "http": f"to serve them, the operator starts fastopts serve with --venue {self.held},"
            " or names another server or database with --redis-url",
        }
        return f"{message}: {remedies[surface]}"


class StaleData(FastoptsError):
    """The value is not live, and the reader was not told to accept that."""


class FeedDown(StaleData):
    """The feed's heartbeat is missing or old."""


class ConnectionMuted(StaleData):
    """The connection that delivered the value has delivered nothing for longer than allowed."""


class ConnectionLate(StaleData):
    """The connection that delivered the value lags behind the venue by more than allowed, or by
    how much is not known."""


class TooOld(StaleData):
    """The value is live but older than the reader's own limit."""


class NotYetLive(StaleData):
    """No connection of the current feed has delivered the value yet."""


class NoSuchOption(FastoptsError):
    """There is no option of that name."""


class Expired(NoSuchOption):
    """The option's delivery time has passed."""


class Unknown(NoSuchOption):
    """The server holds no option of that name."""


def extra_missing(module: str, extra: str) -> str:
    """What installs the *extra* without which there is no *module*, with or without a checkout."""
    from importlib import metadata  # a missing module is rare

    marker = re.compile(rf"extra\s*==\s*['\"]{extra}['\"]")
    try:
        declared = metadata.requires("fastopts") or []
    except metadata.PackageNotFoundError:
        declared = []
    wanted = [one.partition(";")[0].strip() for one in declared if marker.search(one)]
    names = " ".join(f"'{one}'" for one in wanted) or module
    return (
        f"{module} is not installed: pip install {names}"
        f" (in the project's folder: pip install '.[{extra}]')"
    )


def option_of(argument: str) -> str:
    """How the command line spells a Python *argument*."""
    if argument in _OPTIONS:
        return _OPTIONS[argument]
    return f"--{argument.replace('_', '-')}"


def one_line(text: str) -> str:
    """*text* with what a peer may have put into it to forge lines or move a terminal escaped, and
    as `masked` shows it."""
    plain = (c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
    return masked("".join(plain))


def masked(text: str) -> str:
    """*text* without the users and passwords of the URLs in it.

    Nothing of ours puts them there; an operator may, by writing a URL in the wrong place.
    """
    return _CREDENTIALS.sub("***@", text)


def clipped(text: str) -> str:
    """The beginning of a long *text*, for a message, as `masked` shows it."""
    shown = masked(text)
    return shown if len(shown) <= CLIP else f"{shown[:CLIP]}..."
