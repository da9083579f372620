"""The three REST answers a client of the option stream asks for.

Tickers agree with the stream, as a venue's do: where they differ from what a quiet symbol last
ticked, a collector has to take its subscription for dead.
"""

import ssl
import threading
import time
from collections.abc import Callable, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import orjson

from bench.frames import COINS, Contract

__all__ = ("serve",)

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


def serve(listed: list[Contract], rows: Rows, tls: ssl.SSLContext | None) -> int:
    """Serve from a daemon thread on a free port of 127.0.0.1; return the port.

    *rows* returns the ticker of each listed contract as the stream sent it last; it is called from
    other threads.
    """
    instruments = _instruments(listed)

    class Handler(_Handler):
        def answer(self, path: str, coin: str) -> object:
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

    def answer(self, path: str, coin: str) -> object:
        raise NotImplementedError

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        coin = parse_qs(parts.query).get("baseCoin", ["BTC"])[0]
        envelope = {
            "retCode": 0,
            "retMsg": "OK",
            "result": self.answer(parts.path, coin),
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
        """Say nothing."""


def _instruments(listed: list[Contract]) -> dict[str, bytes]:
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
    listed: list[Contract], rows: Sequence[dict[str, str]], coin: str
) -> list[dict[str, str]]:
    return [
        {REST_NAMES.get(name, name): text for name, text in row.items()}
        for contract, row in zip(listed, rows, strict=True)
        if contract.coin == coin
    ]


def _terms(contract: Contract) -> dict[str, object]:
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
