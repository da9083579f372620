"""What stays inside: secrets, stack traces, versions."""

import json
import logging
import re
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import pytest

from fastopts.embedded import EmbeddedValkey
from fastopts.serve import app, routes
from fastopts.serve.app import Application
from fastopts.serve.http import assets
from fastopts.serve.http.tokens import Tokens, read
from fastopts.serve.settings import ServeSettings
from fastopts.serve.streams import endpoints, subscriptions
from tests.faults.ap.routes import API, PATHS
from tests.serve.fixtures import bearer
from tests.serve.http_server import Answer, HttpServerThread, frame, until
from tests.serve.live_market import BTC
from tests.support.processes import finish, start, wait_for_line
from tests.support.store import Store

CLUE: Final = "k4n4ri"
TOKEN: Final = f"{CLUE}-{'t' * 40}"
PASSWORD: Final = f"{CLUE}#/@%+:?é €'{CLUE}"
CODED: Final = quote(PASSWORD, safe="")
SECRET_WORDS: Final = "words of an exception"


class Asked(HttpServerThread):
    """Clients of a server that is a process of its own, on *port*."""

    def __init__(self, port: int) -> None:
        self.host, self.port = "127.0.0.1", port


@pytest.fixture(scope="module")
def locked() -> Iterator[EmbeddedValkey]:
    """A Redis that holds options, and asks for the password."""
    with EmbeddedValkey() as made:
        store = Store(made)
        store.option(BTC[0])
        store.feed(heartbeat_limit_ms=600_000, watchdog_limit_ms=600_000)
        store.client.config_set("requirepass", PASSWORD)
        store.client.close()
        yield made


@pytest.mark.parametrize(
    ("slot", "form"), [("url", "text"), ("variable", "json"), ("wrong", "text")]
)
def test_AP_05_and_AP_16_no_output_has_a_secret(
    tmp_path: Path, locked: EmbeddedValkey, slot: str, form: str
) -> None:
    """Not what it says nor what it answers, whatever is asked of it and by whom."""
    tokens = tmp_path / "tokens"
    tokens.write_text(f"desk:{TOKEN}\n")
    tokens.chmod(0o600)
    host = f"127.0.0.1:{locked.port}"
    variables = {
        "url": {"FASTOPTS_REDIS_URL": f"redis://default:{CODED}@{host}"},
        "variable": {"FASTOPTS_REDIS_URL": f"redis://{host}", "REDIS_PASSWORD": PASSWORD},
        "wrong": {"FASTOPTS_REDIS_URL": f"redis://:{CLUE}@{host}"},
    }[slot]
    words = ["serve", "--port", "0", "--tokens", str(tokens)]
    told = ""
    more = {**variables, "FASTOPTS_LOG_FORMAT": form, "PYTHONPATH": str(Path.cwd())}
    with start(*words, cwd=tmp_path, module="fastopts.cli.__main__", **more) as process:
        try:
            line = wait_for_line(process.stderr, "http://")
            found = re.search(r"127\.0\.0\.1:(\d+)", line)
            assert found is not None
            told = line + ask_everything(Asked(int(found[1])))
            process.send_signal(signal.SIGTERM)
            code, out, err = finish(process)
        finally:
            process.kill()
    assert code == 0, err
    assert "fastopts_serve_requests_total" in told
    for secret in (CLUE, "t" * 40):
        assert secret not in told + out + err


def ask_everything(server: HttpServerThread) -> str:
    """All responses to a client with the token, to one without it, and to one with a wrong one."""
    told = []
    # The right one first: who errs is soon shut out.
    for headers in (bearer(TOKEN), {}, bearer(f"{TOKEN}x")):
        for path in PATHS:
            joint = "&" if "?" in path else "?"
            told.append(server.get(path, headers))
            told.append(server.get(f"{path}{joint}token={TOKEN[8:]}", headers))
    told.append(server.get("/v1/feed", bearer(TOKEN) | {"Host": "evil.example"}))
    text = "".join(f"{one.headers}{one.body.decode()}" for one in told)
    with server.raw() as raw:
        raw.upgrade(headers=f"Authorization: Bearer {TOKEN}\r\n")
        raw.send(frame({"op": "subscribe", "id": "a", "asset": "BTC"}))
        raw.send(frame(b"\xff"))
        text += str(list(raw.frames()))
    with server.raw() as raw:
        raw.send(
            f"GET /{TOKEN}\xff HTTP/1.1\r\nAuthorization: Bearer {TOKEN}\r\n\n".encode("latin-1")
        )
        text += raw.rest().decode("latin-1")
    return text


def test_AP_16_no_repr_has_a_token(tmp_path: Path) -> None:
    path = tmp_path / "tokens"
    path.write_text(f"desk:{TOKEN}\n")
    path.chmod(0o600)
    tokens = read(path)
    settings = ServeSettings(tokens=tokens)
    shown = f"{tokens!r} {tokens} {settings!r} {settings} {vars(tokens)}"
    assert CLUE not in shown
    for text in (f"desk:{CLUE}", f"desk {TOKEN}", f"a b:{TOKEN}", f"desk:{TOKEN} x"):
        path.write_text(text)
        with pytest.raises(Exception, match="line 1") as caught:
            read(path)
        assert CLUE not in str(caught.value)
    assert len(Tokens({"desk": TOKEN})) == 1


def broken(*_: Any, **__: Any) -> Any:
    raise ZeroDivisionError(f"{SECRET_WORDS} {CLUE}")


def numbered(answer: Answer) -> str:
    """The number that the answer to a bug has, and nothing else of it."""
    assert answer.status == 500
    assert answer["content-type"] == "application/problem+json"
    found = re.fullmatch(
        r"internal server error; the server's log has it under ([0-9a-f]{8})", answer.json["detail"]
    )
    assert found is not None
    assert answer.json | {"detail": ""} == {
        "type": "about:blank",
        "title": "Internal Server Error",
        "status": 500,
        "reason": "InternalError",
        "detail": "",
    }
    assert answer["content-security-policy"]
    return found[1]


def test_AP_17_an_internal_error_of_a_route_reveals_only_its_number(
    http_server: HttpServerThread, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    for module, name in (
        *((routes, "respond"), (app, "exposition"), (app, "readiness_problems")),
        *((assets, "respond"), (subscriptions, "read"), (endpoints, "Subscriber")),
        (app, "_document"),
    ):
        monkeypatch.setattr(module, name, broken)
    monkeypatch.setattr(Application, "_hello", broken)
    numbers = []
    for path in (
        *API,
        "/metrics",
        "/ready",
        "/",
        "/page/main.js",
        "/v1/events",
        "/v1/openapi.json",
    ):
        numbers.append(numbered(http_server.get(path)))
        assert http_server.get(path, method="HEAD").status == 500
    told = {record.getMessage(): record for record in caplog.records}
    for number in numbers:
        record = told[f"internal error {number}"]
        assert record.levelno == logging.ERROR
        assert record.exc_info is not None
        assert SECRET_WORDS in str(record.exc_info[1])
    assert len(set(numbers)) == len(numbers)
    assert len(caplog.records) == 2 * len(numbers)  # each once


def test_AP_17_an_internal_error_of_a_websocket_reveals_nothing(
    http_server: HttpServerThread, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(subscriptions, "read", broken)
    with http_server.raw() as raw:
        assert raw.upgrade() == 101
        raw.send(frame({"op": "subscribe", "id": "a", "asset": "BTC"}))
        told = b"".join(payload for _, payload in raw.frames())
    assert SECRET_WORDS.encode() not in told
    assert b"Traceback" not in told
    until(lambda: [one.getMessage()[:15] for one in caplog.records] == ["internal error "])
    monkeypatch.setattr(Application, "_hello", broken)
    with http_server.raw() as raw:
        assert raw.upgrade() == 500
        assert SECRET_WORDS.encode() not in raw.rest()
    assert http_server.get("/v1/options/X").status == 404


def test_AP_17_no_answer_names_a_program_or_its_version(http_server: HttpServerThread) -> None:
    words = ("uvicorn", "starlette", "fastapi", "python/", "websockets", "httptools", "valkey")
    for path in (*PATHS, "/v1/options/%00", "/v1/scan?limit=x", "/v1/events?subscribe={"):
        for headers in ({}, {"Host": "evil"}, {"Origin": "null"}):
            answer = http_server.get(path, headers)
            assert not answer["server"]
            assert not answer["x-powered-by"]
            shown = (
                f"{answer.headers} {answer.body.decode() if '/page' not in path else ''}".lower()
            )
            assert not [word for word in words if word in shown], path
    for lines in ("", "Sec-WebSocket-Version: 1\r\n"):
        with http_server.raw() as raw:
            raw.ask("/v1/stream", f"Connection: Upgrade\r\nUpgrade: websocket\r\n{lines}")
            shown = raw.rest().decode().lower()
            assert "server:" not in shown
            assert not [word for word in words if word in shown], shown
    assert json.loads(http_server.get("/v1/openapi.json").body)["info"]["title"] == "fastopts"
