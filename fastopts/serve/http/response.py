"""Responses of the API: one content as JSON or CSV, with its ETag."""

import csv
import io
import math
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import orjson
from starlette.requests import Request
from starlette.responses import Response

from fastopts.model import TIME_MAX_MS
from fastopts.reader.export.files import guarded
from fastopts.reader.export.times import iso
from fastopts.reader.mirrors.mirror import BaseMirror
from fastopts.serve.http.negotiation import weights

__all__ = ("FORMAT", "ResponseContent", "csv_table", "entity_tags", "etag", "respond")

# Key of the ASGI scope: "csv" or "json" if the path had that suffix.
FORMAT: Final = "fastopts.format"

_JSON: Final = "application/json"
_CSV: Final = "text/csv"


@dataclass(frozen=True, slots=True)
class ResponseContent:
    """What a route returns, before the client's choice between JSON and CSV.

    *body* is the JSON document; *rows* with the columns *names* are the CSV file *file_name*.csv.
    """

    body: Mapping[str, Any]
    rows: Sequence[Mapping[str, Any]]
    names: Sequence[str]
    file_name: str


async def respond(
    request: Request, mirror: BaseMirror, make: Callable[[], Awaitable[ResponseContent]]
) -> Response:
    """Respond with the content of *make*, or with 304 when the client has the current state.

    *make* is not called for a 304: a poll that finds nothing new costs no read of the market.
    """
    is_csv = _prefers_csv(request)
    tag = etag(mirror, is_csv)
    headers = {"Cache-Control": "no-cache", "Vary": "Accept, Authorization"}
    if tag is not None:
        headers["ETag"] = tag
        if tag in entity_tags(request.headers.get("if-none-match", "")):
            return Response(None, 304, headers)
    content = await make()
    if not is_csv:
        return Response(orjson.dumps(content.body), 200, headers, _JSON)
    headers["Content-Disposition"] = f'attachment; filename="{content.file_name}.csv"'
    return Response(csv_table(content.names, content.rows), 200, headers, f"{_CSV}; charset=utf-8")


def etag(mirror: BaseMirror, is_csv: bool) -> str | None:
    """Return the tag of the market's state; None while nothing is live.

    The state is the number of the newest announcement, its epoch, and the muted connections. It
    changes at least once a second, so a cached response is never older. Without a live feed there
    is no tag: responses then change with the time alone. The tag is weak because ages differ
    between two responses of the same state.
    """
    if mirror.problem is not None:
        return None
    epoch, number = mirror.sequence
    muted = ".".join(map(str, mirror.feed().muted))
    return f'W/"{epoch}-{number}-{muted}-{"csv" if is_csv else "json"}"'


def entity_tags(header: str) -> list[str]:
    """Return the entity tags in If-None-Match."""
    return [tag.strip() for tag in header.split(",")]


def csv_table(names: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> bytes:
    """Return *rows* as CSV with a header line.

    Times (`*_ms`) become ISO 8601 with Z, and lose the suffix; null becomes an empty cell.
    """
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow([name.removesuffix("_ms") for name in names])
    for row in rows:
        writer.writerow([_cell(name, row[name]) for name in names])
    return text.getvalue().encode()


def _cell(name: str, value: Any) -> Any:
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case int() if name.endswith("_ms"):
            return iso(datetime.fromtimestamp(min(value, TIME_MAX_MS) / 1000, UTC))
        case str():
            return guarded(value)
        case float() if not math.isfinite(value):
            return ""  # orjson writes null for it
    return value


def _prefers_csv(request: Request) -> bool:
    suffix = request.scope.get(FORMAT)
    if suffix is not None:
        return bool(suffix == "csv")
    accepted = weights(request.headers.get("accept", ""))
    return accepted.get(_CSV, 0.0) > accepted.get(_JSON, 0.0)
