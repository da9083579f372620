"""Bybit's REST answers as conversations without I/O.

A conversation is a generator: it yields the `Request` it wants answered, receives the envelope of
the answer and returns its result. Whoever drives it does the I/O and asks `judge` what an answer
is worth: an envelope, another try, or an end.

https://bybit-exchange.github.io/docs/v5/market/instrument, /market/tickers, /docs/v5/rate-limit
"""

from collections.abc import Generator, Mapping
from dataclasses import dataclass
from typing import Any, Final, NoReturn, Protocol

import orjson

from fastopts import keys
from fastopts.errors import VenueBanned, VenueError, VenueProtocolError
from fastopts.model import Instrument
from fastopts.venues.bybit import symbols
from fastopts.venues.bybit.fields import REST, time_ms

__all__ = ("Answer", "Request", "Retry", "Rows", "instruments", "judge", "tickers")

PAGE_SIZE: Final = 1000
PAGES_MAX: Final = 50
BAN_S: Final = 600.0  # "wait for at least 10 minutes"

# retCodes that pass by themselves; any other but 0 is final for the request.
TRANSIENT: Final = frozenset({429, 10000, 10006, 10016, 10018, 10429})
TOO_MANY_VISITS: Final = frozenset({10006, 10018})


class Answer(Protocol):
    """What came back for a request."""

    @property
    def status(self) -> int: ...
    @property
    def headers(self) -> Mapping[str, str]: ...
    @property
    def body(self) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Request:
    path: str
    params: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Rows:
    """Ticker rows by symbol, under short names, and the venue's time in ms of them all."""

    time_ms: int
    by_symbol: Mapping[str, Mapping[str, str]]


class Retry(VenueError):
    """The answer is none; another try, not before *after_s*, may bring one."""

    def __init__(self, message: str, after_s: float = 0.0) -> None:
        super().__init__(message)
        self.after_s = after_s


Envelope = dict[str, Any]


def instruments(coin: str) -> Generator[Request, Envelope, list[Instrument]]:
    """List every option on *coin*, page by page."""
    found: dict[str, Instrument] = {}
    cursor = ""
    seen = {cursor}
    for _ in range(PAGES_MAX):
        params = {"category": "option", "baseCoin": coin, "limit": str(PAGE_SIZE)}
        envelope = yield Request(
            "/v5/market/instruments-info", params | ({"cursor": cursor} if cursor else {})
        )
        result = envelope["result"]
        for row in _rows(result):
            instrument = _instrument(row)
            if instrument is not None and instrument.asset == coin:
                found[instrument.symbol] = instrument
        cursor = result.get("nextPageCursor") or ""
        if not isinstance(cursor, str):
            raise VenueProtocolError(f"{coin}: a cursor that is no text")
        if not cursor:
            return list(found.values())
        if cursor in seen:
            raise VenueProtocolError(f"{coin}: the venue's pages lead in a circle")
        seen.add(cursor)
    raise VenueProtocolError(f"{coin}: more than {PAGES_MAX} pages of instruments")


def tickers(coin: str) -> Generator[Request, Envelope, Rows]:
    """The newest ticker of every option on *coin*, in one answer."""
    envelope = yield Request("/v5/market/tickers", {"category": "option", "baseCoin": coin})
    at_ms = envelope.get("time")
    if not isinstance(at_ms, int) or time_ms(at_ms) is None:
        raise VenueProtocolError("an answer without the venue's time")
    rows = {
        row["symbol"]: {REST[name]: text for name, text in row.items() if name in REST}
        for row in _rows(envelope["result"])
        if isinstance(row.get("symbol"), str)
    }
    return Rows(at_ms, rows)


def judge(answer: Answer) -> Envelope:
    """Return the envelope of a good answer.

    Raises VenueBanned (stop all requests), Retry, or VenueError (final for this request).
    """
    if answer.status == 403:
        raise VenueBanned(
            "HTTP 403: too many requests from this address, or it is in a country that Bybit does"
            " not serve; no request for 10 minutes",
            BAN_S,
        )
    if answer.status == 404:
        raise VenueError("HTTP 404: no such path; is this a Bybit v5 host?")
    if answer.status == 429 or answer.status >= 500:
        after = answer.headers.get("retry-after", "")
        wait_s = float(after) if after.isdecimal() else 0.0
        raise Retry(f"HTTP {answer.status}", min(wait_s, BAN_S))
    if answer.status != 200:
        raise VenueError(f"HTTP {answer.status}")
    try:
        envelope = orjson.loads(answer.body)
    except orjson.JSONDecodeError:
        raise Retry("the answer is no JSON") from None
    if not isinstance(envelope, dict) or not isinstance(envelope.get("retCode"), int):
        raise Retry("the answer is no envelope of Bybit's")
    if envelope["retCode"] != 0:
        _refused(envelope, answer.headers)
    if not isinstance(envelope.get("result"), dict):
        raise VenueProtocolError("an answer without a result")
    return envelope


def _refused(envelope: Mapping[str, Any], headers: Mapping[str, str]) -> NoReturn:
    code = envelope["retCode"]
    words = f"retCode {code}: {' '.join(str(envelope.get('retMsg'))[:200].split())}"
    if code not in TRANSIENT:
        raise VenueError(words)
    reset_ms = time_ms(headers.get("x-bapi-limit-reset-timestamp"))
    at_ms = envelope.get("time")
    if code in TOO_MANY_VISITS and reset_ms is not None and isinstance(at_ms, int):
        raise Retry(words, min(60.0, max(0.0, (reset_ms - at_ms) / 1000)))
    raise Retry(words)


def _rows(result: Mapping[str, Any]) -> list[dict[str, Any]]:
    rows = result.get("list")
    if not isinstance(rows, list):
        raise VenueProtocolError("a result without a list")
    return [row for row in rows if isinstance(row, dict)]


def _instrument(row: Mapping[str, Any]) -> Instrument | None:
    """What the row says; where it is silent or odd, what the symbol says; None for no option."""
    read = symbols.parse(str(row.get("symbol")))
    if read is None:
        return None
    settle = str(row.get("settleCoin") or read.settle)
    if not keys.is_coin(settle):
        return None
    kind = {"Call": "C", "Put": "P"}.get(str(row.get("optionsType")), read.kind)
    prices, lots = row.get("priceFilter"), row.get("lotSizeFilter")
    return Instrument(
        symbol=read.symbol,
        asset=str(row.get("baseCoin") or read.asset),
        quote=str(row.get("quoteCoin") or read.quote),
        settle=settle,
        expiry_ms=time_ms(row.get("deliveryTime")) or read.expiry_ms,
        strike_text=read.strike_text,
        kind="C" if kind == "C" else "P",
        tick_size=str(prices.get("tickSize", "")) if isinstance(prices, dict) else "",
        lot_size=str(lots.get("qtyStep", "")) if isinstance(lots, dict) else "",
        status=str(row.get("status", "")),
        launch_ms=time_ms(row.get("launchTime")) or 0,
    )
