"""Standard streams that are closed, that nobody reads, or that can't hold a character; files in the
encodings of editors."""

import csv
import http.client
import os
import shlex
import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from fastopts import config
from fastopts.collector.venue import universe_cache as cache
from fastopts.errors import ConfigError
from fastopts.serve.http import tokens
from tests.cli.market import fill
from tests.cli.terminal import terminal
from tests.serve.http_server import until
from tests.serve.live_market import SYMBOLS, LiveMarket
from tests.serve.reverse_proxy import ask
from tests.support.ports import free_port
from tests.support.processes import environ
from tests.support.store import Store
from tests.support.waiting import PATIENCE_S

CLOSED = ("<&-", ">&-", "2>&-", ">&- 2>&-", "<&- >&- 2>&-")
BOM = b"\xef\xbb\xbf"


@pytest.fixture
def market(store: Store) -> Store:
    fill(store)
    return store


def shell(
    line: str, cwd: Path, url: str, module: str = "fastopts.cli", **variables: str
) -> subprocess.CompletedProcess[str]:
    """Run `fastopts` with the words of *line*, which may redirect."""
    command = f"{shlex.quote(sys.executable)} -m {module} {line}"
    return subprocess.run(
        ["bash", "-o", "pipefail", "-c", command],
        cwd=cwd,
        env=environ(FASTOPTS_REDIS_URL=url, **variables),
        capture_output=True,
        encoding="latin-1",
        check=False,
        timeout=60,
    )


@pytest.mark.parametrize("closing", CLOSED)
def test_CF_13_an_export_is_whole_and_done_without_streams(
    market: Store, tmp_path: Path, closing: str
) -> None:
    done = shell(f"export all.csv {closing}", tmp_path, market.url)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    assert not done.stdout  # what is said about it is none of the output
    rows = list(csv.DictReader((tmp_path / "all.csv").read_text().splitlines()))
    assert len(rows) > 10
    assert {row["venue"] for row in rows} == {"bybit"}


@pytest.mark.parametrize("closing", CLOSED)
@pytest.mark.parametrize("line", ["--version", "status", "chain BTC", "get NONE", "nonsense"])
def test_CF_13_the_exit_code_is_the_same_without_streams(
    market: Store, tmp_path: Path, line: str, closing: str
) -> None:
    usual = shell(line, tmp_path, market.url)
    done = shell(f"{line} {closing}", tmp_path, market.url)
    assert done.returncode == usual.returncode
    assert "Traceback" not in done.stdout + done.stderr
    if "2>&-" not in closing:
        assert bool(done.stderr) == bool(usual.stderr)


@pytest.mark.parametrize("line", ["export all.csv", "status", "nonsense"])
def test_CF_13_what_standard_error_does_not_take_is_lost(
    market: Store, tmp_path: Path, line: str
) -> None:
    usual = shell(line, tmp_path, market.url)
    assert shell(f"{line} 2>/dev/full", tmp_path, market.url).returncode == usual.returncode


@pytest.mark.parametrize("module", ["fastopts.cli", "fastopts.track", "fastopts.sim"])
@pytest.mark.parametrize("closing", CLOSED)
def test_CF_13_every_program_starts_without_streams(
    tmp_path: Path, module: str, closing: str
) -> None:
    done = shell(f"--help {closing}", tmp_path, "redis://127.0.0.1:1", module)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("closing", CLOSED)
def test_CF_13_a_server_lives_on_without_streams(
    store: Store, tmp_path: Path, closing: str
) -> None:
    port = free_port()
    # Nothing ticks here, and a busy machine takes longer than the default age of 10 s.
    options = f"--port {port} --ready-age-s {PATIENCE_S:g}"
    words = f"exec {shlex.quote(sys.executable)} -m fastopts.cli serve {options} {closing}"
    with LiveMarket(store):
        process = subprocess.Popen(
            ["bash", "-c", words], cwd=tmp_path, env=environ(FASTOPTS_REDIS_URL=store.url)
        )
        try:
            until(lambda: process.poll() is not None or answers(port))
            for _ in range(5):  # connections come and go, of which one could have had the number
                assert ask(port, "/v1/instruments").status == 200
            links = {one: os.readlink(f"/proc/{process.pid}/fd/{one}") for one in range(3)}
            assert not [link for link in links.values() if link.startswith(("socket", "anon"))]
            process.send_signal(signal.SIGTERM)
            assert process.wait(30) == 0
        finally:
            process.kill()
            process.wait()


def answers(port: int) -> bool:
    try:
        return ask(port, "/ready").status == 200
    # While nothing listens on an ephemeral port, TCP may connect a client to itself, which then
    # reads its own request as the response.
    except (OSError, http.client.HTTPException):
        return False


ENCODINGS = ("ascii", "latin-1", "ascii:strict", "cp1252:strict", "utf-8")
SHOWN = (
    "smile BTC front",
    "chain BTC",
    "expiries BTC",
    "status",
    "summary",
    "scan BTC",
    "get BTC-25DEC60-100000-C-USDT",
    "fields",
    "chain Ω∞",
    "--help",
)


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("line", SHOWN)
def test_CF_13_what_a_stream_can_not_hold_is_written_in_ascii(
    market: Store, tmp_path: Path, line: str, encoding: str
) -> None:
    done = shell(line, tmp_path, market.url, PYTHONIOENCODING=encoding)
    usual = shell(line, tmp_path, market.url)
    assert done.returncode == usual.returncode
    assert "Traceback" not in done.stdout + done.stderr
    assert done.stdout.count("\n") == usual.stdout.count("\n")
    if encoding.startswith("ascii"):
        assert (done.stdout + done.stderr).isascii()


def test_CF_13_a_smile_in_ascii_is_still_a_picture(market: Store, tmp_path: Path) -> None:
    done = shell("smile BTC front", tmp_path, market.url, PYTHONIOENCODING="ascii")
    assert done.returncode == 0
    assert "?" not in done.stdout
    assert sum(line.count(".") + line.count(":") for line in done.stdout.splitlines()) > 20


@pytest.mark.parametrize("line", ["scan --limit 50 | head -n 1", "fields | true", "--help | true"])
def test_CF_13_a_reader_that_leaves_is_no_error(market: Store, tmp_path: Path, line: str) -> None:
    done = shell(line, tmp_path, market.url)
    assert (done.returncode, done.stderr) == (0, "")


def test_CF_13_a_summary_whose_reader_leaves_is_no_error(market: Store, tmp_path: Path) -> None:
    done = shell("| true", tmp_path, market.url, "fastopts.reader")
    assert done.stderr == ""
    assert "Traceback" not in done.stdout


@pytest.mark.parametrize("name", ["dumb", "unknown", ""])
def test_CF_13_top_says_what_it_needs_of_a_terminal(market: Store, name: str) -> None:
    variables = {"FASTOPTS_REDIS_URL": market.url, "TERM": name}
    with terminal("top", columns=100, lines=30, **variables) as screen:
        assert screen.end() == 2
        assert "top needs a terminal that can move its cursor" in screen.written
        assert len(screen.written.splitlines()) <= 2


def test_CF_13_toml_is_utf_8_whatever_the_locale(tmp_path: Path) -> None:
    text = '# Börse: “βtc”\ncoins = ["BTC"]\nvenue = "sim"\n'
    path = tmp_path / "fastopts.toml"
    program = "import os; from fastopts import config; print(config.read_file(os.environ))"
    for content in (
        text.encode(),
        BOM + text.encode(),
        BOM + text.encode().replace(b"\n", b"\r\n"),
    ):
        path.write_bytes(content)
        for variables in ({"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}, {}):
            done = subprocess.run(
                [sys.executable, "-c", program],
                cwd=tmp_path,
                env=environ(**variables),
                capture_output=True,
                text=True,
                check=False,
            )
            assert done.stdout == "{'coins': ['BTC'], 'venue': 'sim'}\n", done.stderr


@pytest.mark.parametrize("encoding", ["utf-16", "latin-1"])
def test_CF_13_toml_in_another_encoding_is_named(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "other.toml"
    path.write_bytes('# Börse\nvenue = "sim"\n'.encode(encoding))
    with pytest.raises(ConfigError, match=r"other\.toml: not UTF-8"):
        config.read_file({"FASTOPTS_CONFIG": str(path)})


def test_CF_13_tokens_and_the_cache_file_may_begin_with_a_mark(tmp_path: Path) -> None:
    path = tmp_path / "tokens"
    path.write_bytes(BOM + b"desk:" + b"d" * 40 + b"\r\n# \xc3\xbcber\r\npage:" + b"p" * 40)
    path.chmod(0o600)
    assert tokens.read(path).owner("d" * 40) == "desk"
    assert tokens.read(path).owner("p" * 40) == "page"
    kept = tmp_path / "cache.json"
    names = ",".join(f'"{symbol}"' for symbol in SYMBOLS)
    kept.write_bytes(BOM + f'{{"symbols":[{names}]}}'.encode())
    found = cache.load(kept, "bybit", datetime(2026, 1, 1, tzinfo=UTC))
    assert found is not None
    assert set(found.instruments) == set(SYMBOLS)
