"""`fastopts serve` as a user starts it."""

import re
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.cli.process import fastopts, fastopts_process, start
from tests.serve.http_server import until
from tests.serve.live_market import LiveMarket
from tests.support.processes import environ, wait_for_line
from tests.support.store import Store
from tests.support.waiting import PATIENCE_S

TOKEN = "0123456789abcdef0123456789abcdef"


@pytest.fixture
def live_market(store: Store) -> Iterator[LiveMarket]:
    with LiveMarket(store) as made:
        yield made


def is_ready(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}ready", timeout=20) as answer:
            return bool(answer.status == 200)
    except urllib.error.HTTPError as error:
        with error:
            return False


@contextmanager
def serving(*words: str, cwd: Path) -> Iterator[subprocess.Popen[str]]:
    """A server that does not outlive the block."""
    with start(*words, cwd=cwd) as process:
        try:
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_says_where_it_is_serves_and_ends_in_order(
    live_market: LiveMarket, tmp_path: Path, number: signal.Signals
) -> None:
    words = ("serve", "--port", "0", "--redis-url", live_market.store.url)
    with serving(*words, cwd=tmp_path) as process:
        found = re.search(r"http://127\.0\.0\.1:\d+/", wait_for_line(process.stderr, "http://"))
        assert found is not None
        with urllib.request.urlopen(f"{found[0]}v1/feed", timeout=20) as answer:
            assert b'"venue":"bybit"' in answer.read()
        with urllib.request.urlopen(found[0], timeout=20) as answer:
            assert b"<!doctype html>" in answer.read().lower()
        process.send_signal(number)
        out, err = process.communicate(timeout=30)
    assert (process.returncode, out) == (0, "")
    assert "Traceback" not in err


def test_it_follows_a_redis_that_comes_later(store: Store, tmp_path: Path) -> None:
    # Nothing ticks here, and a busy machine takes longer than the default of 10 s.
    words = ("serve", "--port", "0", "--redis-url", store.url, "--ready-age-s", f"{PATIENCE_S:g}")
    with serving(*words, cwd=tmp_path) as process:
        found = re.search(r"http://127\.0\.0\.1:\d+/", wait_for_line(process.stderr, "http://"))
        assert found is not None
        wait_for_line(process.stderr, "no live data")
        with LiveMarket(store):
            wait_for_line(process.stderr, "feed is live")
            until(lambda: is_ready(found[0]))
        process.terminate()
        process.communicate(timeout=30)


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("--bind", "0.0.0.0"), "an address other than loopback needs tokens"),
        (("--bind", "nowhere.invalid", "--tokens", "tokens"), "--bind nowhere.invalid"),
        (("--port", "70000"), "write a number from 0 to 65535"),
        (("--tokens", "missing"), "missing: cannot read the tokens"),
        (("--allow-host", "a b"), "write a host name"),
        (("--allow-origin", "desk.example"), "such as https://desk.example"),
        (("--cors", "https://*.example"), "write one exact origin"),
        (("--ready-share", "80"), "80"),
        (("--ready-age-s", "0"), "write seconds above 0"),
        (("--venue", "moon"), "choose bybit"),
        (("--beat-ms", "1"), "50"),
    ],
)
def test_what_can_not_be_meant_is_one_line_and_code_2(
    tmp_path: Path, words: tuple[str, ...], complaint: str
) -> None:
    (tmp_path / "tokens").write_text(f"desk:{TOKEN}\n")
    done = fastopts("serve", *words, cwd=tmp_path)
    assert done.code == 2
    assert complaint in done.err
    assert done.err.count("\n") == 1 + done.err.count("readable by every user")


def test_a_port_that_is_taken_is_reported(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = fastopts_process("serve", "--port", port, cwd=tmp_path)
    assert done.code == 2
    assert f"--port {port}: Address already in use" in done.err


def test_without_the_extra_it_says_how_to_get_it(tmp_path: Path) -> None:
    program = (
        "import sys; sys.modules['uvicorn'] = None\n"
        "from fastopts.cli.__main__ import main; sys.exit(main(['serve']))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=environ(),
        check=False,
    )
    assert done.returncode == 2
    assert " is not installed: pip install 'fastapi>=" in done.stderr
    assert "pip install '.[serve]'" in done.stderr


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "no token; add a line"),
        ("# nobody\n", "no token; add a line"),
        ("desk", "line 1: malformed line; write name:token"),
        ("desk:short", "use at least 32"),
        (f"a b:{TOKEN}", "line 1: malformed line; write name:token"),
        (f"desk:{TOKEN}\ndesk:{TOKEN}", "line 2: duplicate name desk"),
        (f"desk:{TOKEN}é", "use at least 32"),
    ],
)
def test_a_file_of_tokens_that_can_not_be_meant(tmp_path: Path, text: str, complaint: str) -> None:
    path = tmp_path / "tokens"
    path.write_text(text)
    path.chmod(0o600)
    done = fastopts("serve", "--tokens", "tokens", cwd=tmp_path)
    assert done.code == 2
    assert complaint in done.err
    assert TOKEN not in done.err
