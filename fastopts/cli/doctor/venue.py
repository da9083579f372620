"""Checks of the way to the venue, by the parts with which the collector goes it."""

import time
from collections.abc import Generator
from functools import partial
from typing import Final, TypeVar

import fastopts
from fastopts.cli.doctor import network
from fastopts.cli.doctor.check import Check, Finding, green, red
from fastopts.cli.doctor.clock import judge_clock
from fastopts.cli.doctor.network import WAY
from fastopts.cli.doctor.tick import LIMIT_S, SHUT_OUT, first_tick
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

# A name may have several addresses; one that leads nowhere takes five seconds.
TLS_LIMIT_S: Final = 15.0
ANSWER_LIMIT_S: Final = 20.0
USER_AGENT: Final = f"fastopts/{fastopts.__version__}"
HEADERS: Final = {"User-Agent": USER_AGENT}

_LATER: Final = "look whether this is the right host; if so, try again in a minute"


class VenueChecks:
    """The venue at *endpoints*; a collector would track *coins* (None: all that it finds)."""

    def __init__(self, endpoints: Endpoints, coins: tuple[str, ...] | None, insecure: bool) -> None:
        self._endpoints = endpoints
        self._coins = coins
        self._coin = (coins or KNOWN_COINS)[0]
        self._insecure = insecure
        self._rows = TickerRows(0, {})
        self._ahead_ms = self._trip_ms = 0.0

    def checks(self) -> list[Check]:
        return [
            *self._network("rest", self._endpoints.rest_url),
            Check("rest", self._answer, WAY, ("rest tls",), ANSWER_LIMIT_S),
            Check("coins", self._find_coins, WAY, ("rest",), ANSWER_LIMIT_S),
            Check("venue clock", self._clock, needs=("rest",)),
            *self._network("ws", self._endpoints.ws_url),
            Check("ws tick", self._tick, WAY, ("ws tls", "rest"), LIMIT_S),
        ]

    def _network(self, what: str, url: str) -> list[Check]:
        dns, tls = f"{what} dns", f"{what} tls"
        return [
            Check(dns, partial(network.name, url), "look at this host's resolver"),
            Check(tls, partial(network.certificate, url, self._insecure), WAY, (dns,), TLS_LIMIT_S),
        ]

    async def _answer(self) -> Finding:
        http = HttpClient(self._endpoints.rest_url, USER_AGENT, insecure=self._insecure)
        conversation = tickers(self._coin)
        request = next(conversation)
        asked_ms, began = wall_ms(), time.monotonic()
        answer = await in_daemon_thread(lambda: http.get(request.path, request.params))
        self._trip_ms = (time.monotonic() - began) * 1000
        try:
            conversation.send(judge(answer))
        except VenueBanned as error:
            return red(str(error), SHUT_OUT)
        except VenueError as error:
            return red(str(error), _LATER)
        except StopIteration as end:
            self._rows = end.value
        finally:
            http.close()
        self._ahead_ms = self._rows.time_ms - asked_ms - self._trip_ms / 2
        count = len(self._living())
        if not count:
            return red(f"no options on {self._coin}", "name a coin that has some: FASTOPTS_COINS")
        return green(f"{count:,} options on {self._coin} in {self._trip_ms:.0f} ms")

    async def _find_coins(self) -> Finding:
        http = HttpClient(self._endpoints.rest_url, USER_AGENT, insecure=self._insecure)
        try:
            found = await in_daemon_thread(lambda: _converse(http, base_coins()))
        except VenueBanned as error:
            return red(str(error), SHUT_OUT)
        except VenueError:
            found = frozenset()
        finally:
            http.close()
        if self._coins is not None:
            others = sorted(found - set(self._coins))
            words = f"options on {', '.join(self._coins)} are tracked, as they are named"
            return green(f"{words}; not those on {', '.join(others)}" if others else words)
        coins = sorted({*KNOWN_COINS, *found})
        which = "named by the venue or known" if found else "known; the venue names none"
        return green(f"looked at: {', '.join(coins)} ({which})")

    def _living(self) -> list[str]:
        """The symbols of the answer that are not yet delivered."""
        read = filter(None, map(symbols.parse, self._rows.by_symbol))
        return [i.symbol for i in read if i.expiry_ms > self._rows.time_ms]

    async def _clock(self) -> Finding:
        return judge_clock("the venue", self._ahead_ms, self._trip_ms)

    async def _tick(self) -> Finding:
        rows = self._rows.by_symbol
        busiest = max(self._living(), key=lambda symbol: _number(rows[symbol].get("v24")))
        return await first_tick(self._endpoints, busiest, HEADERS, self._insecure)


def _converse(http: HttpClient, conversation: Generator[RestRequest, Envelope, T]) -> T:
    """The result of a conversation, each answer of which must be good at once."""
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
