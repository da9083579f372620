"""Bybit's hosts, and which venue's data each gives.

https://bybit-exchange.github.io/docs/v5/guide and /docs/v5/ws/connect; demo trading shows the
mainnet's market.
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
_VENUES: Final = dict.fromkeys((*_REST, *_WEBSOCKET), "bybit") | dict.fromkeys(
    _TESTNET, "bybit-testnet"
)
PATH: Final = "/v5/public/option"
SIM_PORT: Final = 8900


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Whose data it is, and where it comes from."""

    venue: str
    rest_url: str
    ws_url: str

    @property
    def host(self) -> str:
        return urlsplit(self.ws_url).hostname or ""


_DEFAULTS: Final = {
    "bybit": ("https://api.bybit.com", "wss://stream.bybit.com" + PATH),
    "bybit-testnet": ("https://api-testnet.bybit.com", "wss://stream-testnet.bybit.com" + PATH),
    "sim": (f"http://127.0.0.1:{SIM_PORT}", f"ws://127.0.0.1:{SIM_PORT}{PATH}"),
}
VENUES: Final = tuple(_DEFAULTS)  # beside those with hosts of their own, custom:<host>


def resolve(venue: str, testnet: bool, rest_url: str | None, ws_url: str | None) -> Endpoints:
    """Decide the venue from what was asked for. Raises ConfigError when that does not fit."""
    if testnet and venue == "sim":
        raise ConfigError("--testnet and --venue sim exclude each other")
    asked = "bybit-testnet" if testnet else venue
    if asked == "sim":
        real = [url for url in (rest_url, ws_url) if url and urlsplit(url).hostname in _VENUES]
        if real:
            raise ConfigError(f"{real[0]} is Bybit's, and not simulated: leave --venue sim out")
        rest, websocket = _DEFAULTS["sim"]
        return Endpoints("sim", rest_url or rest, ws_url or websocket)
    named = [_venue_of(url) for url in (rest_url, ws_url) if url]
    found = named[0] if named else asked
    if any(name != found for name in named) or (testnet and found != "bybit-testnet"):
        raise ConfigError(
            f"the REST and WebSocket hosts belong together: {rest_url or 'the default'} gives"
            f" {_venue_of(rest_url) if rest_url else asked},"
            f" {ws_url or 'the default'} gives {_venue_of(ws_url) if ws_url else asked}"
        )
    if found in _DEFAULTS:
        rest, websocket = _DEFAULTS[found]
        return Endpoints(found, rest_url or rest, ws_url or websocket)
    if not rest_url or not ws_url:
        raise ConfigError(f"{found[7:]} is no host of Bybit's: name both, --rest-url and --ws-url")
    return Endpoints(found, rest_url, ws_url)


def _venue_of(url: str) -> str:
    host = urlsplit(url).hostname
    if not host:
        raise ConfigError(f"there is no host in {url}")
    return _VENUES.get(host, f"custom:{host}")
