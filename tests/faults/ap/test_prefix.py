"""Under a path of a proxy's: API, streams, document and page."""

import json
import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import pytest
from websockets.sync.client import connect

from fastopts.errors import ConfigError
from fastopts.serve.settings import ServeSettings
from tests.serve.http_server import HttpServerThread, strict
from tests.serve.live_market import LiveMarket
from tests.serve.reverse_proxy import NGINX, ReverseProxy, ask, nginx

ROOT = "/fastopts"
PLAIN = ServeSettings(beat_s=0.05)
LOCATION = """
    location /fastopts/ {
      proxy_pass http://127.0.0.1:%d%s;
      proxy_set_header Host $http_host;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection $connection_upgrade;
      proxy_buffering off;
      %s
    }
"""
FORWARDED = "proxy_set_header X-Forwarded-Prefix /fastopts;"
needs_nginx = pytest.mark.skipif(NGINX is None, reason="no nginx: apt install nginx-light")

# Whether the proxy strips the prefix; whether it sends the header; the server's settings; whether
# the server knows the prefix.
SETUPS = {
    "stripped": (True, False, PLAIN, False),
    "stripped, told": (True, True, replace(PLAIN, trusted_proxies=("127.0.0.1",)), True),
    "stripped, told by a stranger": (True, True, PLAIN, False),
    "stripped, configured": (True, False, replace(PLAIN, root_path=ROOT), True),
    "kept, configured": (False, False, replace(PLAIN, root_path=ROOT), True),
}


def told(lines: list[tuple[str, str]], _: str) -> list[tuple[str, str]]:
    return [*lines, ("X-Forwarded-Prefix", ROOT)]


@contextmanager
def front(kind: str, port: int, folder: Path, *, strips: bool, tells: bool) -> Iterator[int]:
    with ExitStack() as stack:
        if kind == "own":
            rewrite = told if tells else lambda lines, _: lines
            made = ReverseProxy(port, rewrite, ROOT if strips else "")
            yield stack.enter_context(made).port
        else:
            locations = LOCATION % (port, "/" if strips else "", FORWARDED if tells else "")
            yield stack.enter_context(nginx(folder, locations))


@pytest.mark.parametrize("setup", SETUPS)
@pytest.mark.parametrize("kind", ["own", pytest.param("nginx", marks=needs_nginx)])
def test_AP_21_everything_is_there_under_a_prefix(
    live_market: LiveMarket, tmp_path: Path, kind: str, setup: str
) -> None:
    strips, tells, settings, is_known = SETUPS[setup]
    with (
        HttpServerThread(live_market.store.url, settings) as http_server,
        front(kind, http_server.port, tmp_path, strips=strips, tells=tells) as port,
    ):
        http_server.ready()
        assert ask(port, f"{ROOT}/v1/feed").json["alive"]
        assert ask(port, f"{ROOT}/ready").status == 200
        csv = ask(port, f"{ROOT}/v1/instruments.csv")
        assert csv["content-type"] == "text/csv; charset=utf-8"
        assert ask(port, f"{ROOT}/nothing").status == 404

        address = f"http://127.0.0.1:{port}{ROOT}/v1/openapi.json"
        document = ask(port, f"{ROOT}/v1/openapi.json").json
        [server] = document["servers"]
        assert server["url"] == (ROOT if is_known else "..")
        base = urljoin(address, server["url"]).rstrip("/")
        assert base == f"http://127.0.0.1:{port}{ROOT}"
        assert "/v1/feed" in document["paths"]

        page = ask(port, f"{ROOT}/").body.decode()
        assert (f'<base href="{ROOT}/">' in page) == is_known
        for name in re.findall(r'(?:href|src)="(page/[^"]+)"', page):
            assert ask(port, f"{ROOT}/{name}").status == 200, name
        with connect(f"ws://127.0.0.1:{port}{ROOT}/v1/stream", proxy=None) as stream:
            stream.send(json.dumps({"op": "subscribe", "id": "a", "asset": "BTC"}))
            messages: Any = map(strict, stream)
            assert next(one for one in messages if one["type"] == "rows")["full"]


def test_AP_21_the_prefix_without_its_slash_leads_to_the_page(live_market: LiveMarket) -> None:
    with HttpServerThread(live_market.store.url, replace(PLAIN, root_path=ROOT)) as http_server:
        answer = http_server.get(f"{ROOT}?a=b")
        assert (answer.status, answer["location"]) == (308, f"{ROOT}/?a=b")
        assert http_server.get(f"{ROOT}x").status == 404
        assert http_server.get("/v1/feed").status == 200  # Prometheus asks the server itself


@pytest.mark.parametrize("value", ['"><script>', "//evil.example", "/a/../b", "/a b", "/ä", "a"])
def test_AP_21_an_invalid_prefix_is_ignored(live_market: LiveMarket, value: str) -> None:
    settings = replace(PLAIN, trusted_proxies=("127.0.0.1",))
    with HttpServerThread(live_market.store.url, settings) as http_server:
        headers = {"X-Forwarded-Prefix": value}
        assert "<base" not in http_server.get("/", headers).body.decode()
        assert http_server.get("/v1/openapi.json", headers).json["servers"] == [{"url": ".."}]
    with pytest.raises(ConfigError, match="--root-path"):
        replace(PLAIN, root_path=value).check()
