"""Errors as problem details (RFC 9457), with a machine-readable `reason`."""

import logging
import secrets
from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

import orjson
from starlette.responses import Response

from fastopts.errors import FastoptsError, one_line
from fastopts.serve.protocol import STATUS_UPSTREAM_ERROR, STATUSES, Reason, reason_of

__all__ = (
    "MEDIA_TYPE",
    "Problem",
    "body_of",
    "error_fields",
    "from_error",
    "internal_error",
    "not_found",
)

log = logging.getLogger(__name__)

MEDIA_TYPE: Final = "application/problem+json"

# The collector beats once a second, and a mirror follows within that time.
_RETRY_AFTER: Final = {"Retry-After": "1"}


def error_fields(error: FastoptsError) -> dict[str, str]:
    """Return `reason` and `detail` of *error*, worded for a client of the API."""
    return {"reason": reason_of(error), "detail": one_line(error.worded("http"))}


def body_of(status: int, reason: str, detail: str) -> bytes:
    """Return the JSON of a problem.

    `type` is about:blank, which RFC 9457 (section 4.2.1) defines as "see the status": then the
    title has to be the status phrase.
    """
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
    """A response with problem details; caches must not keep it."""

    def __init__(
        self, status: int, reason: str, detail: str, headers: Mapping[str, str] | None = None
    ) -> None:
        all_headers = {"Cache-Control": "no-store", **(headers or {})}
        super().__init__(body_of(status, reason, detail), status, all_headers, MEDIA_TYPE)
        self.reason = reason
        self.detail = detail


def from_error(error: FastoptsError) -> Problem:
    """Return the response for an *error* that a read raised."""
    status = next(
        (status for kind, status in STATUSES if isinstance(error, kind)), STATUS_UPSTREAM_ERROR
    )
    headers = _RETRY_AFTER if status in (502, 503) else None
    return Problem(status, reason_of(error), one_line(error.worded("http")), headers)


def not_found() -> Problem:
    """Return the response for a path that the server does not have."""
    return Problem(
        404, Reason.NO_SUCH_PATH, "no such path; see /v1/openapi.json for the paths of the API"
    )


def internal_error(error: BaseException) -> Problem:
    """Log an unexpected *error* and return a response that reveals nothing but its log number."""
    number = secrets.token_hex(4)
    log.error("internal error %s", number, exc_info=error)
    detail = f"internal server error; the server's log has it under {number}"
    return Problem(500, Reason.INTERNAL_ERROR, detail)
