"""What the contenders that are not ours share: arguments, the universe, status lines."""

import argparse
import json
import ssl
import sys
import urllib.request
from pathlib import Path

from bench.frames import COINS

__all__ = ("Arguments", "arguments", "report_status", "subscriptions", "symbols")

TOPICS_A_FRAME = 100


class Arguments(argparse.Namespace):
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
    parser = argparse.ArgumentParser()
    parser.add_argument("--rest-url")
    parser.add_argument("--ws-url")
    parser.add_argument("--redis-url")
    parser.add_argument("--certificate", type=Path)
    parser.add_argument("--conflate", action="store_true")
    return parser.parse_args(namespace=Arguments())


def symbols(given: Arguments) -> list[str]:
    """The universe, from REST."""
    found: list[str] = []
    for coin in COINS:
        url = f"{given.rest_url}/v5/market/instruments-info?category=option&baseCoin={coin}"
        with urllib.request.urlopen(url, context=given.tls) as answer:
            found += [row["symbol"] for row in json.load(answer)["result"]["list"]]
    return found


def subscriptions(wanted: list[str]) -> list[bytes]:
    """The requests that subscribe *wanted*."""
    return [
        json.dumps(
            {"op": "subscribe", "args": [f"tickers.{s}" for s in wanted[at : at + TOPICS_A_FRAME]]}
        ).encode()
        for at in range(0, len(wanted), TOPICS_A_FRAME)
    ]


def report_status(**counts: int) -> None:
    """Log a status line."""
    sys.stderr.write(json.dumps({"status": counts}) + "\n")
    sys.stderr.flush()
