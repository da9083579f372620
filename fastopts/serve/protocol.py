"""The vocabulary of the HTTP API and its streams: message types, reasons, statuses, close codes.

Every string that a client compares is written here once. The dashboard's constants are generated
from this module, so that both sides change together.
"""

from enum import StrEnum
from typing import Final

from fastopts import errors
from fastopts.errors import (
    BadInput,
    Expired,
    FastoptsError,
    NoSuchOption,
    StaleData,
    StoreUnavailable,
    WrongVenue,
)

__all__ = (
    "CLOSE_POLICY_VIOLATION",
    "CLOSE_SERVICE_RESTART",
    "INTERNAL_ERROR_DETAIL",
    "PERMANENT_REASONS",
    "STATUSES",
    "STATUS_UPSTREAM_ERROR",
    "MessageType",
    "Operation",
    "Reason",
    "reason_of",
)


class MessageType(StrEnum):
    """The `type` of a message that the server sends on a stream."""

    HELLO = "hello"  # the first message: venue, beat_ms
    FEED = "feed"  # state of the feed, once a second
    SUBSCRIBED = "subscribed"
    UNSUBSCRIBED = "unsubscribed"
    PONG = "pong"
    ERROR = "error"  # a refused request, or a subscription that can't be served any more
    BYE = "bye"  # the last message: why the server closes the stream
    ROWS = "rows"
    SCAN = "scan"
    EXPIRIES = "expiries"
    SMILE = "smile"
    SURFACE = "surface"


class Operation(StrEnum):
    """The `op` of a message that a client sends over the WebSocket."""

    SUBSCRIBE = "subscribe"
    UNSUBSCRIBE = "unsubscribe"
    PING = "ping"


class Reason(StrEnum):
    """Reasons of the server itself; every other reason is the name of a Python exception."""

    BAD_HOST = "BadHost"
    BAD_ORIGIN = "BadOrigin"
    COVERAGE = "Coverage"  # of /ready: too few options are live
    EMPTY = "Empty"  # of /ready: no option is listed
    EVICTED = "Evicted"  # an unauthenticated connection made room for a new one
    GONE = "Gone"  # the client closed the stream
    INTERNAL_ERROR = "InternalError"
    MALFORMED_REQUEST = "MalformedRequest"
    NO_BODY = "NoBody"
    NO_SUCH_PATH = "NoSuchPath"
    NO_TOKEN = "NoToken"  # noqa: S105 - a reason, no password
    NOT_ACCEPTABLE = "NotAcceptable"
    READ_ONLY = "ReadOnly"
    REFUSED = "Refused"
    REQUEST_TIMEOUT = "RequestTimeout"
    RESTART = "Restart"
    TOO_LARGE = "TooLarge"
    TOO_MANY = "TooMany"
    TOO_OLD = "TooOld"  # of /ready; the same word as the exception's


# The first class that matches decides. Stale data are 503 and not 404: the option exists, and the
# same request may succeed a second later.
STATUSES: Final[tuple[tuple[type[FastoptsError], int], ...]] = (
    (BadInput, 400),
    (Expired, 410),
    (NoSuchOption, 404),
    (StaleData, 503),
    (StoreUnavailable, 503),
    (WrongVenue, 503),
)
STATUS_UPSTREAM_ERROR: Final = 502  # for every other error: Redis refused a command

# Repeating the request can't help before the client, the listing or the settings change. The
# dashboard retries a subscription after every other error.
_PERMANENT: Final = (BadInput, NoSuchOption, WrongVenue)
PERMANENT_REASONS: Final = frozenset(
    name
    for name, value in vars(errors).items()
    if isinstance(value, type) and issubclass(value, _PERMANENT)
)

# RFC 6455, section 7.4.1, and the IANA registry of close codes: 1012 asks clients to reconnect.
CLOSE_POLICY_VIOLATION: Final = 1008
CLOSE_SERVICE_RESTART: Final = 1012

INTERNAL_ERROR_DETAIL: Final = "internal server error; the server's log has the details"


def reason_of(error: FastoptsError) -> str:
    """Return the reason that stands for *error*: its class name, such as `FeedDown`."""
    return type(error).__name__
