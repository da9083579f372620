"""Every error that leaves the package, grouped by the party that has to act.

FastoptsError
    BadInput                caller: an argument is invalid (also a ValueError)
    ConfigError             operator: a setting, a file or the environment has to change
        MissingPackage      an optional dependency is not installed
        FileError           a file can't be written: an export, the cache of the universe
        CacheError          the cache file of the universe can't be used
        CaptureError        a file is no capture, or can't be read
        LeaseError          the lease can't be taken: `fastopts:feed` is malformed
    VenueError              venue: it refused a request, or could not be reached
        VenueBanned         it shut this address out: no request before `retry_after_s`
        VenueProtocolError  a response does not follow the venue's own protocol
        RequestRefused      it understood the request and refuses it (`venues.bybit.rest`)
        TemporaryFailure    it asks to try again later (`venues.bybit.rest`)
    ConnectionLost          network: retry with backoff
        UnknownHost         there is no such host name: the operator, unless DNS is down
        HandshakeRefused    the venue answered the WebSocket handshake with an HTTP error
    StoreError              Redis: it refused a command, or returned malformed data
        StoreUnavailable    it could not be reached, or did not answer in time
        LeaseLost           another collector has taken over: stop writing
    WrongVenue              operator: the server holds another venue's data
    StaleData               reader: the value is not live
        FeedDown            no collector is alive
        ConnectionMuted     the connection that delivered it has stopped delivering
        ConnectionLate      the connection that delivered it lags behind the venue
        TooOld              it is live, but older than the caller allows
        NotYetLive          no connection of this feed has delivered it yet
    NotRecorded             history: no recording of that time: before, after, or in a gap
    NoSuchOption            reader: there is no such option
        Expired             its delivery time has passed
        Unknown             there is no option of that name
"""

import re
from collections.abc import Iterable
from typing import Final, Literal, TypeAlias

__all__ = (
    "BadInput",
    "CacheError",
    "CaptureError",
    "ConfigError",
    "ConnectionLate",
    "ConnectionLost",
    "ConnectionMuted",
    "Expired",
    "FastoptsError",
    "FeedDown",
    "FileError",
    "HandshakeRefused",
    "LeaseError",
    "LeaseLost",
    "MissingPackage",
    "NoSuchOption",
    "NotRecorded",
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
    "shown",
)

CLIP: Final = 100  # characters of a foreign text in a message
_OPTIONS: Final = {"threshold": "--moves"}  # arguments whose option has another name
Surface: TypeAlias = Literal["python", "command", "http"]  # where a user reads a message
# Up to the last @ of the line: a password that is not percent-encoded may hold one, or a space.
_CREDENTIALS: Final = re.compile(r"(?<=://).*@")


class FastoptsError(Exception):
    """Base class of all errors of the package."""

    def worded(self, surface: Surface) -> str:
        """Return the message in the terms of *surface*; `str` has those of the Python API."""
        return str(self)


class BadInput(FastoptsError, ValueError):
    """An argument is invalid; the message says what is accepted.

    *arguments* are the names of arguments in the message. *as_text* is the message for the command
    line and HTTP, where values are text, if it differs from that of the Python API.
    """

    def __init__(
        self, message: str, *, arguments: Iterable[str] = (), as_text: str | None = None
    ) -> None:
        super().__init__(message)
        self.arguments: tuple[str, ...] = tuple(arguments)
        self.as_text: str | None = as_text

    def worded(self, surface: Surface) -> str:
        """Return the message; on the command line, `min_iv` becomes `--min-iv`."""
        message = str(self) if surface == "python" else self.as_text or str(self)
        names = "|".join(sorted(map(re.escape, self.arguments), key=len, reverse=True))
        if surface != "command" or not names:
            return message
        return re.sub(rf"\b({names})\b", lambda match: option_of(match[0]), message)


class ConfigError(FastoptsError):
    """A setting is wrong; the message names it and says what is accepted.

    Raised when a program or a reader starts. The subclasses are raised later, too: they are about
    the environment of the program, which only its operator can change.
    """


class MissingPackage(ConfigError):
    """An optional dependency is not installed; the message says how to install it."""


class FileError(ConfigError):
    """A file can't be written; the message names it and the reason."""


class CacheError(ConfigError):
    """The cache file of the universe can't be read or written; REST's list is used without it."""


class CaptureError(ConfigError):
    """A file is not a capture, or can't be read; the message names it and the reason."""


class LeaseError(ConfigError):
    """The lease can't be taken; the message says what the operator can do."""


class VenueError(FastoptsError):
    """The venue refused a request or could not be reached."""


class VenueBanned(VenueError):
    """The venue shut this address out; send no request for `retry_after_s` seconds."""

    def __init__(self, message: str, retry_after_s: float) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class VenueProtocolError(VenueError):
    """A response of the venue does not follow its documented protocol."""


class ConnectionLost(FastoptsError):
    """A connection could not be opened, was closed, or fell silent."""


class UnknownHost(ConnectionLost):
    """A host name does not exist."""


class HandshakeRefused(ConnectionLost):
    """The venue answered the WebSocket handshake with HTTP *status*."""

    def __init__(self, message: str, status: int, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.retry_after_s = retry_after_s


_OF_CLUSTERS: Final = ("MOVED ", "ASK ", "CROSSSLOT ", "CLUSTERDOWN ", "TRYAGAIN ")
_CLUSTER: Final = (
    "a node of a Redis Cluster, which fastopts does not support: use a standalone server"
)


class StoreError(FastoptsError):
    """Redis refused a command, or returned malformed data; `reply` holds its error text, if any."""

    def __init__(self, message: str, reply: str = "") -> None:
        super().__init__(message)
        self.reply = reply

    def __str__(self) -> str:
        message = super().__str__()
        return f"{message} ({_CLUSTER})" if self.reply.startswith(_OF_CLUSTERS) else message


_START: Final = "start one: fastopts track (the venue's data) or fastopts demo (simulated data)"
_NO_SERVER: Final[dict[Surface, str]] = {
    "python": f"no server listens there: pass the URL of another one, or {_START}",
    "command": f"no server listens there: name another one with --redis-url, or {_START}",
}


class StoreUnavailable(StoreError):
    """Redis could not be reached, or did not answer in time.

    `str` says what happened, as logs need it. The remedy is in `worded`, and in a traceback.
    """

    def __init__(self, message: str, reply: str = "", *, is_refused: bool = False) -> None:
        super().__init__(message, reply)
        self.is_refused: bool = is_refused
        if is_refused:
            self.add_note(_NO_SERVER["python"])

    def worded(self, surface: Surface) -> str:
        """Return the message, with a remedy if the server refused the connection."""
        remedy = _NO_SERVER.get(surface, "") if self.is_refused else ""
        return f"{self}: {remedy}" if remedy else str(self)


class LeaseLost(StoreError):
    """Another collector has taken the lease."""


class WrongVenue(FastoptsError):
    """The server holds the data of the venue *held*, not of the requested one."""

    def __init__(self, message: str, held: str = "") -> None:
        super().__init__(message)
        self.held = held

    def __str__(self) -> str:
        return self.worded("python")

    def worded(self, surface: Surface) -> str:
        """Return the message with a remedy in the terms of *surface*."""
        message = super().__str__()
        if not self.held:
            return message
        remedies: dict[Surface, str] = {
            "python": f"pass venue={self.held!r} to read it, or name another server or database in"
            " the URL (such as redis://localhost:6379/1)",
            "command": f"add --venue {self.held} to read it, or name another server or database"
            " with --redis-url (such as redis://localhost:6379/1)",
            "http": f"start fastopts serve with --venue {self.held} to serve it, or with another"
            " server or database in --redis-url",
        }
        return f"{message}: {remedies[surface]}"


class StaleData(FastoptsError):
    """The value is not live, and the caller did not allow that."""


class FeedDown(StaleData):
    """The feed's heartbeat is missing or too old: no collector is alive."""


class ConnectionMuted(StaleData):
    """The connection that delivered the value has delivered nothing for longer than allowed."""


class ConnectionLate(StaleData):
    """The connection that delivered the value lags too far behind, or by an unknown time."""


class TooOld(StaleData):
    """The value is live, but older than the caller's `max_age_s`.

    The age counts from the venue's time stamp, and the error of the clocks counts against it.
    """


class NotYetLive(StaleData):
    """No connection of the current feed has delivered the value yet."""


class NotRecorded(FastoptsError):
    """The market at that time is not recorded; the message names what is, or the gap."""


class NoSuchOption(FastoptsError):
    """There is no option of that name."""


class Expired(NoSuchOption):
    """The option's delivery time has passed; `allow_expired=True` reads its last values."""


class Unknown(NoSuchOption):
    """There is no option of that name; the message suggests a listed one where it can.

    The option may also have been delisted, or never have ticked under this collector.
    """


def extra_missing(module: str, extra: str) -> str:
    """Return how to install the *extra* that has *module*, with or without a checkout."""
    from importlib import metadata  # slow to import, and a missing module is rare

    marker = re.compile(rf"extra\s*==\s*['\"]{extra}['\"]")
    try:
        declared = metadata.requires("fastopts") or []
    except metadata.PackageNotFoundError:
        declared = []
    requirements = [line.partition(";")[0].strip() for line in declared if marker.search(line)]
    names = " ".join(f"'{requirement}'" for requirement in requirements) or module
    return (
        f"{module} is not installed: pip install {names}"
        f" (in the project's folder: pip install '.[{extra}]')"
    )


def option_of(argument: str) -> str:
    """Return the command-line option of a Python *argument*."""
    if argument in _OPTIONS:
        return _OPTIONS[argument]
    return f"--{argument.replace('_', '-')}"


def one_line(text: str) -> str:
    """Return *text* without credentials, control characters escaped.

    A peer could forge log lines or move the cursor of a terminal with them.
    """
    plain = (c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
    return masked("".join(plain))


def masked(text: str) -> str:
    """Return *text* without the users and passwords of the URLs in it.

    This package puts none into messages, but an operator may write a URL in the wrong place.
    """
    return _CREDENTIALS.sub("***@", text)


def shown(value: object) -> str:
    """Return the `repr` of *value*, on one line and clipped, for an error message."""
    try:
        return clipped(" ".join(repr(value).split()))
    except Exception:  # noqa: BLE001 - a foreign object's repr; an integer of 5,000 digits
        return f"a value of type {type(value).__name__}"


def clipped(text: str) -> str:
    """Return the beginning of a long *text* for a message, without credentials."""
    shown = masked(text)
    return shown if len(shown) <= CLIP else f"{shown[:CLIP]}..."
