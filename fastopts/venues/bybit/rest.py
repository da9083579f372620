"""Bybit's REST requests and their answers, as generators without I/O.

A conversation is a generator: it yields the `RestRequest` to send, receives the envelope of the
answer, and returns its result. The driver does the I/O, and calls `judge` to separate good answers
from those to retry and from final ones. So the collector, `fastopts doctor` and tests without a
network share one implementation of paging and checks.

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
    "BAN_S",
    "LIMIT",
    "REASONS",
    "Envelope",
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
BAN_S: Final = 600.0  # Bybit: "wait for at least 10 minutes"

# retCodes that pass by themselves; any other but 0 is final for the request.
TRANSIENT: Final = frozenset({429, 10000, 10006, 10016, 10018, 10429})
RATE_LIMITED: Final = frozenset({10006, 10018})
RETRY_AFTER_MAX_S: Final = 60.0  # a limit resets within seconds: a longer wait is not believed

Envelope = dict[str, Any]


class RestResponse(Protocol):
    """An HTTP response, as any HTTP client provides it."""

    @property
    def status(self) -> int:
        """The status code."""

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers, with names in lower case."""

    @property
    def body(self) -> bytes:
        """The body, decoded."""


@dataclass(frozen=True, slots=True)
class RestRequest:
    """A GET request: path and query parameters."""

    path: str
    params: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class TickerRows:
    """Ticker rows by symbol, under our short field names, and the venue's time of all, in ms."""

    time_ms: int
    by_symbol: Mapping[str, Mapping[str, str]]


@dataclass(slots=True)
class SkippedInstruments:
    """Listed instruments that cannot be tracked: counts and an example symbol by reason."""

    counts: dict[str, int] = field(default_factory=dict)
    examples: dict[str, str] = field(default_factory=dict)

    @property
    def total(self) -> int:
        """How many there are, for any reason."""
        return sum(self.counts.values())

    def add(self, reason: str, symbol: str, count: int = 1) -> None:
        """Count *symbol* under *reason*; the first symbol of a reason is its example."""
        self.counts[reason] = self.counts.get(reason, 0) + count
        self.examples.setdefault(reason, symbol)

    def sentences(self) -> list[str]:
        """Return one sentence per reason: how many, why, and an example."""
        return [
            f"{count} listed options are not tracked: {REASONS.get(reason, reason)},"
            f" such as {self.examples[reason]}"
            for reason, count in sorted(self.counts.items())
        ]

    def merge(self, other: "SkippedInstruments") -> None:
        """Add all of *other*."""
        for reason, count in other.counts.items():
            self.add(reason, other.examples[reason], count)


@dataclass(slots=True)
class InstrumentList:
    """The options of a coin that the venue lists, and the listed ones that were left out."""

    instruments: list[Instrument]
    skipped: SkippedInstruments


class RequestRefused(VenueError):
    """The venue understood the request and refuses it; retrying will not change that."""


class TemporaryFailure(VenueError):
    """The answer is unusable; a retry, not before *retry_after_s*, may succeed."""

    def __init__(self, message: str, retry_after_s: float = 0.0) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class _UnusableRow(Exception):
    """A listed row that cannot be tracked. Its text is one of the reasons below."""


UNKNOWN_NAME: Final = "unknown_name"  # the symbol does not follow the grammar
OTHER_COIN: Final = "other_coin"  # the symbol begins with another coin than the row's baseCoin
BAD_TERMS: Final = "bad_terms"  # a contract term has no usable value
LIMIT: Final = "limit"  # the collector's limit of symbols is reached
REASONS: Final = {
    UNKNOWN_NAME: "the name is not understood",
    OTHER_COIN: "the name begins with another coin than the option's base coin",
    BAD_TERMS: "a contract term has no usable value",
    LIMIT: "the limit of a collector is reached",
}
EXAMPLE_LENGTH_MAX: Final = 60
_KINDS: Final[Mapping[str, Kind]] = {"Call": "C", "Put": "P", "C": "C", "P": "P"}


def base_coins() -> Generator[RestRequest, Envelope, frozenset[str]]:
    """Find the coins that have options.

    `baseCoin=All` is not documented: a venue may answer it with an error, with nothing, or with
    BTC alone. So the result is a part of the truth, never all of it.
    """
    coins: set[str] = set()

    def read(result: Mapping[str, Any]) -> None:
        names = (str(row.get("baseCoin")) for row in _rows(result))
        coins.update(name for name in names if keys.is_coin(name))

    yield from _pages(ALL, read)
    return frozenset(sorted(coins)[:COINS_MAX])


def instruments(coin: str) -> Generator[RestRequest, Envelope, InstrumentList]:
    """List every option on *coin*, page by page."""
    by_symbol: dict[str, Instrument] = {}
    skipped: dict[str, str] = {}  # symbol -> reason: a row may appear on two pages

    def read(result: Mapping[str, Any]) -> None:
        for row in _list(result):
            try:
                instrument = _instrument(row)
            except _UnusableRow as error:
                symbol, base = _names(row)
                if base in (None, "", coin):
                    skipped.setdefault(_printable(symbol), str(error))
                continue
            if instrument.asset == coin:
                by_symbol[instrument.symbol] = instrument

    yield from _pages(coin, read)
    return InstrumentList(list(by_symbol.values()), _counted(skipped))


def _pages(
    coin: str, read: Callable[[Mapping[str, Any]], None]
) -> Generator[RestRequest, Envelope, None]:
    """Request the list of *coin* page by page, calling *read* with the result of each."""
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
            raise VenueProtocolError(f"{coin}: nextPageCursor is not a string")
        if not cursor:
            return
        if cursor in seen:
            raise VenueProtocolError(f"{coin}: the pages of instruments repeat (same cursor)")
        seen.add(cursor)
    raise VenueProtocolError(f"{coin}: more than {PAGES_MAX} pages of instruments")


def server_time() -> Generator[RestRequest, Envelope, None]:
    """Request the venue's time: the smallest answer whose envelope has it."""
    yield RestRequest("/v5/market/time", {})


def tickers(coin: str) -> Generator[RestRequest, Envelope, TickerRows]:
    """Request the newest ticker of every option on *coin*, in one answer."""
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


def judge(response: RestResponse) -> Envelope:
    """Return the envelope of a good answer.

    Raises VenueBanned (stop all requests), TemporaryFailure (retry), or VenueError (final for this
    request).
    """
    if response.status == 403:
        raise VenueBanned(
            "HTTP 403: too many requests from this address, or its country is not served by Bybit;"
            " no request for 10 minutes",
            BAN_S,
        )
    if response.status == 404:
        raise VenueError("HTTP 404: no such path; is this a Bybit v5 host?")
    if response.status == 429 or response.status >= 500:
        retry_after = response.headers.get("retry-after", "")
        wait_s = float(retry_after) if retry_after.isdecimal() else 0.0
        raise TemporaryFailure(f"HTTP {response.status}", min(wait_s, BAN_S))
    if response.status != 200:
        raise VenueError(f"HTTP {response.status}")
    try:
        envelope = orjson.loads(response.body)
    except orjson.JSONDecodeError:
        raise TemporaryFailure("the answer is not JSON") from None
    if not isinstance(envelope, dict) or not isinstance(envelope.get("retCode"), int):
        raise TemporaryFailure("the answer is not an envelope of Bybit's API (no retCode)")
    if envelope["retCode"] != 0:
        _raise_refusal(envelope, response.headers)
    if not isinstance(envelope.get("result"), dict):
        raise VenueProtocolError("an answer without a result")
    return envelope


def _raise_refusal(envelope: Mapping[str, Any], headers: Mapping[str, str]) -> NoReturn:
    code = envelope["retCode"]
    text = f"retCode {code}: {' '.join(str(envelope.get('retMsg'))[:200].split())}"
    if code not in TRANSIENT:
        raise RequestRefused(text)
    reset_ms = time_ms(headers.get("x-bapi-limit-reset-timestamp"))
    at_ms = envelope.get("time")
    if code in RATE_LIMITED and reset_ms is not None and isinstance(at_ms, int):
        # Both times are the venue's: no local clock is involved.
        wait_s = max(0.0, (reset_ms - at_ms) / 1000)
        raise TemporaryFailure(text, min(RETRY_AFTER_MAX_S, wait_s))
    raise TemporaryFailure(text)


def _list(result: Mapping[str, Any]) -> list[Any]:
    rows = result.get("list")
    if not isinstance(rows, list):
        raise VenueProtocolError("a result without a list")
    return rows


def _rows(result: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [row for row in _list(result) if isinstance(row, dict)]


def _names(row: Any) -> tuple[Any, Any]:
    """Return symbol and base coin of a row, which may be of any type."""
    return (row.get("symbol"), row.get("baseCoin")) if isinstance(row, dict) else (row, None)


def _counted(skipped: Mapping[str, str]) -> SkippedInstruments:
    total = SkippedInstruments()
    for symbol, reason in skipped.items():
        total.add(reason, symbol)
    return total


def _printable(symbol: object) -> str:
    """Return the symbol of an unusable row in ASCII, clipped: it goes into logs and into Redis."""
    text = ascii(symbol)[1:-1] if isinstance(symbol, str) else ascii(symbol)
    return text[:EXAMPLE_LENGTH_MAX]


def _instrument(row: Any) -> Instrument:
    """Parse a row; terms that it lacks are taken from the symbol. Raises _UnusableRow."""
    parsed = symbols.parse(str(row.get("symbol"))) if isinstance(row, dict) else None
    if parsed is None:
        raise _UnusableRow(UNKNOWN_NAME)
    if (row.get("baseCoin") or parsed.asset) != parsed.asset:
        raise _UnusableRow(OTHER_COIN)
    kind = _KINDS.get(_text(row, "optionsType") or parsed.type)
    if kind is None:
        raise _UnusableRow(BAD_TERMS)
    instrument = Instrument(
        symbol=parsed.symbol,
        asset=parsed.asset,
        quote=_text(row, "quoteCoin") or parsed.quote,
        settle=_text(row, "settleCoin") or parsed.settle,
        expiry_ms=_delivery_ms(row) or parsed.expiry_ms,
        strike_text=parsed.strike_text,
        type=kind,
        tick_size=_step(row.get("priceFilter"), "tickSize"),
        lot_size=_step(row.get("lotSizeFilter"), "qtyStep"),
        status=_text(row, "status"),
        launch_ms=time_ms(row.get("launchTime")) or 0,
    )
    try:
        instrument.check()
    except ValueError:
        raise _UnusableRow(BAD_TERMS) from None
    return instrument


def _text(row: Mapping[str, Any], name: str) -> str:
    """Return the string *name*; empty if absent. Raises _UnusableRow for another type."""
    text = row.get(name)
    if text is not None and not isinstance(text, str):
        raise _UnusableRow(BAD_TERMS)
    return intern(text or "")


def _delivery_ms(row: Mapping[str, Any]) -> int:
    """Return the delivery time; 0 if absent. Raises _UnusableRow for an invalid one."""
    value = row.get("deliveryTime")
    if value in (None, "", "0", 0):
        return 0
    delivery_ms = time_ms(value)
    if delivery_ms is None:
        raise _UnusableRow(BAD_TERMS)
    return delivery_ms


def _step(filters: Any, name: str) -> str:
    """Return the step *name* as text; empty if absent. Raises _UnusableRow for another type.

    An unknown step is no reason to drop an option: quotes remain right without it.
    """
    if filters is None or (isinstance(filters, dict) and name not in filters):
        return ""
    step = filters[name] if isinstance(filters, dict) else None
    if isinstance(step, bool) or not isinstance(step, str | int | float):
        raise _UnusableRow(BAD_TERMS)
    return intern(str(step))
