"""Errors as RFC 9457's problem+json, with the contract's reason."""

import logging
import secrets
from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

import orjson
from starlette.responses import Response

from fastopts.errors import (
    BadInput,
    Expired,
    FastoptsError,
    NoSuchOption,
    StaleData,
    StoreUnavailable,
    WrongVenue,
    one_line,
)

__all__ = (
    "MEDIA_TYPE",
    "STATUSES",
    "Problem",
    "body_of",
    "of_error",
    "reason_of",
    "told",
    "unforeseen",
)

log = logging.getLogger(__name__)

MEDIA_TYPE: Final = "application/problem+json"
_RETRY: Final = {"Retry-After": "1"}

# The first that fits counts. What is stale may be live a second later.
STATUSES: Final[tuple[tuple[type[FastoptsError], int], ...]] = (
    (BadInput, 400),
    (Expired, 410),
    (NoSuchOption, 404),
    (StaleData, 503),
    (StoreUnavailable, 503),
    (WrongVenue, 503),
)


def reason_of(error: FastoptsError) -> str:
    """The contract's word for *error*: `FeedDown`, `Unknown`, ..."""
    return type(error).__name__


def told(error: FastoptsError) -> dict[str, str]:
    """The *error* in a message: its reason, and its text in the terms of a client of the API."""
    return {"reason": reason_of(error), "detail": one_line(error.worded("http"))}


def body_of(status: int, reason: str, detail: str) -> bytes:
    """A problem's JSON."""
    return orjson.dumps(
        {
            "type": "about:blank",
            "title": HTTPStatus(status).phrase,
            "status": status,
            "reason": reason,
            "detail": detail,
        }
    )


class Problem(Response):
    """An answer that says what is wrong."""

    def __init__(
        self, status: int, reason: str, detail: str, headers: Mapping[str, str] | None = None
    ) -> None:
        plain = {"Cache-Control": "no-store", **(headers or {})}
        super().__init__(body_of(status, reason, detail), status, plain, MEDIA_TYPE)
        self.reason = reason
        self.detail = detail


def of_error(error: FastoptsError) -> Problem:
    """The answer in place of what *error* kept from being told."""
    status = next((status for kind, status in STATUSES if isinstance(error, kind)), 502)
    retry = _RETRY if status in (502, 503) else None
    return Problem(status, reason_of(error), one_line(error.worded("http")), retry)


def unforeseen(error: BaseException) -> Problem:
    """The answer after a bug: it tells nothing but a number, under which the log has the rest."""
    number = secrets.token_hex(4)
    log.error("error %s", number, exc_info=error)
    return Problem(500, "InternalError", f"an error of the server's own; its log has {number}")
