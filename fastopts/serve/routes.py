"""The API: each route asks the mirror, and answers with prepared bytes."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Request
from starlette.responses import Response

from fastopts.errors import BadInput
from fastopts.reader.selection.bounds import given
from fastopts.serve.http.parameters import (
    AnyAsset,
    Asset,
    Deltas,
    Expiry,
    Settle,
    Sort,
    Stale,
    Symbols,
    bounded,
    no_strangers,
)
from fastopts.serve.http.response import Content, answer
from fastopts.serve.payloads import market as bodies
from fastopts.serve.payloads import rows
from fastopts.serve.payloads.schema import answers
from fastopts.serve.source import Source

__all__ = ("router",)

SYMBOLS_MAX = 2000
AllowExpired = Annotated[bool, Query(description="also what was delivered")]
MaxAge = Annotated[float | None, Query(ge=0, description="refuse what is older (seconds)")]


def router(source: Source) -> APIRouter:
    """The routes over *source*."""
    made = APIRouter(prefix="/v1", dependencies=[Depends(no_strangers)])

    @made.get("/options/{symbol}", responses=answers("OneOption", 410), tags=["options"])
    async def option(
        request: Request,
        symbol: Annotated[str, Path(description="BTC-25JUN27-100000-C-USDT", max_length=64)],
        stale: Stale = False,
        allow_expired: AllowExpired = False,
        max_age_s: MaxAge = None,
    ) -> Response:
        """One option's newest tick, with its age; one that is not live is refused."""
        mirror = source.mirror
        await source.recall([symbol])

        def make() -> Content:
            found = mirror.get(
                symbol,
                require_live=not stale,
                allow_expired=allow_expired,
                max_age_s=max_age_s,
            )
            body = bodies.option(found)
            return Content(body, [body], rows.ROW_NAMES, "option")

        return answer(request, mirror, make)

    @made.get("/options", responses=answers("Options"), tags=["options"])
    async def options(
        request: Request,
        symbols: Symbols,
        stale: Stale = False,
        allow_expired: AllowExpired = False,
        max_age_s: MaxAge = None,
    ) -> Response:
        """Several options; `absent` says of each that is not handed over why not."""
        wanted = _names(symbols)
        mirror = source.mirror
        await source.recall(wanted)

        def make() -> Content:
            found = mirror.get_many(
                wanted,
                require_live=not stale,
                allow_expired=allow_expired,
                max_age_s=max_age_s,
            )
            body = bodies.options(mirror.feed(), found)
            return Content(body, body["options"], rows.ROW_NAMES, "options")

        return answer(request, mirror, make)

    @made.get("/expiries/{asset}", responses=answers("Expiries"), tags=["series"])
    async def expiries(
        request: Request, asset: Asset, settle: Settle = None, stale: Stale = False
    ) -> Response:
        """The series of an asset: forward, volatility, skew, open interest; as of one moment."""

        def make() -> Content:
            body = bodies.expiries(source.mirror, asset, settle, not stale)
            return _listed(body, "expiries", "expiries")

        return answer(request, source.mirror, make)

    @made.get("/chains/{asset}", responses=answers("Chains"), tags=["series"])
    async def chains(
        request: Request, asset: Asset, settle: Settle = None, stale: Stale = False
    ) -> Response:
        """Every series of an asset strike by strike, as of one moment."""

        def make() -> Content:
            found = source.mirror.chains(asset, settle, require_live=not stale)
            body = bodies.chains(found)
            options = [rows.option(option) for one in found for option in one.options]
            return Content(body, options, rows.ROW_NAMES, "chains")

        return answer(request, source.mirror, make)

    @made.get("/chains/{asset}/{expiry}", responses=answers("OneChain"), tags=["series"])
    async def chain(
        request: Request, asset: Asset, expiry: Expiry, settle: Settle = None, stale: Stale = False
    ) -> Response:
        """One series strike by strike: of the only settle coin, else USDT; see `settles`."""

        def make() -> Content:
            found = source.mirror.chain(asset, expiry, settle, require_live=not stale)
            body = bodies.chain(found)
            options = [
                row[side] for row in body["strikes"] for side in ("call", "put") if row[side]
            ]
            return Content(body, options, rows.ROW_NAMES, "chain")

        return answer(request, source.mirror, make)

    @made.get("/smile/{asset}/{expiry}", responses=answers("Smile"), tags=["volatility"])
    async def smile(
        request: Request, asset: Asset, expiry: Expiry, settle: Settle = None, stale: Stale = False
    ) -> Response:
        """Volatility by strike, of the options out of the money."""

        def make() -> Content:
            found = source.mirror.chain(asset, expiry, settle, require_live=not stale)
            return _listed(bodies.smile(found), "points", "smile")

        return answer(request, source.mirror, make)

    @made.get("/surface/{asset}", responses=answers("Surface"), tags=["volatility"])
    async def surface(
        request: Request,
        asset: Asset,
        settle: Settle = None,
        deltas: Deltas = None,
        stale: Stale = False,
    ) -> Response:
        """Mark volatility by expiry and delta; null where it is not bracketed."""
        wanted = bodies.read_deltas(deltas)

        def make() -> Content:
            body = bodies.surface(source.mirror, asset, settle, wanted, not stale)
            grid = [_spread(one, wanted) for one in body["expiries"]]
            names = list(grid[0]) if grid else []
            return Content(body, grid, names, "surface")

        return answer(request, source.mirror, make)

    @made.get("/instruments", responses=answers("Instruments"), tags=["options"])
    async def instruments(
        request: Request,
        asset: AnyAsset = None,
    ) -> Response:
        """The terms of everything that is listed."""

        def make() -> Content:
            return _listed(bodies.instruments(source.mirror, asset), "instruments", "instruments")

        return answer(request, source.mirror, make)

    @made.get("/scan", responses=answers("Scan"), tags=["options"])
    @bounded
    async def scan(
        request: Request,
        asset: AnyAsset = None,
        sort: Sort = None,
        limit: Annotated[int | None, Query(ge=0, le=1_000_000)] = None,
        gate: Annotated[
            bool, Query(description="keep out what is stale, settling, one-sided, crossed")
        ] = True,
        stale: Stale = False,
        **bounds: Any,
    ) -> Response:
        """The options that meet all bounds, which are inclusive, and what the gate kept out."""
        wanted = given(bounds)

        def make() -> Content:
            found = source.mirror.scan(
                asset, gate=gate, sort=sort, limit=limit, require_live=not stale, **wanted
            )
            body = rows.envelope(found.market.moment) | bodies.scan(found)
            return Content(body, body["options"], rows.ROW_NAMES, "scan")

        return answer(request, source.mirror, make)

    @made.get("/feed", responses=answers("Feed", csv=False), tags=["feed"])
    async def feed(request: Request) -> Response:
        """Who writes, how alive that is, what it covers, how old it is. A dead feed is no error."""
        body = bodies.feed(source)
        return answer(request, source.mirror, lambda: Content(body, [body], list(body), "feed"))

    return made


def _listed(body: dict[str, Any], what: str, name: str) -> Content:
    found = body[what]
    return Content(body, found, list(found[0]) if found else [], name)


def _spread(series: dict[str, Any], deltas: Any) -> dict[str, Any]:
    kept = {name: value for name, value in series.items() if name != "ivs"}
    return kept | {f"iv_{d}": iv for d, iv in zip(deltas, series["ivs"], strict=True)}


def _names(symbols: str) -> list[str]:
    names = [name.strip() for name in symbols.split(",") if name.strip()]
    if not 0 < len(names) <= SYMBOLS_MAX:
        raise BadInput(f"symbols: 1 to {SYMBOLS_MAX} of them, with commas")
    return names
