"""Client of the venue's REST API: all rows of a coin with one GET, and the coins with options.

https://bybit-exchange.github.io/docs/v5/market/tickers, /docs/v5/market/instrument
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import fastopts
from fastopts import keys
from fastopts.errors import ConnectionLost, VenueBanned, VenueError
from fastopts.net.http import HttpClient, HttpResponse

__all__ = ("Row", "VenueClient", "VenueRows", "read")

PATH: Final = "/v5/market/tickers"
LIST: Final = "/v5/market/instruments-info"
PAGES_MAX: Final = 20  # a cursor that never ends must not become an endless loop
FORBIDDEN: Final = 403
BAN_S: Final = 600.0  # as Bybit documents for HTTP 403

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class VenueRows:
    """All rows of a coin by symbol, and the venue's time of the response in ms."""

    time_ms: int
    by_symbol: Mapping[str, Row]


class VenueClient:
    """A client of the REST host at *url*."""

    def __init__(self, url: str, insecure: bool) -> None:
        self._http = HttpClient(url, f"fastopts-verify/{fastopts.__version__}", insecure)

    def close(self) -> None:
        """Close the connection."""
        self._http.close()

    def request(self, coin: str) -> HttpResponse:
        """Request the rows of all options of *coin*. Raises ConnectionLost."""
        return self._http.get(PATH, {"category": "option", "baseCoin": coin})

    def coins(self) -> set[str]:
        """Return the coins that the venue lists when asked for `All`. Raises VenueBanned.

        Bybit does not document `All`. After any other error these are the coins so far, perhaps
        none: the known coins are requested anyway.
        """
        listed: set[str] = set()
        cursor = ""
        try:
            for _ in range(PAGES_MAX):
                page = self._page(cursor)
                listed |= {str(row["baseCoin"]) for row in page["list"]}
                cursor = page.get("nextPageCursor") or ""
                if not cursor:
                    break
        except VenueBanned:
            raise
        except (VenueError, ConnectionLost, ValueError, TypeError, KeyError):
            pass
        return {coin for coin in listed if keys.is_coin(coin)}

    def _page(self, cursor: str) -> Any:
        params = {"category": "option", "baseCoin": "All", "limit": "1000"}
        if cursor:
            params["cursor"] = cursor
        return _envelope(self._http.get(LIST, params))["result"]


def read(response: HttpResponse) -> VenueRows:
    """Parse a response. Raises VenueBanned, after which no request may follow, or VenueError."""
    try:
        envelope = _envelope(response)
        rows = {row["symbol"]: row for row in envelope["result"]["list"]}
        return VenueRows(int(envelope["time"]), rows)
    except (ValueError, TypeError, KeyError) as error:
        raise VenueError(f"the venue's response is not a list of tickers: {error!r}") from error


def _envelope(response: HttpResponse) -> Any:
    """The JSON of a good response. Raises VenueBanned, VenueError, or what json.loads raises."""
    if response.status == FORBIDDEN:
        raise VenueBanned(
            "HTTP 403: the venue refuses this address, because of too many requests or its country;"
            " send no requests for 10 minutes",
            BAN_S,
        )
    if response.status != 200:
        raise VenueError(f"HTTP {response.status} from the venue")
    envelope = json.loads(response.body)
    if envelope["retCode"] != 0:
        raise VenueError(f"retCode {envelope['retCode']}: {envelope['retMsg']}")
    return envelope
