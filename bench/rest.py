"""The three REST endpoints that a client of the option stream needs.

Tickers agree with the stream, as a venue's do: if they differed from the last tick of a quiet
symbol, the collector would rightly consider its subscription dead.
"""

import ssl
import threading
import time
from collections.abc import Callable, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import orjson

from bench.frames import COINS, SyntheticOption

__all__ = ("serve",)

# Fields with another name than in the stream.
REST_NAMES = {
    "bidPrice": "bid1Price",
    "bidSize": "bid1Size",
    "bidIv": "bid1Iv",
    "askPrice": "ask1Price",
    "askSize": "ask1Size",
    "askIv": "ask1Iv",
    "markPriceIv": "markIv",
}
Rows = Callable[[], Sequence[dict[str, str]]]


def serve(listed: list[SyntheticOption], rows: Rows, tls: ssl.SSLContext | None) -> int:
    """Serve from a daemon thread on a free port of 127.0.0.1; return the port.

    *rows* returns the last ticker that the stream sent for each listed contract; it is called from
    other threads.
    """
    # Encoded once: thousands of instruments would keep this process from its stream.
    instruments = _instruments(listed)

    class Handler(_Handler):
        def result(self, path: str, coin: str) -> object:
            match path:
                case "/v5/market/time":
                    now = time.time_ns()
                    return {"timeSecond": str(now // 10**9), "timeNano": str(now)}
                case "/v5/market/tickers":
                    return {"category": "option", "list": _quotes(listed, rows(), coin)}
                case "/v5/market/instruments-info":
                    return orjson.Fragment(instruments.get(coin, b'{"list":[]}'))
            return {"list": []}

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, name="rest", daemon=True).start()
    return server.server_port


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def result(self, path: str, coin: str) -> object:
        """Return the value of `result` in the response."""
        raise NotImplementedError

    def do_GET(self) -> None:
        """Respond in the venue's envelope."""
        parts = urlsplit(self.path)
        coin = parse_qs(parts.query).get("baseCoin", ["BTC"])[0]
        envelope = {
            "retCode": 0,
            "retMsg": "OK",
            "result": self.result(parts.path, coin),
            "retExtInfo": {},
            "time": time.time_ns() // 1_000_000,
        }
        body = orjson.dumps(envelope)
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as in the base
        """Log nothing: stderr belongs to errors of the bench."""


def _instruments(listed: list[SyntheticOption]) -> dict[str, bytes]:
    return {
        coin: orjson.dumps(
            {
                "category": "option",
                "nextPageCursor": "",
                "list": [_terms(c) for c in listed if c.coin == coin],
            }
        )
        for coin in COINS
    }


def _quotes(
    listed: list[SyntheticOption], rows: Sequence[dict[str, str]], coin: str
) -> list[dict[str, str]]:
    return [
        {REST_NAMES.get(name, name): text for name, text in row.items()}
        for contract, row in zip(listed, rows, strict=True)
        if contract.coin == coin
    ]


def _terms(contract: SyntheticOption) -> dict[str, object]:
    coin = COINS[contract.coin]
    return {
        "symbol": contract.symbol,
        "symbolId": 1,
        "status": "Trading",
        "baseCoin": contract.coin,
        "quoteCoin": "USDT",
        "settleCoin": "USDT",
        "optionsType": "Call" if contract.kind == "C" else "Put",
        "launchTime": str(contract.expiry_ms - 90 * 86_400_000),
        "deliveryTime": str(contract.expiry_ms),
        "deliveryFeeRate": "0.00015",
        "priceFilter": {"minPrice": coin.tick, "maxPrice": "10000000", "tickSize": coin.tick},
        "lotSizeFilter": {"maxOrderQty": "500", "minOrderQty": coin.lot, "qtyStep": coin.lot},
        "displayName": contract.symbol,
    }
