"""docs/serving.md: its commands, its notebook, its JavaScript, and its tables."""

import dataclasses
import re
import shlex
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, sync_playwright

from fastopts.serve import protocol
from fastopts.serve.http import tokens
from fastopts.serve.settings import Limits
from fastopts.serve.stats import DropReason
from tests.docs.announcer import MovingAnnouncer
from tests.docs.market import list_market
from tests.docs.pages import DOCS, examples, rows
from tests.page.tab import ARGUMENTS, NO_BROWSER, chromium
from tests.serve.http_server import HttpServerThread, until
from tests.support.store import Store

PAGE = DOCS / "serving.md"
USUAL = "127.0.0.1:8050"
CURLS = [
    line
    for example in examples(PAGE, "sh")
    for line in re.findall(r"^curl .*", example.code, re.MULTILINE)
]


@pytest.fixture
def server(store: Store) -> Iterator[HttpServerThread]:
    with MovingAnnouncer(store, list_market(store)), HttpServerThread(store.url) as made:
        until(lambda: made.get("/v1/feed").json["alive"])
        yield made


def asked(server: HttpServerThread, line: str) -> str:
    words = shlex.split(line.replace(USUAL, f"{server.host}:{server.port}"))
    done = subprocess.run(words, capture_output=True, text=True, timeout=20, check=True)
    return done.stdout


@contextmanager
def opened(url: str) -> Iterator[Page]:
    """A browser at *url*."""
    if (program := chromium()) is None:
        pytest.skip(NO_BROWSER)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=list(ARGUMENTS))
        page = browser.new_page()
        page.goto(url)
        yield page
        browser.close()


@pytest.mark.parametrize("line", CURLS)
def test_curl_examples_have_an_answer(server: HttpServerThread, line: str) -> None:
    answer = asked(server, line)
    if line == CURLS[-1]:
        [shown] = examples(PAGE, "json")
        assert answer == shown.code.strip()
    else:
        assert answer
        assert '"about:blank"' not in answer


def test_what_the_notebook_prints(
    server: HttpServerThread, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    names: dict[str, Any] = {"__name__": "example"}
    for example in examples(PAGE, "python"):
        here = dataclasses.replace(
            example, code=example.code.replace(USUAL, f"{server.host}:{server.port}")
        )
        here.run(server.base, names)
        printed = capsys.readouterr().out
        assert example.agrees(printed.splitlines()), f"line {example.line} prints\n{printed}"


def test_the_browser_example_runs(server: HttpServerThread) -> None:
    [example] = examples(PAGE, "js")
    with opened(server.base) as page:
        page.evaluate(f"() => {{ {example.code}; window.rows = rows; window.source = source; }}")
        page.wait_for_function("() => window.rows.size === 10")
        marks = page.evaluate("() => [...window.rows.values()].map((row) => row.mark_price)")
        page.evaluate("() => window.source.close()")
    chain = server.get("/v1/chains/BTC/29JAN27").json
    sides = [row[side] for row in chain["strikes"] for side in ("call", "put")]
    assert sorted(marks) == sorted(one["mark_price"] for one in sides)


def test_every_path_is_in_the_docs_and_no_other(server: HttpServerThread) -> None:
    document = server.get("/v1/openapi.json").json
    told = {
        path.partition("?")[0]
        for cell, *_ in rows("serving.md", "path")
        for path in cell.split(", ")
    }
    told |= {cell for cell, *_ in rows("serving.md", "path", 1)}
    assert told == {*document["paths"], "/v1/stream", "/v1/openapi.json", "/docs", "/metrics"}


def test_every_status_is_in_the_docs() -> None:
    documented = {int(status): reasons for status, reasons in rows("serving.md", "status")}
    for kind, status in protocol.STATUSES:
        names = [kind.__name__, *(one.__name__ for one in kind.__subclasses__())]
        assert any(name in documented[status] for name in names), kind


def test_every_message_type_is_in_the_docs() -> None:
    documented = {name for names, _ in rows("serving.md", "type") for name in names.split(", ")}
    assert documented == {kind.value for kind in protocol.MessageType}


def test_every_drop_reason_is_in_the_docs() -> None:
    documented = {name for names, _ in rows("serving.md", "reason") for name in names.split(", ")}
    assert documented == {reason.value for reason in DropReason}


def test_the_limits_are_those_that_hold() -> None:
    text, limits = PAGE.read_text(), Limits()
    for words in (
        f"{limits.connections:,}, of one address {limits.connections_each}",
        f"{limits.requests_s:,.0f} of one token at one address",
        f"of {limits.message_bytes >> 10} KiB; {limits.streams_each} of one client",
        f"{limits.symbols:,} together",
        f"{limits.url_bytes >> 10} KiB of URL, {limits.header_bytes >> 10} KiB of headers",
        f"within {limits.request_s:g} s",
        f"{limits.streams}, each with {limits.subscriptions} subscriptions and",
        f"and {limits.messages_s:g} messages a second of {limits.message_bytes >> 10} KiB",
        f"{limits.scans} different scans",
        f"After {limits.failures_minute} wrong tokens",
        f"reads nothing for {limits.stall_s:g} seconds",
    ):
        assert words in text, words


def test_tokens_are_made_as_the_page_says(tmp_path: Path) -> None:
    [line] = re.findall(r"^\(umask 077; (.*)\)$", PAGE.read_text(), re.MULTILINE)
    subprocess.run(["sh", "-c", f"umask 077; {line}"], cwd=tmp_path, check=True)

    assert len(tokens.read(tmp_path / "tokens")) == 1
    assert (tmp_path / "tokens").stat().st_mode & 0o077 == 0
