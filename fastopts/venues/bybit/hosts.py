"""Bybit's hosts, and the venue whose data each serves.

https://bybit-exchange.github.io/docs/v5/guide and /docs/v5/ws/connect. Regional hosts and demo
trading serve the mainnet's market data.
"""

from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from fastopts.errors import ConfigError

__all__ = ("VENUES", "Endpoints", "resolve")

_REST = (
    *("api.bybit.com", "api.bytick.com", "api-demo.bybit.com", "api.bybit.nl", "api.bybit.tr"),
    *("api.bybit.kz", "api.bybit.eu", "api.bybit.ae", "api.bybit.id", "api.bybitgeorgia.ge"),
    "api.manepa.jp",
)
_WEBSOCKET = (
    *("stream.bybit.com", "stream.bybit.tr", "stream.bybit.id", "stream.bybit.kz"),
    *("stream.bybitgeorgia.ge", "stream.manepa.jp"),
)
_TESTNET = ("api-testnet.bybit.com", "stream-testnet.bybit.com", "api-testnet.manepa.jp")
_VENUE_OF_HOST: Final = dict.fromkeys((*_REST, *_WEBSOCKET), "bybit") | dict.fromkeys(
    _TESTNET, "bybit-testnet"
)
PATH: Final = "/v5/public/option"
SIM_PORT: Final = 8900
CUSTOM: Final = "custom:"  # prefix of the venue of hosts that are not Bybit's


@dataclass(frozen=True, slots=True)
class Endpoints:
    """A venue, and the URLs of its REST and WebSocket endpoints."""

    venue: str
    rest_url: str
    ws_url: str

    @property
    def host(self) -> str:
        """The host name of the WebSocket endpoint."""
        return urlsplit(self.ws_url).hostname or ""


_DEFAULTS: Final = {
    "bybit": ("https://api.bybit.com", "wss://stream.bybit.com" + PATH),
    "bybit-testnet": ("https://api-testnet.bybit.com", "wss://stream-testnet.bybit.com" + PATH),
    "sim": (f"http://127.0.0.1:{SIM_PORT}", f"ws://127.0.0.1:{SIM_PORT}{PATH}"),
}
VENUES: Final = tuple(_DEFAULTS)  # venues with default endpoints; others are custom:<host>


def resolve(venue: str, testnet: bool, rest_url: str | None, ws_url: str | None) -> Endpoints:
    """Return the endpoints for the settings; given URLs decide the venue.

    Raises ConfigError when the settings contradict each other: data of two venues must never mix in
    one database.
    """
    if testnet and venue == "sim":
        raise ConfigError("--testnet and --venue sim exclude each other")
    requested = "bybit-testnet" if testnet else venue
    if requested == "sim":
        real = [
            url for url in (rest_url, ws_url) if url and urlsplit(url).hostname in _VENUE_OF_HOST
        ]
        if real:
            raise ConfigError(f"{real[0]} is a host of Bybit, not a simulator: omit --venue sim")
        rest, websocket = _DEFAULTS["sim"]
        return Endpoints("sim", rest_url or rest, ws_url or websocket)
    venues = [_venue_of(url) for url in (rest_url, ws_url) if url]
    resolved = venues[0] if venues else requested
    if any(name != resolved for name in venues) or (testnet and resolved != "bybit-testnet"):
        raise ConfigError(
            "--rest-url and --ws-url must lead to the same venue:"
            f" {rest_url or 'the default'} serves {_venue_of(rest_url) if rest_url else requested},"
            f" {ws_url or 'the default'} serves {_venue_of(ws_url) if ws_url else requested}"
        )
    if resolved in _DEFAULTS:
        rest, websocket = _DEFAULTS[resolved]
        return Endpoints(resolved, rest_url or rest, ws_url or websocket)
    if not rest_url or not ws_url:
        raise ConfigError(
            f"{resolved.removeprefix(CUSTOM)} is not a host of Bybit:"
            " set both --rest-url and --ws-url"
        )
    return Endpoints(resolved, rest_url, ws_url)


def _venue_of(url: str) -> str:
    host = urlsplit(url).hostname
    if not host:
        raise ConfigError(f"invalid URL {url}: it contains no host")
    return _VENUE_OF_HOST.get(host, f"{CUSTOM}{host}")
