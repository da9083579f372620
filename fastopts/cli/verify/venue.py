"""The venue's rows: one GET a coin has them all.

https://bybit-exchange.github.io/docs/v5/market/tickers
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import fastopts
from fastopts.errors import VenueBanned, VenueError
from fastopts.net.http import Answer, HttpClient

__all__ = ("Row", "Rows", "Venue", "read")

PATH: Final = "/v5/market/tickers"
SHUT_OUT: Final = 403
BAN_S: Final = 600.0

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Rows:
    """All rows of a coin, by symbol, and the venue's time of them in ms."""

    time_ms: int
    by_symbol: Mapping[str, Row]


class Venue:
    """The REST host at *url*."""

    def __init__(self, url: str, insecure: bool) -> None:
        self._http = HttpClient(url, f"fastopts-verify/{fastopts.__version__}", insecure)

    def close(self) -> None:
        self._http.close()

    def ask(self, coin: str) -> Answer:
        """Ask for all options of *coin*. Raises ConnectionLost."""
        return self._http.get(PATH, {"category": "option", "baseCoin": coin})


def read(answer: Answer) -> Rows:
    """Read an answer. Raises VenueBanned, after which nothing may be asked, or VenueError."""
    if answer.status == SHUT_OUT:
        raise VenueBanned(
            "HTTP 403: the venue shuts this address out, for too many requests or for its country;"
            " ask nothing for 10 minutes",
            BAN_S,
        )
    if answer.status != 200:
        raise VenueError(f"HTTP {answer.status} from the venue")
    try:
        told = json.loads(answer.body)
        if told["retCode"] != 0:
            raise VenueError(f"retCode {told['retCode']}: {told['retMsg']}")
        rows = {row["symbol"]: row for row in told["result"]["list"]}
        return Rows(int(told["time"]), rows)
    except (ValueError, TypeError, KeyError) as error:
        raise VenueError(f"the venue's answer is none of its tickers: {error!r}") from error
