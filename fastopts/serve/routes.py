"""The routes of the API: each reads the mirror and returns a payload.

FastAPI is used for what it does well here: parsing parameters by their types, and the paths and
parameters of the OpenAPI document. Response models are not: they would validate each of 2,000 rows
again, after which orjson writes them anyway. Its schemas come from the field registry instead, and
errors are problem details. Starlette alone would need both by hand, which is more code than the few
lines that turn off the rest.
"""

import inspect
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from fastopts.errors import BadInput
from fastopts.reader.selection.bounds import supplied
from fastopts.serve.http.parameters import (
    AllowExpired,
    AnyAsset,
    Asset,
    Deltas,
    Expiry,
    Gate,
    MaxAge,
    RowLimit,
    Settle,
    Sort,
    Stale,
    Symbol,
    Symbols,
    bounded,
    check_names,
)
from fastopts.serve.http.response import ResponseContent, respond
from fastopts.serve.payloads.fields import fields_payload
from fastopts.serve.payloads.market import (
    Payload,
    chain_payload,
    chains_payload,
    expiries_payload,
    feed_payload,
    instruments_payload,
    option_payload,
    options_payload,
    parse_deltas,
    scan_payload,
    smile_payload,
    surface_payload,
)
from fastopts.serve.payloads.rows import ROW_NAMES, envelope
from fastopts.serve.payloads.schema import responses
from fastopts.serve.source import MarketSource

__all__ = ("make_router",)

# The URL limit is reached earlier, at about 290 symbols; this one bounds the work if it is raised.
SYMBOLS_MAX: Final = 2000

Handler = Callable[..., Awaitable[Payload]]
Rows = Callable[[Payload], Sequence[Payload]]


@dataclass(frozen=True, slots=True)
class _Route:
    path: str
    schema: str
    tag: str
    handler: Handler
    rows: Rows
    names: Sequence[str] | None
    statuses: tuple[int, ...]
    has_csv: bool


_ROUTES: Final[list[_Route]] = []


def route(
    path: str,
    schema: str,
    *,
    tag: str,
    rows: str | Rows,
    names: Sequence[str] | None = None,
    statuses: tuple[int, ...] = (),
    has_csv: bool = True,
) -> Callable[[Handler], Handler]:
    """Register a handler for *path* that returns a payload of the component *schema*.

    The handler gets the MarketSource and the parameters that its signature names; its name is that
    of the CSV file. *rows* are the rows of that file: the payload's list of this name, or a
    function of the payload. *names* are its columns, by default those of the first row.
    """

    def register(handler: Handler) -> Handler:
        get_rows = (lambda payload: payload[rows]) if isinstance(rows, str) else rows
        _ROUTES.append(
            _Route(
                path=path,
                schema=schema,
                tag=tag,
                handler=handler,
                rows=get_rows,
                names=names,
                statuses=statuses,
                has_csv=has_csv,
            )
        )
        return handler

    return register


def make_router(source: MarketSource) -> APIRouter:
    """Return the registered routes under /v1, reading *source*."""
    router = APIRouter(prefix="/v1", dependencies=[Depends(check_names)])
    for registered in _ROUTES:
        router.add_api_route(
            registered.path,
            _endpoint(registered, source),
            responses=responses(
                registered.schema, *registered.statuses, has_csv=registered.has_csv
            ),
            tags=[registered.tag],
        )
    return router


def _endpoint(registered: _Route, source: MarketSource) -> Callable[..., Awaitable[Response]]:
    """Return the ASGI endpoint of a route: ETag, JSON and CSV around its handler."""
    handler = registered.handler

    async def endpoint(request: Request, **parameters: Any) -> Response:
        async def make() -> ResponseContent:
            payload = await handler(source, **parameters)
            rows = registered.rows(payload)
            names = registered.names or (list(rows[0]) if rows else [])
            return ResponseContent(body=payload, rows=rows, names=names, file_name=handler.__name__)

        return await respond(request, source.mirror, make)

    # FastAPI reads the parameters from the signature, and the document's text from the docstring.
    signature = inspect.signature(handler)
    _, *parameters = signature.parameters.values()
    request = inspect.Parameter(
        "request", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=Request
    )
    endpoint.__signature__ = signature.replace(  # type: ignore[attr-defined]
        parameters=[request, *parameters], return_annotation=Response
    )
    endpoint.__name__ = handler.__name__
    endpoint.__doc__ = handler.__doc__
    return endpoint


def _whole(payload: Payload) -> Sequence[Payload]:
    return [payload]


def _chain_rows(payload: Payload) -> Sequence[Payload]:
    strikes = payload["strikes"]
    return [row[side] for row in strikes for side in ("call", "put") if row[side]]


def _chains_rows(payload: Payload) -> Sequence[Payload]:
    return [row for chain in payload["chains"] for row in _chain_rows(chain)]


def _surface_rows(payload: Payload) -> Sequence[Payload]:
    columns = [f"iv_{delta}" for delta in payload["deltas"]]
    return [
        {name: value for name, value in series.items() if name != "ivs"}
        | dict(zip(columns, series["ivs"], strict=True))
        for series in payload["expiries"]
    ]


@route(
    "/options/{symbol}", "OneOption", tag="options", rows=_whole, names=ROW_NAMES, statuses=(410,)
)
async def option(
    source: MarketSource,
    symbol: Symbol,
    stale: Stale = False,
    allow_expired: AllowExpired = False,
    max_age_s: MaxAge = None,
) -> Payload:
    """The newest values of one option with their age; refused unless live."""
    await source.recall([symbol])
    return option_payload(
        source.mirror.get(
            symbol, require_live=not stale, allow_expired=allow_expired, max_age_s=max_age_s
        )
    )


@route("/options", "Options", tag="options", rows="options", names=ROW_NAMES)
async def options(
    source: MarketSource,
    symbols: Symbols,
    stale: Stale = False,
    allow_expired: AllowExpired = False,
    max_age_s: MaxAge = None,
) -> Payload:
    """Several options; `absent` lists those that are refused, each with its reason."""
    names = _split(symbols)
    await source.recall(names)
    mirror = source.mirror
    results = mirror.get_many(
        names, require_live=not stale, allow_expired=allow_expired, max_age_s=max_age_s
    )
    return options_payload(mirror.feed(), results)


@route("/expiries/{asset}", "Expiries", tag="series", rows="expiries")
async def expiries(
    source: MarketSource, asset: Asset, settle: Settle = None, stale: Stale = False
) -> Payload:
    """The series of an asset at one moment: forward, ATM volatility, skew, open interest."""
    return expiries_payload(source.mirror, asset, settle, require_live=not stale)


@route("/chains/{asset}", "Chains", tag="series", rows=_chains_rows, names=ROW_NAMES)
async def chains(
    source: MarketSource, asset: Asset, settle: Settle = None, stale: Stale = False
) -> Payload:
    """All series of an asset strike by strike, at one moment."""
    return chains_payload(source.mirror.chains(asset, settle, require_live=not stale))


@route("/chains/{asset}/{expiry}", "OneChain", tag="series", rows=_chain_rows, names=ROW_NAMES)
async def chain(
    source: MarketSource, asset: Asset, expiry: Expiry, settle: Settle = None, stale: Stale = False
) -> Payload:
    """One series strike by strike; without `settle` the only settle coin, else USDT."""
    return chain_payload(source.mirror.chain(asset, expiry, settle, require_live=not stale))


@route("/smile/{asset}/{expiry}", "Smile", tag="volatility", rows="points")
async def smile(
    source: MarketSource, asset: Asset, expiry: Expiry, settle: Settle = None, stale: Stale = False
) -> Payload:
    """Volatility by strike, from the out-of-the-money options of a series."""
    return smile_payload(source.mirror.chain(asset, expiry, settle, require_live=not stale))


@route("/surface/{asset}", "Surface", tag="volatility", rows=_surface_rows)
async def surface(
    source: MarketSource,
    asset: Asset,
    settle: Settle = None,
    deltas: Deltas = None,
    stale: Stale = False,
) -> Payload:
    """Mark volatility by expiry and delta; null where no two options bracket the delta."""
    return surface_payload(
        source.mirror, asset, settle, parse_deltas(deltas), require_live=not stale
    )


@route("/instruments", "Instruments", tag="options", rows="instruments")
async def instruments(source: MarketSource, asset: AnyAsset = None) -> Payload:
    """The contract terms of all listed options."""
    return instruments_payload(source.mirror, asset)


@route("/scan", "Scan", tag="options", rows="options", names=ROW_NAMES)
@bounded
async def scan(
    source: MarketSource,
    asset: AnyAsset = None,
    sort: Sort = None,
    limit: RowLimit = None,
    gate: Gate = True,
    stale: Stale = False,
    **bounds: Any,
) -> Payload:
    """The options within all bounds (inclusive); `excluded` counts those that the gate left out."""
    result = source.mirror.scan(
        asset, gate=gate, sort=sort, limit=limit, require_live=not stale, **supplied(bounds)
    )
    return envelope(result.market.moment) | scan_payload(result)


def _flat_fields(payload: Payload) -> Sequence[Payload]:
    return [entry | {"bounds": " ".join(entry["bounds"])} for entry in payload["options"]]


@route("/fields", "Fields", tag="options", rows=_flat_fields)
async def fields(source: MarketSource) -> Payload:
    """The field registry: unit, meaning, heading, formula and bounds of every field."""
    return fields_payload()


@route("/feed", "Feed", tag="feed", rows=_whole, has_csv=False)
async def feed(source: MarketSource) -> Payload:
    """The collector's feed: whether it is alive, its coverage and ages. A dead feed is no error."""
    return feed_payload(source)


def _split(symbols: str) -> list[str]:
    names = [name.strip() for name in symbols.split(",") if name.strip()]
    if not 0 < len(names) <= SYMBOLS_MAX:
        raise BadInput(f"symbols: write 1 to {SYMBOLS_MAX} symbols, separated by commas")
    return names
