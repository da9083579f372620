"""The application: routes, streams, page and health, behind the guard."""

import functools
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Annotated, Any, Final

import orjson
from fastapi import Depends, FastAPI, Query, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocket

from fastopts.errors import FastoptsError
from fastopts.reader import AsyncOptionReader
from fastopts.serve import prometheus as exposition
from fastopts.serve.http import assets, problems
from fastopts.serve.http.clients import Clients
from fastopts.serve.http.guard import Guard
from fastopts.serve.http.parameters import no_strangers
from fastopts.serve.http.prefix import PREFIX, Prefixed
from fastopts.serve.http.problems import Problem
from fastopts.serve.payloads import market as bodies
from fastopts.serve.payloads import schema
from fastopts.serve.payloads.health import wanting
from fastopts.serve.routes import router
from fastopts.serve.settings import ServeSettings
from fastopts.serve.source import Source
from fastopts.serve.stats import Figures
from fastopts.serve.streams.broadcaster import Board
from fastopts.serve.streams.endpoints import Streams
from fastopts.serve.tasks import Failed

__all__ = ("Application",)

_DESCRIPTION: Final = (
    "A venue's whole options market as it is now, read-only. Every value has its age, and says"
    " whether it is live; what is not live is refused unless `stale=true` asks for it."
    " Implied volatilities are fractions, times ms since 1970 UTC, what is not known null."
    " Each route also answers in CSV: with the suffix `.csv` or `Accept: text/csv`."
)


class Application:
    """What a server serves; `asgi` is the door."""

    def __init__(
        self, reader: AsyncOptionReader, settings: ServeSettings, figures: Figures, failed: Failed
    ) -> None:
        self.settings = settings
        self.figures = figures
        self.board = Board(
            lambda: self.source.mirror,
            lambda: bodies.feed(self.source),
            settings.limits,
            settings.beat_s,
            failed,
        )
        self.source = Source(reader, self.board, failed)
        self.streams = Streams(self.board, settings.limits, figures)
        self.api = self._api()
        clients = Clients(settings.trusted_networks)
        inner = Prefixed(_Suffixed(self.api), settings.root_path, clients)
        self.asgi: ASGIApp = Guard(inner, settings, figures)

    @asynccontextmanager
    async def _life(self, _: FastAPI) -> AsyncIterator[None]:
        await self.source.begin()
        try:
            yield
        finally:
            await self.board.end()
            await self.source.end()

    def _hello(self) -> Mapping[str, Any]:
        venue = self.source.mirror.feed().venue
        beat_ms = round(self.settings.beat_s * 1000)
        return {"venue": venue, "simulated": venue == "sim", "beat_ms": beat_ms}

    def _api(self) -> FastAPI:
        api = FastAPI(
            title="fastopts",
            version=self.settings.version,
            description=_DESCRIPTION,
            lifespan=self._life,
            openapi_url=None,
            docs_url=None,
            redoc_url=None,
            redirect_slashes=False,
        )
        api.include_router(router(self.source))
        self._add_streams(api)
        self._add_health(api)
        self._add_page(api)
        _add_problems(api)
        return api

    def _add_streams(self, api: FastAPI) -> None:
        text = {"text/event-stream": {"schema": {"type": "string"}}}
        told = {**schema.answers("Problem", csv=False), 200: {"content": text}}
        no_more = [Depends(no_strangers)]

        @api.get("/v1/events", responses=told, dependencies=no_more, tags=["streams"])
        async def events(
            request: Request,
            subscribe: Annotated[
                list[str] | None, Query(description='subscriptions: {"asset": "BTC"}')
            ] = None,
        ) -> Response:
            """Server-sent events: a snapshot, then what changes. Each is one JSON message."""
            return self.streams.events(request, self._hello(), subscribe or [])

        @api.websocket("/v1/stream")
        async def stream(socket: WebSocket) -> None:
            await self.streams.serve(socket, self._hello())

    def _add_health(self, api: FastAPI) -> None:
        ready = schema.answers("Ready", csv=False)
        no_more = [Depends(no_strangers)]

        @api.get("/live", responses={204: {}}, status_code=204, dependencies=no_more)
        async def live() -> Response:
            """Whether the server's event loop turns."""
            return Response(None, 204, {"Cache-Control": "no-store"})

        @api.get(
            "/ready",
            responses={200: ready[200], 503: {"content": ready[200]["content"]}},
            dependencies=no_more,
        )
        async def is_ready() -> Response:
            """Whether there is data: enough of it live, and fresh; 503 with reasons if not."""
            look, wish = self.source.look(), self.settings
            reasons = wanting(look, wish.ready_share, wish.ready_age_s)
            body = {"ready": not reasons, "reasons": reasons, **look.values}
            headers = {"Cache-Control": "no-store"}
            return _json(body, 503 if reasons else 200, headers)

        @api.get("/metrics", include_in_schema=False)
        async def metrics() -> Response:
            text, media_type = exposition.text(self.figures, self.source, self.settings)
            return Response(text, 200, {"Cache-Control": "no-store"}, media_type)

        document = functools.cache(lambda: _document(api))

        @api.get("/v1/openapi.json", include_in_schema=False)
        async def openapi(request: Request) -> Response:
            # Relative to the document's own address, unless the prefix is known.
            servers = [{"url": request.scope.get(PREFIX) or ".."}]
            body = orjson.dumps({**document(), "servers": servers})
            return Response(body, 200, media_type="application/json")

    def _add_page(self, api: FastAPI) -> None:
        files = assets.load()

        @api.get("/", include_in_schema=False)
        async def page(request: Request) -> Response:
            return _asset(request, files, "index.html")

        @api.get("/page/{name:path}", include_in_schema=False)
        async def file(request: Request, name: str) -> Response:
            return _asset(request, files, name)


class _Suffixed:
    """Takes `.csv` or `.json` off the paths of the API."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"].startswith("/v1/"):
            path, dot, form = scope["path"].rpartition(".")
            if dot and form in ("csv", "json") and path != "/v1/openapi":
                scope["path"], scope["fastopts.form"] = path, form
        await self._app(scope, receive, send)


def _asset(request: Request, files: Mapping[str, assets.Asset], name: str) -> Response:
    found = files.get(name)
    if found is None:
        return Problem(404, "NoSuchPath", "there is nothing here")
    return assets.respond(request, found, request.scope.get(PREFIX, ""))


def _json(body: Any, status: int, headers: Mapping[str, str]) -> Response:
    return Response(orjson.dumps(body), status, headers, "application/json")


def _document(api: FastAPI) -> dict[str, Any]:
    document = api.openapi()
    document.setdefault("components", {})["schemas"] = dict(schema.COMPONENTS)
    document["components"]["securitySchemes"] = {
        "bearer": {"type": "http", "scheme": "bearer"},
        "basic": {"type": "http", "scheme": "basic"},
    }
    document["security"] = [{}, {"bearer": []}, {"basic": []}]
    for path in document["paths"].values():
        for operation in path.values():
            operation["responses"].pop("422", None)  # a problem of status 400 is told instead
    return document


def _add_problems(api: FastAPI) -> None:
    @api.exception_handler(FastoptsError)
    async def of_error(_: Request, error: FastoptsError) -> Response:
        return problems.of_error(error)

    @api.exception_handler(RequestValidationError)
    async def of_parameters(_: Request, error: RequestValidationError) -> Response:
        faults = [f"{one['loc'][-1]}: {one['msg']}" for one in error.errors()]
        return Problem(400, "BadInput", "; ".join(faults))

    @api.exception_handler(Exception)
    async def of_bug(_: Request, error: Exception) -> Response:
        return problems.unforeseen(error)

    @api.exception_handler(HTTPException)
    async def of_status(_: Request, error: HTTPException) -> Response:
        reason = "NoSuchPath" if error.status_code == 404 else "Refused"
        detail = "there is nothing here" if error.status_code == 404 else str(error.detail)
        return Problem(error.status_code, reason, detail, error.headers)
