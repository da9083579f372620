"""The demo as a user starts it."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.support.store import CALL, Store


def start(tmp_path: Path, *words: str, **variables: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "fastopts.demo", "--symbols", "80", "--rate", "500", *words],
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
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert "SIMULATED — not the market" in out
    assert re.search(r"symbols live\s+(\d+) of \1\s", out)
    assert re.search(r"dashboard and API\s+http://127\.0\.0\.1:\d+/", out)
    assert re.search(r"BTC-\S+-C-USDT\s+\d[\d,.]*\s+\d[\d,.]*\s", out)
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
        out, _ = process.communicate(timeout=60)
    assert process.returncode == 0, out
    assert re.search(r"symbols live\s+(\d+) of \1\s", out)
    assert (store.client.hgetall("fastopts:feed"), sorted(store.client.keys())) == before


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_everything_cleanly(tmp_path: Path, number: signal.Signals) -> None:
    process = start(tmp_path)
    deadline = time.monotonic() + 30
    while len(started := children(process.pid)) < 4:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    process.send_signal(number)
    out, _ = process.communicate(timeout=30)
    assert process.returncode == 0, out
    assert "Traceback" not in out
    assert gone(started)


@pytest.mark.skipif(sys.platform != "linux", reason="PDEATHSIG is Linux's")
def test_a_killed_view_leaves_nothing_running(tmp_path: Path) -> None:
    process = start(tmp_path)
    deadline = time.monotonic() + 30
    while len(started := children(process.pid)) < 4:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    process.kill()
    process.communicate(timeout=30)
    while not gone(started):
        assert time.monotonic() < deadline
        time.sleep(0.05)
