"""REST responses, without I/O: path and query in, status and body out."""

import re
from bisect import bisect_right
from collections.abc import Callable, Mapping
from typing import Final
from urllib.parse import parse_qs, parse_qsl, quote, unquote, urlsplit

from fastopts.sim import dialect
from fastopts.sim.faults import Faults
from fastopts.sim.prices.market import SimMarket
from fastopts.sim.prices.option import SimOption

__all__ = ("Rest",)

LIMIT_DEFAULT: Final = 500
LIMIT_MAX: Final = 1_000
STATUSES: Final = ("PreLaunch", "Trading", "Delivering", "Closed")

_DATE = re.compile(r"\d{1,2}[A-Z]{3}\d{2}", re.ASCII)

Query = Mapping[str, str]


class BadParameter(Exception):
    """Invalid request parameter: retCode 10001."""


class Rest:
    """The venue's public market endpoints for options.

    *refresh* is called with an option before its row is rendered: options without subscribers do
    not tick by themselves.
    """

    def __init__(
        self, market: SimMarket, faults: Faults, refresh: Callable[[SimOption], None]
    ) -> None:
        self._market = market
        self._faults = faults
        self._refresh = refresh
        self._endpoints = {
            "/v5/market/time": self._time,
            "/v5/market/instruments-info": self._instruments,
            "/v5/market/tickers": self._tickers,
        }

    def answer(self, target: str, now_ms: int) -> tuple[int, bytes]:
        """Return HTTP status and body for *target*, a path with its query."""
        url = urlsplit(target)
        if url.path in self._faults.rest:
            status, body = self._faults.rest[url.path]
            return status, body.encode()
        endpoint = self._endpoints.get(url.path)
        if endpoint is None:
            return 404, b""
        query = {name: values[-1] for name, values in parse_qs(url.query).items()}
        try:
            return 200, endpoint(query, now_ms)
        except BadParameter as error:
            return 200, dialect.envelope({}, f"params error: {error}", now_ms, 10001)

    # retMsg of successful responses differs between endpoints, as at the venue.

    def _time(self, query: Query, now_ms: int) -> bytes:
        result = {"timeSecond": str(now_ms // 1000), "timeNano": str(now_ms * 1_000_000)}
        return dialect.envelope(result, "OK", now_ms)

    def _instruments(self, query: Query, now_ms: int) -> bytes:
        _check_category(query)
        limit = _limit(query.get("limit"))
        status = query.get("status")
        if status is not None and status not in STATUSES:
            raise BadParameter(f"status invalid {status}")
        options = [
            option for option in self._listed(query) if status in (None, option.listing.status)
        ]
        if "symbol" not in query and query.get("baseCoin", "BTC") in self._faults.empty_coins:
            options = []
        page, cursor = _page(options, limit, query.get("cursor"))
        result = {
            "category": "option",
            "nextPageCursor": cursor,
            "list": [dialect.instrument(option) for option in page],
        }
        return dialect.envelope(result, "success", now_ms)

    def _tickers(self, query: Query, now_ms: int) -> bytes:
        _check_category(query)
        if "symbol" not in query and "baseCoin" not in query:
            raise BadParameter("symbol or baseCoin is required")
        date = query.get("expDate")
        if date is not None and not _DATE.fullmatch(date):
            raise BadParameter(f"expDate invalid {date}")
        rows = []
        for option in self._listed(query):
            listing = option.listing
            if listing.status == "Trading" and date in (None, listing.series.date):
                self._refresh(option)
                rows.append(dialect.row(option))
        return dialect.envelope({"category": "option", "list": rows}, "SUCCESS", now_ms)

    def _listed(self, query: Query) -> list[SimOption]:
        """Return the options of `symbol`, else of `baseCoin` (default BTC; the undocumented `All`
        selects every coin)."""
        options = self._market.options
        if "symbol" in query:
            symbol = query["symbol"]
            if symbol not in options:
                raise BadParameter(f"symbol invalid {symbol}")
            return [options[symbol]]
        coin = query.get("baseCoin", "BTC")
        if coin == "All" and self._faults.names_coins:
            return list(options.values())
        return [option for option in options.values() if option.listing.series.coin.name == coin]


def _check_category(query: Query) -> None:
    if query.get("category") != "option":
        raise BadParameter("category invalid")


def _limit(text: str | None) -> int:
    if text is None:
        return LIMIT_DEFAULT
    if not text.isdecimal() or not 1 <= int(text) <= LIMIT_MAX:
        raise BadParameter(f"limit invalid {text}")
    return int(text)


def _page(options: list[SimOption], limit: int, cursor: str | None) -> tuple[list[SimOption], str]:
    """Return the options after *cursor*, *limit* at most, and the cursor of the next page.

    Pages are sorted by symbol, so that none is skipped or repeated when options are listed or
    delivered between two requests.
    """
    options.sort(key=lambda option: option.symbol)
    start = 0
    if cursor:
        start = bisect_right([option.symbol for option in options], _last_symbol(cursor))
    page = options[start : start + limit]
    is_last = start + limit >= len(options)
    return page, "" if is_last else _cursor(page[0].symbol, page[-1].symbol)


def _cursor(first: str, last: str) -> str:
    """Return a cursor as the venue does: already URL-encoded in the response."""
    return quote(f"first={first}&last={last}", safe="")


def _last_symbol(cursor: str) -> str:
    # Decoded once if the client puts the cursor into the URL unchanged, twice if it encodes it.
    last = dict(parse_qsl(unquote(cursor))).get("last")
    if last is None:
        raise BadParameter(f"cursor invalid {cursor}")
    return last
