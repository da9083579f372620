"""The application: API routes, streams, page, health and metrics, behind the guard."""

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

from fastopts.errors import FastoptsError, one_line, shown
from fastopts.serve.http import assets, problems
from fastopts.serve.http.clients import ClientResolver
from fastopts.serve.http.guard import Guard
from fastopts.serve.http.parameters import check_names
from fastopts.serve.http.prefix import PREFIX, PrefixMiddleware
from fastopts.serve.http.problems import Problem
from fastopts.serve.http.response import FORMAT
from fastopts.serve.payloads import schema
from fastopts.serve.payloads.health import readiness_problems
from fastopts.serve.payloads.index import index_payload
from fastopts.serve.prometheus import exposition
from fastopts.serve.protocol import Reason
from fastopts.serve.routes import make_router
from fastopts.serve.settings import ServeSettings
from fastopts.serve.source import MarketSource
from fastopts.serve.stats import ServerStats
from fastopts.serve.streams.broadcaster import Broadcaster
from fastopts.serve.streams.endpoints import StreamEndpoints

__all__ = ("Application",)

_DESCRIPTION: Final = (
    "Read-only access to a venue's whole options market as it is now. Every value has its age and"
    " says whether it is live; stale values are refused unless `stale=true` asks for them. Implied"
    " volatilities are fractions, times are ms since 1970 UTC, unknown values are null. Each route"
    " also answers in CSV: with the suffix `.csv` or `Accept: text/csv`."
)
_NO_STORE: Final = {"Cache-Control": "no-store"}


class Application:
    """All that a server serves; `asgi` is its ASGI application."""

    def __init__(
        self,
        source: MarketSource,
        broadcaster: Broadcaster,
        settings: ServeSettings,
        stats: ServerStats,
    ) -> None:
        """Serve *source* and *broadcaster*, which end with the application."""
        self.source = source
        self.broadcaster = broadcaster
        self.settings = settings
        self.stats = stats
        self.streams = StreamEndpoints(broadcaster, settings.limits, stats)
        self.api = self._make_api()
        clients = ClientResolver(settings.trusted_networks)
        prefixed = PrefixMiddleware(_SuffixMiddleware(self.api), settings.root_path, clients)
        self.asgi: ASGIApp = Guard(prefixed, settings, stats)

    @asynccontextmanager
    async def _lifespan(self, _: FastAPI) -> AsyncIterator[None]:
        await self.source.start()
        try:
            yield
        finally:
            await self.broadcaster.close()
            await self.source.close()

    def _hello(self) -> Mapping[str, Any]:
        """The fields of a stream's first message."""
        venue = self.source.mirror.feed().venue
        beat_ms = round(self.settings.beat_s * 1000)
        return {"venue": venue, "simulated": venue == "sim", "beat_ms": beat_ms}

    def _make_api(self) -> FastAPI:
        api = FastAPI(
            title="fastopts",
            version=self.settings.version,
            description=_DESCRIPTION,
            lifespan=self._lifespan,
            # The document and its page are served by routes of their own, which know the path
            # prefix; FastAPI's documentation pages load scripts from another site.
            openapi_url=None,
            docs_url=None,
            redoc_url=None,
            redirect_slashes=False,
        )
        api.include_router(make_router(self.source))
        self._add_streams(api)
        self._add_health(api)
        self._add_metrics(api)
        _add_document(api, self.settings.tokens is not None)
        _add_page(api)
        _add_error_handlers(api)
        return api

    def _add_streams(self, api: FastAPI) -> None:
        stream = {"text/event-stream": {"schema": {"type": "string"}}}
        responses = {
            **schema.responses("Problem", has_csv=False),
            200: {"description": "the stream", "content": stream},
        }

        @api.get(
            "/v1/events", responses=responses, dependencies=[Depends(check_names)], tags=["streams"]
        )
        async def events(
            request: Request,
            subscribe: Annotated[
                list[str] | None,
                Query(description='subscription as JSON, such as {"asset": "BTC"}; repeatable'),
            ] = None,
        ) -> Response:
            """Server-sent events of one JSON message each: a snapshot, then its changes."""
            return self.streams.events(request, self._hello(), subscribe or [])

        @api.websocket("/v1/stream")
        async def stream_endpoint(socket: WebSocket) -> None:
            """WebSocket of JSON messages: subscribe to options, scans, smiles and more."""
            await self.streams.serve(socket, self._hello())

    def _add_health(self, api: FastAPI) -> None:
        ready_content = schema.responses("Ready", has_csv=False)[200]["content"]
        no_parameters = [Depends(check_names)]

        @api.get(
            "/live",
            responses={204: {"description": "the event loop runs"}},
            status_code=204,
            dependencies=no_parameters,
            tags=["operation"],
        )
        async def live() -> Response:
            """Liveness: whether the server's event loop runs."""
            return Response(None, 204, _NO_STORE)

        @api.get(
            "/ready",
            responses={
                200: {"description": "ready", "content": ready_content},
                503: {"description": "not ready", "content": ready_content},
            },
            dependencies=no_parameters,
            tags=["operation"],
        )
        async def is_ready() -> Response:
            """Readiness: whether enough of the market is live and fresh; else 503 with reasons."""
            health = self.source.health()
            reasons = readiness_problems(
                health,
                share_min=self.settings.ready_share,
                age_s_max=self.settings.ready_age_s,
            )
            body = {"ready": not reasons, "reasons": reasons, **health.values}
            status = 503 if reasons else 200
            return Response(orjson.dumps(body), status, _NO_STORE, "application/json")

    def _add_metrics(self, api: FastAPI) -> None:
        @api.get("/metrics", include_in_schema=False)
        async def metrics() -> Response:
            text, media_type = exposition(self.stats, self.source, self.settings)
            return Response(text, 200, _NO_STORE, media_type)


class _SuffixMiddleware:
    """ASGI middleware: strips `.csv` and `.json` from the paths of the API."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"].startswith("/v1/"):
            path, dot, suffix = scope["path"].rpartition(".")
            if dot and suffix in ("csv", "json") and path != "/v1/openapi":
                scope["path"], scope[FORMAT] = path, suffix
        await self._app(scope, receive, send)


def _add_document(api: FastAPI, has_tokens: bool) -> None:
    make_document = functools.cache(lambda: _document(api, has_tokens))

    @api.get("/v1/openapi.json", include_in_schema=False)
    async def openapi(request: Request) -> Response:
        # Relative to the document's own address, unless the prefix is known.
        servers = [{"url": request.scope.get(PREFIX) or ".."}]
        body = orjson.dumps({**make_document(), "servers": servers})
        return Response(body, 200, media_type="application/json")

    index_responses = schema.responses("Index", has_csv=False)

    @api.get("/v1/", include_in_schema=False, dependencies=[Depends(check_names)])
    @api.get("/v1", responses=index_responses, dependencies=[Depends(check_names)], tags=["feed"])
    async def index(request: Request) -> Response:
        """The routes of the API, each with one line that says what it returns."""
        body = index_payload(make_document(), api.routes, request.scope.get(PREFIX, ""))
        return Response(orjson.dumps(body), 200, media_type="application/json")


def _document(api: FastAPI, has_tokens: bool) -> dict[str, Any]:
    """Return the OpenAPI document: FastAPI's paths, our schemas; authorization only with tokens."""
    document = api.openapi()
    document.setdefault("components", {})["schemas"] = dict(schema.COMPONENTS)
    if has_tokens:
        document["components"]["securitySchemes"] = {
            "bearer": {"type": "http", "scheme": "bearer"},
            "basic": {"type": "http", "scheme": "basic"},
        }
        document["security"] = [{"bearer": []}, {"basic": []}]
    for path in document["paths"].values():
        for operation in path.values():
            # FastAPI makes the summary from the function's name.
            summary, _, details = operation.pop("description").partition("\n")
            operation["summary"] = summary.replace("`", "")
            if details:
                operation["description"] = details.strip()
            # FastAPI documents its own 422 for every route; here invalid parameters are 400.
            operation["responses"].pop("422", None)
    return document


def _add_page(api: FastAPI) -> None:
    files = assets.load()

    def respond(request: Request, name: str) -> Response:
        asset = files.get(name)
        if asset is None:
            return problems.not_found()
        return assets.respond(request, asset, request.scope.get(PREFIX, ""))

    @api.get("/", include_in_schema=False)
    async def page(request: Request) -> Response:
        return respond(request, "index.html")

    @api.get("/docs", include_in_schema=False)
    async def docs(request: Request) -> Response:
        return respond(request, "api_docs.html")

    @api.get("/page/{name:path}", include_in_schema=False)
    async def file(request: Request, name: str) -> Response:
        return respond(request, name)


def _fault_text(fault: Mapping[str, Any]) -> str:
    """The message of a parameter's *fault*: the parser's own, or one in this API's words."""
    kind, limits = fault["type"], fault.get("ctx", {})
    if kind == "value_error":
        return str(limits["error"])
    if kind == "missing":
        return "missing: add it to the query"
    value = shown(fault["input"])
    if kind.startswith("int_"):
        return f"{value} is not a whole number: write digits, such as 20"
    if kind.startswith("float_"):
        return f"{value} is not a number: write digits, such as 0.5"
    if kind.startswith("bool_"):
        return f"{value} is neither true nor false: write true or false"
    if kind == "greater_than_equal":
        return f"{value} is too small: write {limits['ge']:g} or more"
    if kind == "less_than_equal":
        return f"{value} is too large: write {limits['le']:,} or less"
    if kind == "string_too_long":
        return f"{value} is too long: write at most {limits['max_length']:,} characters"
    return str(fault["msg"])


def _add_error_handlers(api: FastAPI) -> None:
    @api.exception_handler(FastoptsError)
    async def on_fastopts_error(_: Request, error: FastoptsError) -> Response:
        return problems.from_error(error)

    @api.exception_handler(RequestValidationError)
    async def on_invalid_parameter(_: Request, error: RequestValidationError) -> Response:
        faults = [f"{fault['loc'][-1]}: {_fault_text(fault)}" for fault in error.errors()]
        return Problem(400, "BadInput", one_line("; ".join(faults)))

    @api.exception_handler(Exception)
    async def on_internal_error(_: Request, error: Exception) -> Response:
        return problems.internal_error(error)

    @api.exception_handler(HTTPException)
    async def on_http_exception(_: Request, error: HTTPException) -> Response:
        if error.status_code == 404:
            return problems.not_found()
        return Problem(error.status_code, Reason.REFUSED, str(error.detail), error.headers)
