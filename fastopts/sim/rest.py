"""What REST answers: path and query in, status and body out. No I/O."""

import re
from bisect import bisect_right
from collections.abc import Callable, Mapping
from typing import Final
from urllib.parse import parse_qs, parse_qsl, quote, unquote, urlsplit

from fastopts.sim import dialect
from fastopts.sim.faults import Faults
from fastopts.sim.prices.market import Market
from fastopts.sim.prices.option import Option

__all__ = ("Rest",)

LIMIT_DEFAULT: Final = 500
LIMIT_MAX: Final = 1_000
STATUSES: Final = ("PreLaunch", "Trading", "Delivering", "Closed")

_DATE = re.compile(r"\d{1,2}[A-Z]{3}\d{2}", re.ASCII)

Query = Mapping[str, str]


class BadParameter(Exception):
    """The request gets retCode 10001."""


class Rest:
    """The venue's public market endpoints for options.

    *refresh* is called with an option before its row is written: what nobody subscribed to does not
    tick, so it is brought to the present when it is asked for.
    """

    def __init__(self, market: Market, faults: Faults, refresh: Callable[[Option], None]) -> None:
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

    # The message of a success differs from endpoint to endpoint at the venue too.

    def _time(self, query: Query, now_ms: int) -> bytes:
        result = {"timeSecond": str(now_ms // 1000), "timeNano": str(now_ms * 1_000_000)}
        return dialect.envelope(result, "OK", now_ms)

    def _instruments(self, query: Query, now_ms: int) -> bytes:
        _check_category(query)
        limit = _limit(query.get("limit"))
        status = query.get("status")
        if status is not None and status not in STATUSES:
            raise BadParameter(f"status invalid {status}")
        found = [
            option for option in self._listed(query) if status in (None, option.listing.status)
        ]
        if "symbol" not in query and query.get("baseCoin", "BTC") in self._faults.empty_coins:
            found = []
        page, cursor = _page(found, limit, query.get("cursor"))
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

    def _listed(self, query: Query) -> list[Option]:
        """Return the options of `symbol`, else of `baseCoin`: BTC if it is left out, `All` coins as
        undocumented clients ask for them."""
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


def _page(found: list[Option], limit: int, cursor: str | None) -> tuple[list[Option], str]:
    """Return the options after *cursor*, *limit* at most, and the cursor of the next page.

    Pages follow the symbols' order, so that none is skipped or repeated when others are listed or
    delivered between two requests.
    """
    found.sort(key=lambda option: option.symbol)
    start = 0
    if cursor:
        start = bisect_right([option.symbol for option in found], _last_symbol(cursor))
    page = found[start : start + limit]
    is_last = start + limit >= len(found)
    return page, "" if is_last else _cursor(page[0].symbol, page[-1].symbol)


def _cursor(first: str, last: str) -> str:
    """Return a cursor as the venue writes it: URL-encoded before it is put into the answer."""
    return quote(f"first={first}&last={last}", safe="")


def _last_symbol(cursor: str) -> str:
    # A client that puts the cursor into the URL as it is has it decoded once, others twice.
    last = dict(parse_qsl(unquote(cursor))).get("last")
    if last is None:
        raise BadParameter(f"cursor invalid {cursor}")
    return last
