"""What goes out: tables for spreadsheets, a page for browsers, JSON for strict parsers, files."""

import csv
import io
import re
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

import fastopts
from fastopts.serve.http import assets, response
from fastopts.serve.http.guard import CSP
from tests.faults.ap.routes import API, PATHS, SUBSCRIPTIONS
from tests.serve.http_server import Answer, HttpServerThread, frame, strict, until
from tests.serve.live_market import BTC, ETH, SYMBOLS, LiveMarket
from tests.support.programs import chromium, missing
from tests.support.store import NUMBERS

PAGE = Path(fastopts.__file__).parent / "serve" / "page"
FORMULAS = ("=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "=cmd|' /C calc'!A0", '=HYPERLINK("x")')
MARKUP = '<img src=x onerror="window.pwned=1">'
CHROMIUM = chromium()


def table(answer: Answer) -> list[dict[str, str]]:
    assert answer.status == 200
    assert answer["content-type"] == "text/csv; charset=utf-8"
    return list(csv.DictReader(io.StringIO(answer.body.decode(), newline="")))


def guarded_row(text: str, row: dict[str, str]) -> dict[str, str]:
    """The cells of a table of the columns of *row*, each of which holds *text*."""
    names = list(row)
    told = response.csv_table(names, [dict.fromkeys(names, text)]).decode()
    [found] = csv.DictReader(io.StringIO(told, newline=""))
    return found


def test_AP_08_a_text_that_would_be_a_formula_is_none_and_numbers_stay(
    live_market: LiveMarket,
) -> None:
    client = live_market.store.client
    for symbol, text in zip(BTC, FORMULAS, strict=False):
        client.hset(f"instrument:{symbol}", "status", text)
    for symbol, text in zip(ETH, FORMULAS, strict=False):
        client.hset(f"instrument:{symbol}", "quote", text)
    with HttpServerThread(live_market.store.url) as http_server:
        http_server.ready()
        terms = {row["symbol"]: row for row in table(http_server.get("/v1/instruments.csv"))}
        rows = {r["symbol"]: r for r in table(http_server.get("/v1/chains/BTC.csv"))}
        told = http_server.get("/v1/instruments").json["instruments"]
        listed = {one["symbol"]: one for one in told}
        for symbol, text in zip(BTC, FORMULAS, strict=False):
            assert terms[symbol]["status"] == f"'{text}"
            assert listed[symbol]["status"] == text
            assert guarded_row(text, rows[symbol]) == dict.fromkeys(rows[symbol], f"'{text}")
        for symbol in ETH:  # a quote coin that is none is refused where it enters
            assert symbol not in terms
            assert http_server.get(f"/v1/options/{symbol}").json["quote"] is None
        for row in rows.values():
            for name in ("theta", "change_24h", "mark_price"):
                assert float(row[name]) == NUMBERS[name]
            assert float(row["delta"]) == (0.39 if row["type"] == "C" else -0.39)


def test_AP_08_a_table_is_a_file_of_a_fixed_name_and_nothing_else(
    http_server: HttpServerThread,
) -> None:
    for path in API:
        bare, _, query = path.partition("?")
        kind = re.findall(r"/v1/(\w+)", path)[0]
        names = {"options": ("option", "options"), "chains": ("chain", "chains")}
        for answer in (
            http_server.get(f"{bare}.csv?{query}"),
            http_server.get(path, {"Accept": "text/csv"}),
        ):
            assert answer["x-content-type-options"] == "nosniff"
            found = re.fullmatch(
                r'attachment; filename="(\w+)\.csv"', answer["content-disposition"] or ""
            )
            assert found is not None
            assert found[1] in names.get(kind, (kind,))
            assert table(answer)


def test_AP_09_each_answer_forbids_what_the_page_does_not_do(http_server: HttpServerThread) -> None:
    assert CSP == (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:;"
        " connect-src 'self'; font-src 'self'; base-uri 'self'; form-action 'none';"
        " frame-ancestors 'none'"
    )
    for path in PATHS:
        answer = http_server.get(path)
        assert answer["content-security-policy"] == CSP, path
        assert answer["x-content-type-options"] == "nosniff"
        assert answer["content-type"] or answer.status == 204
        # "/docs" is a page too: that of the HTTP API, packaged as the dashboard is.
        pages = ("/", "/docs", "/page/main.js", "/page/style.css")
        if answer.status != 204 and path not in pages:
            assert "html" not in (answer["content-type"] or "")
            assert "script" not in (answer["content-type"] or "")


def test_AP_09_the_page_has_no_way_to_make_markup_of_text() -> None:
    html = (PAGE / "index.html").read_text()
    assert not re.search(r"<script(?![^>]*\bsrc=)", html)
    assert not re.search(r"<style|\sstyle=|\son\w+\s*=|javascript:", html, re.IGNORECASE)
    own = [path for path in PAGE.rglob("*.js") if "vendor" not in path.parts]
    assert len(own) > 20
    words = r"innerHTML|outerHTML|insertAdjacentHTML|createContextualFragment|DOMParser|srcdoc"
    calls = r"document\.write|\beval\(|new Function\b|setTimeout\(\s*[\"'`]|javascript:|\.setHTML"
    attributes = r"<[a-z][^>]*\s(?:on\w+|style)\s*=|setAttribute\(\s*[\"'](?:on|style)|cssText"
    for path in own:
        found = re.search(f"{words}|{calls}|{attributes}", path.read_text())
        assert found is None, f"{path.name}: {found and found[0]}"


@pytest.mark.skipif(CHROMIUM is None, reason=missing("Chromium"))
def test_AP_09_markup_in_the_market_and_in_the_address_is_shown_as_text(
    live_market: LiveMarket,
) -> None:
    playwright = pytest.importorskip("playwright.sync_api")
    client = live_market.store.client
    for symbol in BTC:
        client.hset(f"instrument:{symbol}", "status", MARKUP)
    for symbol in ETH:
        client.hset(f"instrument:{symbol}", "quote", MARKUP)
    client.sadd("options:BTC", MARKUP, f"BTC-27NOV99-{MARKUP}-C")
    client.hset("fastopts:feed", "writer", MARKUP)
    with (
        HttpServerThread(live_market.store.url) as http_server,
        playwright.sync_playwright() as running,
    ):
        http_server.ready()
        browser = running.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page()
        page.goto(f"{http_server.base}/#/option/{BTC[0]}")
        page.locator("#view > *").first.wait_for()
        evil = quote(MARKUP, safe="")
        for address in (
            f"option/{evil}",
            f"{evil}/chain",
            f"BTC/chain/{evil}",
            f"scan?sort={evil}",
        ):
            page.goto(f"{http_server.base}/#/{address}")
            page.locator("#view > *").first.wait_for()
        page.goto(f"{http_server.base}/#/option/{BTC[0]}")
        page.get_by_text(BTC[0]).first.wait_for()
        assert page.get_by_text(MARKUP).count() == 0
        client.hset("fastopts:feed", "venue", MARKUP)  # which the page names as the fault
        page.get_by_text(MARKUP).first.wait_for()
        assert page.evaluate("window.pwned === undefined")
        assert page.locator("img[src=x]").count() == 0
        browser.close()


AWAY = (
    *("../app.py", "..%2fapp.py", "%2e%2e/app.py", "%2e%2e%2fapp.py", "..%5capp.py", "..\\app.py"),
    *(
        "....//app.py",
        "./../app.py",
        "vendor/../../app.py",
        "%252e%252e%252fapp.py",
        "..%00/app.py",
    ),
    *(
        "/etc/passwd",
        "//etc/passwd",
        "%2fetc%2fpasswd",
        "C:%5cwindows%5cwin.ini",
        "file:///etc/passwd",
    ),
    *(
        "..%c0%afapp.py",
        "%uff0e%uff0e/app.py",
        "main.js%00",
        "main.js%00.css",
        "main.js/",
        "main.js/.",
    ),
    *(
        "main.js.gz",
        "main.js.br",
        "style.css.gz",
        "index.html.gz",
        ".",
        "..",
        "",
        "vendor",
        "vendor/",
    ),
    *(
        "MAIN.JS",
        "main.js%20",
        "main.js::$DATA",
        "~root",
        "__init__.py",
        ".env",
        "vendor/./LICENSE",
    ),
)


def test_AP_10_no_path_leads_out_of_the_packaged_files(http_server: HttpServerThread) -> None:
    for path in AWAY:
        for prefix in ("/page/", "/", "/page", "/v1/", "/page/vendor/"):
            with http_server.raw() as raw:
                raw.ask(prefix + path)
                answer = raw.answer()
            # Two of them name a route: the dashboard, and the index of the API's routes.
            is_route = prefix + path in ("/", "/v1/")
            assert answer.status in ((200,) if is_route else (400, 404)), prefix + path
            assert b"import" not in answer.body
            assert b"root:" not in answer.body
    for name, asset in assets.load().items():
        plain = http_server.get(f"/page/{name}")
        packed = http_server.get(f"/page/{name}", {"Accept-Encoding": "gzip"})
        assert plain.body == (PAGE / name).read_bytes()
        assert (packed.body, packed["content-encoding"]) == (asset.packed, "gzip")


def test_AP_10_the_table_has_what_was_packaged_and_no_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "page"
    folder.mkdir()
    (tmp_path / "secret.txt").write_text("secret")
    (folder / "index.html").write_text("<p>")
    (folder / "notes.py").write_text("secret")
    (folder / "file.txt").symlink_to(tmp_path / "secret.txt")
    (folder / "folder").symlink_to(tmp_path)
    monkeypatch.setattr(resources, "files", lambda _: tmp_path)
    assert assets.load().keys() == {"index.html"}


ODD: tuple[dict[str, Any], ...] = (
    {name: float("nan") for name in NUMBERS},
    {name: float("inf") for name in NUMBERS},
    {name: float("-inf") for name in NUMBERS},
    {"mark_iv": float("nan"), "bid_price": float("inf"), "ask_price": float("-inf")},
    dict.fromkeys(NUMBERS, 1e308),
    dict.fromkeys(NUMBERS, 5e-324),
    dict.fromkeys(NUMBERS, 0.0),
    {"underlying_price": 0.0, "mark_iv": -1.0, "delta": 7.0},
)


@pytest.fixture
def odd(live_market: LiveMarket) -> Iterator[HttpServerThread]:
    """A server of a market whose numbers are none, or can't be."""
    for symbol, values in zip(SYMBOLS, ODD * 2, strict=False):
        live_market.tick(symbol, **values)
    with HttpServerThread(live_market.store.url) as made:
        yield made.ready()


def test_AP_19_no_answer_holds_a_number_that_json_has_not(odd: HttpServerThread) -> None:
    for path in (*API, *(f"/v1/options/{symbol}" for symbol in SYMBOLS), "/ready"):
        joint = "&" if "?" in path else "?"
        for more in ("", "stale=true"):
            answer = odd.get(f"{path}{joint}{more}" if more else path)
            assert answer.status in (200, 400), (path, answer.body)
            assert answer.json
        if path in API and path != "/v1/feed":
            for row in table(odd.get(path, {"Accept": "text/csv"})):
                assert not {"nan", "inf", "-inf"} & {cell.lower() for cell in row.values()}
    nan, inf = (odd.get(f"/v1/options/{symbol}").json for symbol in SYMBOLS[:2])
    assert (nan["mark_iv"], inf["mark_iv"], inf["bid_price"]) == (None, None, None)


def test_AP_19_no_message_of_a_stream_holds_a_number_that_json_has_not(
    live_market: LiveMarket, odd: HttpServerThread
) -> None:
    with odd.raw() as raw:
        assert raw.upgrade() == 101
        for number, wish in enumerate(SUBSCRIPTIONS):
            raw.send(frame({"op": "subscribe", "id": f"{number}", **wish}))
        heard: set[tuple[str, str]] = set()
        for opcode, payload in raw.frames():
            assert opcode == 1
            told = strict(payload)
            assert told["type"] != "error", told
            heard.add((told["type"], told.get("id", "")))
            if len(heard) == 2 + 2 * len(SUBSCRIPTIONS):
                break
        live_market.tick(SYMBOLS[0], mark_price=1.0)
        live_market.tick(SYMBOLS[0], mark_price=float("inf"))
        texts = (strict(payload) for _, payload in raw.frames())
        assert any(told["type"] == "rows" for told in texts)
    until(lambda: not odd.stats.streams["websocket"])
