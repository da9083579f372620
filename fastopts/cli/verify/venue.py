"""The venue's rows: one GET a coin has them all; and the coins that have options.

https://bybit-exchange.github.io/docs/v5/market/tickers, /docs/v5/market/instrument
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import fastopts
from fastopts import keys
from fastopts.errors import ConnectionLost, VenueBanned, VenueError
from fastopts.net.http import Answer, HttpClient

__all__ = ("Row", "VenueClient", "VenueRows", "read")

PATH: Final = "/v5/market/tickers"
LIST: Final = "/v5/market/instruments-info"
PAGES_MAX: Final = 20
SHUT_OUT: Final = 403
BAN_S: Final = 600.0

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class VenueRows:
    """All rows of a coin, by symbol, and the venue's time of them in ms."""

    time_ms: int
    by_symbol: Mapping[str, Row]


class VenueClient:
    """The REST host at *url*."""

    def __init__(self, url: str, insecure: bool) -> None:
        self._http = HttpClient(url, f"fastopts-verify/{fastopts.__version__}", insecure)

    def close(self) -> None:
        self._http.close()

    def ask(self, coin: str) -> Answer:
        """Ask for all options of *coin*. Raises ConnectionLost."""
        return self._http.get(PATH, {"category": "option", "baseCoin": coin})

    def coins(self) -> set[str]:
        """The coins that the venue names when it is asked for all: not documented, and perhaps
        none. Raises VenueBanned."""
        found: set[str] = set()
        cursor = ""
        try:
            for _ in range(PAGES_MAX):
                params = {"category": "option", "baseCoin": "All", "limit": "1000"}
                told = _result(
                    self._http.get(LIST, params | ({"cursor": cursor} if cursor else {}))
                )
                found |= {str(row["baseCoin"]) for row in told["result"]["list"]}
                cursor = told["result"].get("nextPageCursor") or ""
                if not cursor:
                    break
        except VenueBanned:
            raise
        except (VenueError, ConnectionLost, ValueError, TypeError, KeyError):
            pass  # it does not answer that: those found so far, and those that are known
        return {coin for coin in found if keys.is_coin(coin)}


def read(answer: Answer) -> VenueRows:
    """Read an answer. Raises VenueBanned, after which nothing may be asked, or VenueError."""
    try:
        told = _result(answer)
        rows = {row["symbol"]: row for row in told["result"]["list"]}
        return VenueRows(int(told["time"]), rows)
    except (ValueError, TypeError, KeyError) as error:
        raise VenueError(f"the venue's answer is none of its tickers: {error!r}") from error


def _result(answer: Answer) -> Any:
    """The envelope of a good answer. Raises VenueBanned, VenueError, or what json.loads raises."""
    if answer.status == SHUT_OUT:
        raise VenueBanned(
            "HTTP 403: the venue shuts this address out, for too many requests or for its country;"
            " ask nothing for 10 minutes",
            BAN_S,
        )
    if answer.status != 200:
        raise VenueError(f"HTTP {answer.status} from the venue")
    told = json.loads(answer.body)
    if told["retCode"] != 0:
        raise VenueError(f"retCode {told['retCode']}: {told['retMsg']}")
    return told
