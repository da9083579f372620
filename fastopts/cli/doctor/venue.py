"""Checks of the venue: network, REST, clock, WebSocket, with the parts that the collector uses."""

import time
from collections.abc import Generator
from functools import partial
from typing import Final, TypeVar

import fastopts
from fastopts.cli.doctor import network
from fastopts.cli.doctor.check import Check, Finding, green, red
from fastopts.cli.doctor.clock import judge_clock
from fastopts.cli.doctor.network import CHECK_NETWORK
from fastopts.cli.doctor.tick import BANNED, LIMIT_S, first_tick
from fastopts.config import KNOWN_COINS
from fastopts.errors import VenueBanned, VenueError
from fastopts.net.http import HttpClient
from fastopts.net.threads import in_daemon_thread
from fastopts.session.clocks import wall_ms
from fastopts.venues.bybit import symbols
from fastopts.venues.bybit.hosts import Endpoints
from fastopts.venues.bybit.rest import Envelope, RestRequest, TickerRows, base_coins, judge, tickers

__all__ = ("VenueChecks",)

T = TypeVar("T")

# A name may have several addresses, and each one that does not answer takes five seconds.
TLS_LIMIT_S: Final = 15.0
REST_LIMIT_S: Final = 20.0
USER_AGENT: Final = f"fastopts/{fastopts.__version__}"
HEADERS: Final = {"User-Agent": USER_AGENT}

_RETRY: Final = "check the host; if it is the right one, try again in a minute"


class VenueChecks:
    """The checks of the venue at *endpoints* for a collector of *coins* (None: all coins)."""

    def __init__(self, endpoints: Endpoints, coins: tuple[str, ...] | None, insecure: bool) -> None:
        self._endpoints = endpoints
        self._coins = coins
        # one coin is enough for the check, and one request does not use up the rate limit
        self._coin = (coins or KNOWN_COINS)[0]
        self._insecure = insecure
        self._rows = TickerRows(0, {})
        self._ahead_ms = self._round_trip_ms = 0.0

    def checks(self) -> list[Check]:
        """Return the checks in the order in which they depend on each other."""
        return [
            *self._network("rest", self._endpoints.rest_url),
            Check("rest", self._tickers, CHECK_NETWORK, ("rest tls",), REST_LIMIT_S),
            Check("coins", self._list_coins, CHECK_NETWORK, ("rest",), REST_LIMIT_S),
            Check("venue clock", self._clock, needs=("rest",)),
            *self._network("ws", self._endpoints.ws_url),
            Check("ws tick", self._tick, CHECK_NETWORK, ("ws tls", "rest"), LIMIT_S),
        ]

    def _network(self, label: str, url: str) -> list[Check]:
        dns, tls = f"{label} dns", f"{label} tls"
        return [
            Check(dns, partial(network.name, url), "check the resolver of this host"),
            Check(
                tls,
                partial(network.certificate, url, self._insecure),
                CHECK_NETWORK,
                (dns,),
                TLS_LIMIT_S,
            ),
        ]

    async def _tickers(self) -> Finding:
        http = HttpClient(self._endpoints.rest_url, USER_AGENT, insecure=self._insecure)
        conversation = tickers(self._coin)
        request = next(conversation)
        sent_ms, began = wall_ms(), time.monotonic()
        response = await in_daemon_thread(lambda: http.get(request.path, request.params))
        self._round_trip_ms = (time.monotonic() - began) * 1000
        try:
            conversation.send(judge(response))
        except VenueBanned as error:
            return red(str(error), BANNED)
        except VenueError as error:
            return red(str(error), _RETRY)
        except StopIteration as end:
            self._rows = end.value
        finally:
            http.close()
        self._ahead_ms = self._rows.time_ms - sent_ms - self._round_trip_ms / 2
        count = len(self._living())
        if not count:
            return red(
                f"no options on {self._coin}", "set FASTOPTS_COINS to a coin that has options"
            )
        return green(f"{count:,} options on {self._coin} in {self._round_trip_ms:.0f} ms")

    async def _list_coins(self) -> Finding:
        http = HttpClient(self._endpoints.rest_url, USER_AGENT, insecure=self._insecure)
        try:
            listed = await in_daemon_thread(lambda: _converse(http, base_coins()))
        except VenueBanned as error:
            return red(str(error), BANNED)
        except VenueError:  # `All` is not documented: the venue may refuse it
            listed = frozenset()
        finally:
            http.close()
        if self._coins is not None:
            untracked = sorted(listed - set(self._coins))
            summary = f"{', '.join(self._coins)}, as configured"
            if untracked:
                summary += f"; not collected: {', '.join(untracked)}"
            return green(summary)
        coins = sorted({*KNOWN_COINS, *listed})
        origin = "listed by the venue, or known" if listed else "known; the venue lists none"
        return green(f"{', '.join(coins)} ({origin})")

    def _living(self) -> list[str]:
        """The symbols of the response that are not yet delivered."""
        instruments = filter(None, map(symbols.parse, self._rows.by_symbol))
        return [i.symbol for i in instruments if i.expiry_ms > self._rows.time_ms]

    async def _clock(self) -> Finding:
        return judge_clock("the venue", self._ahead_ms, self._round_trip_ms)

    async def _tick(self) -> Finding:
        rows = self._rows.by_symbol
        # the busiest option: a quiet one may not tick within the limit
        busiest = max(self._living(), key=lambda symbol: _number(rows[symbol].get("v24")))
        return await first_tick(self._endpoints, busiest, HEADERS, self._insecure)


def _converse(http: HttpClient, conversation: Generator[RestRequest, Envelope, T]) -> T:
    """Run a conversation without retries, and return its result."""
    request = next(conversation)
    while True:
        envelope = judge(http.get(request.path, request.params))
        try:
            request = conversation.send(envelope)
        except StopIteration as end:
            result: T = end.value
            return result


def _number(text: object) -> float:
    try:
        return float(str(text))
    except ValueError:
        return 0.0
