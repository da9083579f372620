"""An answer as JSON or CSV, with its ETag."""

import csv
import io
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import orjson
from starlette.requests import Request
from starlette.responses import Response

from fastopts.model import TIME_MAX_MS
from fastopts.reader.export.files import guarded
from fastopts.reader.mirrors.mirror import BaseMirror
from fastopts.serve.http.negotiation import weights

__all__ = ("Content", "answer", "etag", "table", "tags")

_JSON: Final = "application/json"
_CSV: Final = "text/csv"


@dataclass(frozen=True, slots=True)
class Content:
    """What is told: *body* as JSON; *rows*, all of the same *names*, as CSV in a file *name*."""

    body: Mapping[str, Any]
    rows: Sequence[Mapping[str, Any]]
    names: Sequence[str]
    name: str


def answer(request: Request, mirror: BaseMirror, make: Callable[[], Content]) -> Response:
    """Answer with what *make* tells, unless the client has it already."""
    is_csv = _wants_csv(request)
    tag = etag(mirror, is_csv)
    headers = {"Cache-Control": "no-cache", "Vary": "Accept, Authorization"}
    if tag is not None:
        headers["ETag"] = tag
        if tag in tags(request.headers.get("if-none-match", "")):
            return Response(None, 304, headers)
    content = make()
    if not is_csv:
        return Response(orjson.dumps(content.body), 200, headers, _JSON)
    headers["Content-Disposition"] = f'attachment; filename="{content.name}.csv"'
    return Response(table(content.names, content.rows), 200, headers, f"{_CSV}; charset=utf-8")


def etag(mirror: BaseMirror, is_csv: bool) -> str | None:
    """Names the state of the feed: the number of its newest announcement, which has its epoch, and
    the connections that are live. None while nothing is: what is told then differs by its time.

    It changes once a second at least, so that what a client keeps is no older than that.
    """
    if mirror.problem is not None:
        return None
    epoch, number = mirror.sequence
    muted = ".".join(map(str, mirror.feed().muted))
    return f'W/"{epoch}-{number}-{muted}-{"csv" if is_csv else "json"}"'


def table(names: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> bytes:
    """*rows* as CSV: times as ISO 8601 with Z, nothing for what is absent."""
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
            moment = datetime.fromtimestamp(min(value, TIME_MAX_MS) / 1000, UTC)
            return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        case str():
            return guarded(value)
        case float() if not math.isfinite(value):
            return ""  # as JSON has it
    return value


def _wants_csv(request: Request) -> bool:
    form = request.scope.get("fastopts.form")
    if form is not None:
        return bool(form == "csv")
    accepted = weights(request.headers.get("accept", ""))
    return accepted.get(_CSV, 0.0) > accepted.get(_JSON, 0.0)


def tags(header: str) -> list[str]:
    """The entity tags in If-None-Match."""
    return [tag.strip() for tag in header.split(",")]
