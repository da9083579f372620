"""The demo as a user starts it."""

import importlib.util
import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import requests

from fastopts.demo.processes import Processes
from fastopts.reader import OptionReader
from tests.cli.process import fastopts
from tests.cli.terminal import terminal
from tests.docs.pages import DEMO, ROOT, examples
from tests.support.broken_valkey import wait_for
from tests.support.store import CALL, Store
from tests.support.waiting import PATIENCE_S

LEAVE = "\x1b[?1049l"


def start(tmp_path: Path, *words: str, **variables: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "fastopts.cli", "demo", "--symbols", "80", "--rate", "500", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=tmp_path,
        env=os.environ | {"PYTHONWARNINGS": "error", "COLUMNS": "110"} | variables,
    )


def children(pid: int) -> list[int]:
    """The processes that *pid* started and that are still there."""
    found = []
    for status in Path("/proc").glob("[0-9]*/status"):
        try:
            text = status.read_text()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if re.search(rf"^PPid:\t{pid}$", text, re.MULTILINE) and "State:\tZ" not in text:
            found.append(int(status.parent.name))
    return found


def gone(pids: list[int]) -> bool:
    return not [pid for pid in pids if Path(f"/proc/{pid}").exists()]


def test_it_shows_live_numbers_and_says_simulated(tmp_path: Path) -> None:
    picture = tmp_path / "p.svg"
    process = start(tmp_path, "--duration", "4", "--picture", str(picture))
    out, _ = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0
    assert "SIMULATED — not the market" in out
    assert re.search(r"symbols live\s+(\d+) of \1\s", out)
    assert re.search(r"^dashboard +http://127\.0\.0\.1:\d+/$", out, re.MULTILINE)
    assert re.search(
        r"^\d\d:\d\d:\d\dZ (\d+) of \1 symbols live, \d+ messages/s", out, re.MULTILINE
    )
    assert re.search(r"BTC-\S+-C-USDT\s+\d[\d,.]*\s+\d[\d,.]*\s", out)
    assert re.search(r"^spot +\d", out, re.MULTILINE)
    assert not re.search("[\x1b╯│]", out)
    assert out.endswith("\nstopping\n")
    assert picture.read_text().startswith("<svg")
    assert list(tmp_path.iterdir()) == [picture]


def test_it_runs_beside_production_and_shares_nothing_with_it(tmp_path: Path, store: Store) -> None:
    """In a folder and an environment that are set up for another collector."""
    (tmp_path / "fastopts.toml").write_text('venue = "bybit"\nflush_ms = 70\nstandby = true\n')
    store.option(CALL)
    before = store.client.hgetall("fastopts:feed"), sorted(store.client.keys())
    with socket.create_server(("127.0.0.1", 0)) as taken:
        process = start(
            *(tmp_path, "--duration", "2"),
            REDIS_PASSWORD="of production",
            FASTOPTS_REDIS_URL=store.url,
            FASTOPTS_COINS="XYZ",
            FASTOPTS_METRICS_PORT=str(taken.getsockname()[1]),
        )
        out, _ = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0, out
    assert re.search(r"symbols live\s+(\d+) of \1\s", out)
    assert (store.client.hgetall("fastopts:feed"), sorted(store.client.keys())) == before


def printed_lines(process: subprocess.Popen[str], last: str) -> list[str]:
    """The lines up to the one that begins with *last*."""
    assert process.stdout is not None
    lines = []
    for line in process.stdout:
        lines.append(line.rstrip("\n"))
        if line.startswith(last):
            return lines
    raise AssertionError(lines)


def test_the_printed_lines_read_the_demo(tmp_path: Path) -> None:
    process = start(tmp_path, "--port", "0", "--redis-port", "0")
    try:
        lines = printed_lines(process, "Python")
        url, shell, python = (line.split(None, 1)[1] for line in lines[-3:])
        assert requests.get(f"{url}v1/fields", timeout=10).status_code == 200
        words = shell.split()
        assert Path(tmp_path, words[0]).samefile(Path(sys.executable).with_name("fastopts"))
        deadline = time.monotonic() + 30
        while (done := fastopts(*words[1:], cwd=tmp_path)).code:
            assert time.monotonic() < deadline, done
        assert "SIMULATED" in done.out
        # the first example of the README is that of the printed line, at the default port
        example = next(examples(ROOT / "README.md", "python")).code
        assert DEMO in example
        names: dict[str, Any] = {}
        exec(example.replace(f"OptionReader({DEMO})", python), names)
        assert names["option"].live
        names["reader"].close()
        with eval(python, {"OptionReader": OptionReader}) as reader:
            assert "BTC" in reader.feed().assets
    finally:
        process.terminate()
        process.communicate(timeout=PATIENCE_S)


def test_a_taken_port_gives_way_to_the_next_free_one(tmp_path: Path) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as page,
        socket.create_server(("127.0.0.1", 0)) as store,
    ):
        ports = [server.getsockname()[1] for server in (page, store)]
        options = ("--port", str(ports[0]), "--redis-port", str(ports[1]))
        process = start(tmp_path, *options, "--duration", "1")
        out, _ = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0, out
    moved = [int(found) for found in re.findall(r"127\.0\.0\.1:(\d+)", out)[:2]]
    for port, taken in zip(moved, ports, strict=True):
        assert taken < port <= taken + 20 or taken > 65515


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_everything_cleanly(tmp_path: Path, number: signal.Signals) -> None:
    if signal.getsignal(number) is signal.SIG_IGN:
        pytest.skip(f"{number.name} is ignored here, as under nohup, and by what is started here")
    with start(tmp_path) as process:
        wait_for(lambda: len(children(process.pid)) >= 4)
        started = children(process.pid)
        process.send_signal(number)
        try:
            out, _ = process.communicate(timeout=PATIENCE_S)
        finally:
            process.kill()
    assert process.returncode == 0, out
    assert "Traceback" not in out
    assert gone(started)


@pytest.mark.parametrize("keys", ["\x03", "\x03\x03"])
def test_the_terminal_is_left_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, keys: str
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    options = ("--symbols", "80", "--rate", "500", "--port", "0", "--redis-port", "0")
    with terminal("demo", *options, columns=60, lines=20) as screen:
        screen.until(r"SIMULATED[\s\S]*symbols live +(\d+) of \1 [\s\S]*BTC-\S+-C-USDT +\d")
        screen.until(r'redis://127\.0\.0\.1:\d+ --venue sim[\s\S]*venue="sim"\)')
        for key in keys:
            screen.press(key)
            screen.until(r"\^C")
        # the second one, unless the first had ended it by then, ends it by the signal
        assert screen.end() in (0, -signal.SIGINT)
        assert screen.is_as_before()
        assert LEAVE in screen.written
        assert "Traceback" not in screen.written
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(sys.platform != "linux", reason="PDEATHSIG is Linux's")
def test_a_killed_view_leaves_nothing_running(tmp_path: Path) -> None:
    process = start(tmp_path)
    deadline = time.monotonic() + 30
    while len(started := children(process.pid)) < 4:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    process.kill()
    process.communicate(timeout=PATIENCE_S)
    while not gone(started):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_without_the_extra_of_the_server_everything_else_runs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    processes = Processes(80, 500, 1)
    processes._start_server()
    assert processes.page_url == ""
    assert processes._children == []
