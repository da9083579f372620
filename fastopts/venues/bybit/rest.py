"""Bybit's REST answers as conversations without I/O.

A conversation is a generator: it yields the `Request` it wants answered, receives the envelope of
the answer and returns its result. Whoever drives it does the I/O and asks `judge` what an answer
is worth: an envelope, another try, or an end.

https://bybit-exchange.github.io/docs/v5/market/instrument, /market/tickers, /docs/v5/rate-limit
"""

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from sys import intern
from typing import Any, Final, NoReturn, Protocol

import orjson

from fastopts import keys
from fastopts.errors import VenueBanned, VenueError, VenueProtocolError
from fastopts.model import Instrument, Kind
from fastopts.venues.bybit import symbols
from fastopts.venues.bybit.fields import REST, time_ms

__all__ = (
    "LIMIT",
    "REASONS",
    "InstrumentList",
    "RequestRefused",
    "RestRequest",
    "RestResponse",
    "SkippedInstruments",
    "TemporaryFailure",
    "TickerRows",
    "base_coins",
    "instruments",
    "judge",
    "server_time",
    "tickers",
)

PAGE_SIZE: Final = 1000
PAGES_MAX: Final = 50
ALL: Final = "All"
COINS_MAX: Final = 100
BAN_S: Final = 600.0  # "wait for at least 10 minutes"

# retCodes that pass by themselves; any other but 0 is final for the request.
TRANSIENT: Final = frozenset({429, 10000, 10006, 10016, 10018, 10429})
TOO_MANY_VISITS: Final = frozenset({10006, 10018})


class RestResponse(Protocol):
    """What came back for a request."""

    @property
    def status(self) -> int: ...
    @property
    def headers(self) -> Mapping[str, str]: ...
    @property
    def body(self) -> bytes: ...


@dataclass(frozen=True, slots=True)
class RestRequest:
    path: str
    params: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class TickerRows:
    """Ticker rows by symbol, under short names, and the venue's time in ms of them all."""

    time_ms: int
    by_symbol: Mapping[str, Mapping[str, str]]


@dataclass(slots=True)
class SkippedInstruments:
    """Listed rows that can't be tracked: how many by reason, and one symbol for each reason."""

    counts: dict[str, int] = field(default_factory=dict)
    examples: dict[str, str] = field(default_factory=dict)

    @property
    def total(self) -> int:
        return sum(self.counts.values())

    def add(self, reason: str, symbol: str, count: int = 1) -> None:
        self.counts[reason] = self.counts.get(reason, 0) + count
        self.examples.setdefault(reason, symbol)

    def sentences(self) -> list[str]:
        """One line per reason: how many, why, and an example."""
        return [
            f"{count} listed options are not tracked: {REASONS.get(reason, reason)},"
            f" such as {self.examples[reason]}"
            for reason, count in sorted(self.counts.items())
        ]

    def merge(self, other: "SkippedInstruments") -> None:
        for reason, count in other.counts.items():
            self.add(reason, other.examples[reason], count)


@dataclass(slots=True)
class InstrumentList:
    """The options that the venue lists, and the listed rows that were left out."""

    instruments: list[Instrument]
    skipped: SkippedInstruments


class RequestRefused(VenueError):
    """The venue understood the request and refuses it; another try will not change that."""


class TemporaryFailure(VenueError):
    """The answer is none; another try, not before *after_s*, may bring one."""

    def __init__(self, message: str, after_s: float = 0.0) -> None:
        super().__init__(message)
        self.after_s = after_s


class Unusable(Exception):
    """A listed row that can't be tracked, and why: one of the reasons below."""


UNKNOWN_NAME: Final = "unknown_name"  # the symbol does not follow the grammar
OTHER_COIN: Final = "other_coin"  # the symbol begins with another coin than the row's baseCoin
BAD_TERMS: Final = "bad_terms"  # a term has no usable value
LIMIT: Final = "limit"  # there are more than a collector takes
REASONS: Final = {
    UNKNOWN_NAME: "the name is not understood",
    OTHER_COIN: "the name begins with another coin than the option's base coin",
    BAD_TERMS: "a term has no usable value",
    LIMIT: "there are more than a collector takes",
}
SHOWN_MAX: Final = 60
_KINDS: Final[Mapping[str, Kind]] = {"Call": "C", "Put": "P", "C": "C", "P": "P"}

Envelope = dict[str, Any]


def base_coins() -> Generator[RestRequest, Envelope, frozenset[str]]:
    """Find the coins that have options.

    `baseCoin=All` is not documented: a venue may answer it with an error, with nothing, or with
    BTC alone. So what comes is a part of the truth, never all of it.
    """
    found: set[str] = set()

    def read(result: Mapping[str, Any]) -> None:
        names = (str(row.get("baseCoin")) for row in _rows(result))
        found.update(name for name in names if keys.is_coin(name))

    yield from _pages(ALL, read)
    return frozenset(sorted(found)[:COINS_MAX])


def instruments(coin: str) -> Generator[RestRequest, Envelope, InstrumentList]:
    """List every option on *coin*, page by page."""
    found: dict[str, Instrument] = {}
    skipped: dict[str, str] = {}  # symbol -> reason: a row may stand on two pages

    def read(result: Mapping[str, Any]) -> None:
        for row in _list(result):
            try:
                instrument = _instrument(row)
            except Unusable as error:
                symbol, base = _names(row)
                if base in (None, "", coin):
                    skipped.setdefault(_shown(symbol), str(error))
                continue
            if instrument.asset == coin:
                found[instrument.symbol] = instrument

    yield from _pages(coin, read)
    return InstrumentList(list(found.values()), _counted(skipped))


def _pages(
    coin: str, read: Callable[[Mapping[str, Any]], None]
) -> Generator[RestRequest, Envelope, None]:
    """Ask for the list of *coin* and *read* the result of each page."""
    cursor = ""
    seen = {cursor}
    for _ in range(PAGES_MAX):
        params = {"category": "option", "baseCoin": coin, "limit": str(PAGE_SIZE)}
        envelope = yield RestRequest(
            "/v5/market/instruments-info", params | ({"cursor": cursor} if cursor else {})
        )
        result = envelope["result"]
        read(result)
        cursor = result.get("nextPageCursor") or ""
        if not isinstance(cursor, str):
            raise VenueProtocolError(f"{coin}: a cursor that is no text")
        if not cursor:
            return
        if cursor in seen:
            raise VenueProtocolError(f"{coin}: the venue's pages lead in a circle")
        seen.add(cursor)
    raise VenueProtocolError(f"{coin}: more than {PAGES_MAX} pages of instruments")


def server_time() -> Generator[RestRequest, Envelope, None]:
    """Ask for the venue's time: the smallest answer whose envelope has it."""
    yield RestRequest("/v5/market/time", {})


def tickers(coin: str) -> Generator[RestRequest, Envelope, TickerRows]:
    """The newest ticker of every option on *coin*, in one answer."""
    envelope = yield RestRequest("/v5/market/tickers", {"category": "option", "baseCoin": coin})
    at_ms = envelope.get("time")
    if not isinstance(at_ms, int) or time_ms(at_ms) is None:
        raise VenueProtocolError("an answer without the venue's time")
    rows = {
        row["symbol"]: {REST[name]: text for name, text in row.items() if name in REST}
        for row in _rows(envelope["result"])
        if isinstance(row.get("symbol"), str)
    }
    return TickerRows(at_ms, rows)


def judge(answer: RestResponse) -> Envelope:
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
        raise TemporaryFailure(f"HTTP {answer.status}", min(wait_s, BAN_S))
    if answer.status != 200:
        raise VenueError(f"HTTP {answer.status}")
    try:
        envelope = orjson.loads(answer.body)
    except orjson.JSONDecodeError:
        raise TemporaryFailure("the answer is no JSON") from None
    if not isinstance(envelope, dict) or not isinstance(envelope.get("retCode"), int):
        raise TemporaryFailure("the answer is no envelope of Bybit's")
    if envelope["retCode"] != 0:
        _refused(envelope, answer.headers)
    if not isinstance(envelope.get("result"), dict):
        raise VenueProtocolError("an answer without a result")
    return envelope


def _refused(envelope: Mapping[str, Any], headers: Mapping[str, str]) -> NoReturn:
    code = envelope["retCode"]
    words = f"retCode {code}: {' '.join(str(envelope.get('retMsg'))[:200].split())}"
    if code not in TRANSIENT:
        raise RequestRefused(words)
    reset_ms = time_ms(headers.get("x-bapi-limit-reset-timestamp"))
    at_ms = envelope.get("time")
    if code in TOO_MANY_VISITS and reset_ms is not None and isinstance(at_ms, int):
        raise TemporaryFailure(words, min(60.0, max(0.0, (reset_ms - at_ms) / 1000)))
    raise TemporaryFailure(words)


def _list(result: Mapping[str, Any]) -> list[Any]:
    rows = result.get("list")
    if not isinstance(rows, list):
        raise VenueProtocolError("a result without a list")
    return rows


def _rows(result: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [row for row in _list(result) if isinstance(row, dict)]


def _names(row: Any) -> tuple[Any, Any]:
    """Symbol and base coin of a row that may be anything."""
    return (row.get("symbol"), row.get("baseCoin")) if isinstance(row, dict) else (row, None)


def _counted(skipped: Mapping[str, str]) -> SkippedInstruments:
    counted = SkippedInstruments()
    for symbol, reason in skipped.items():
        counted.add(reason, symbol)
    return counted


def _shown(symbol: object) -> str:
    """The symbol of a row that can't be used, fit for a log line and for Redis."""
    return ascii(symbol)[1:-1][:SHOWN_MAX] if isinstance(symbol, str) else ascii(symbol)[:SHOWN_MAX]


def _instrument(row: Any) -> Instrument:
    """Read the row; where it lacks a term, the symbol fills in. Raises Unusable with the reason."""
    read = symbols.parse(str(row.get("symbol"))) if isinstance(row, dict) else None
    if read is None:
        raise Unusable(UNKNOWN_NAME)
    if (row.get("baseCoin") or read.asset) != read.asset:
        raise Unusable(OTHER_COIN)
    kind = _KINDS.get(_text(row, "optionsType") or read.kind)
    if kind is None:
        raise Unusable(BAD_TERMS)
    instrument = Instrument(
        symbol=read.symbol,
        asset=read.asset,
        quote=_text(row, "quoteCoin") or read.quote,
        settle=_text(row, "settleCoin") or read.settle,
        expiry_ms=_delivery_ms(row) or read.expiry_ms,
        strike_text=read.strike_text,
        kind=kind,
        tick_size=_step(row.get("priceFilter"), "tickSize"),
        lot_size=_step(row.get("lotSizeFilter"), "qtyStep"),
        status=_text(row, "status"),
        launch_ms=time_ms(row.get("launchTime")) or 0,
    )
    try:
        instrument.check()
    except ValueError:
        raise Unusable(BAD_TERMS) from None
    return instrument


def _text(row: Mapping[str, Any], name: str) -> str:
    """The text *name*; empty where the row has none. Raises Unusable for another type."""
    text = row.get(name)
    if text is not None and not isinstance(text, str):
        raise Unusable(BAD_TERMS)
    return intern(text or "")


def _delivery_ms(row: Mapping[str, Any]) -> int:
    """The delivery time; 0 where the row has none. Raises Unusable for what is no time."""
    value = row.get("deliveryTime")
    if value in (None, "", "0", 0):
        return 0
    delivery_ms = time_ms(value)
    if delivery_ms is None:
        raise Unusable(BAD_TERMS)
    return delivery_ms


def _step(filters: Any, name: str) -> str:
    """The step *name* as text; empty where the row has none: an unknown step is no reason to drop
    the option. Raises Unusable for a step that is there and is no number."""
    if filters is None or (isinstance(filters, dict) and name not in filters):
        return ""
    step = filters[name] if isinstance(filters, dict) else None
    if isinstance(step, bool) or not isinstance(step, str | int | float):
        raise Unusable(BAD_TERMS)
    return intern(str(step))
