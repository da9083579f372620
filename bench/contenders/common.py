"""Shared parts of the contenders other than the collector: arguments, universe, status lines."""

import argparse
import json
import ssl
import sys
import urllib.request
from pathlib import Path

from bench.frames import COINS

__all__ = ("Arguments", "arguments", "report_status", "subscriptions", "symbols")

TOPICS_A_FRAME = 100  # a request stays below the venue's limit of 21,000 characters


class Arguments(argparse.Namespace):
    """The options of a contender; *certificate* is that of the replay, None for plain TCP."""

    rest_url: str
    ws_url: str
    redis_url: str
    certificate: Path | None
    conflate: bool

    @property
    def tls(self) -> ssl.SSLContext | None:
        """A context that trusts the replay's certificate."""
        if self.certificate is None:
            return None
        return ssl.create_default_context(cafile=self.certificate)


def arguments() -> Arguments:
    """Parse the command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rest-url")
    parser.add_argument("--ws-url")
    parser.add_argument("--redis-url")
    parser.add_argument("--certificate", type=Path)
    parser.add_argument("--conflate", action="store_true")
    return parser.parse_args(namespace=Arguments())


def symbols(options: Arguments) -> list[str]:
    """Return the universe, from REST."""
    symbols_: list[str] = []
    for coin in COINS:
        url = f"{options.rest_url}/v5/market/instruments-info?category=option&baseCoin={coin}"
        with urllib.request.urlopen(url, context=options.tls) as response:
            symbols_ += [row["symbol"] for row in json.load(response)["result"]["list"]]
    return symbols_


def subscriptions(listed: list[str]) -> list[bytes]:
    """Return the requests that subscribe to *listed* symbols."""
    topics = [f"tickers.{symbol}" for symbol in listed]
    return [
        json.dumps({"op": "subscribe", "args": topics[start : start + TOPICS_A_FRAME]}).encode()
        for start in range(0, len(topics), TOPICS_A_FRAME)
    ]


def report_status(**counts: int) -> None:
    """Log a status line."""
    sys.stderr.write(json.dumps({"status": counts}) + "\n")
    sys.stderr.flush()
