"""The embedded server starts, answers, and ends with its parent."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
import redis

from fastopts import embedded
from fastopts.embedded import EmbeddedValkey
from fastopts.errors import StoreUnavailable


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    state = Path(f"/proc/{pid}/stat")
    return not state.exists() or state.read_text().rsplit(")", 1)[1].split()[0] != "Z"


def wait_gone(pid: int) -> None:
    deadline = time.monotonic() + 10
    while alive(pid):
        assert time.monotonic() < deadline, f"{pid} is still alive"
        time.sleep(0.01)


def test_it_answers_on_loopback_and_leaves_nothing_behind() -> None:
    with EmbeddedValkey() as server:
        pid, port = server.pid, server.port
        with redis.Redis.from_url(server.url, protocol=2) as client:
            assert client.set("a", "1")
            assert client.config_get("bind") == {"bind": "127.0.0.1"}
    wait_gone(pid)
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.1", port), timeout=1)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGHUP, signal.SIGTERM])
def test_no_file_outlasts_it_whatever_ends_its_parent(
    tmp_path: Path, number: signal.Signals
) -> None:
    code = (
        "import sys, time; from fastopts.embedded import EmbeddedValkey;"
        "s = EmbeddedValkey(); s.start(); print(s.pid, flush=True); time.sleep(60)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        env=os.environ | {"TMPDIR": str(tmp_path)},
    ) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        working = os.readlink(f"/proc/{pid}/cwd")
        assert working.startswith(f"{tmp_path}/fastopts-valkey-")
        parent.send_signal(number)
    wait_gone(pid)
    assert list(tmp_path.iterdir()) == []


def test_a_password_is_asked_for() -> None:
    with EmbeddedValkey(password="s#cret") as server:
        with pytest.raises(redis.AuthenticationError), redis.Redis.from_url(server.url) as client:
            client.ping()
        with redis.Redis.from_url(server.url, password="s#cret") as client:
            assert client.ping()


def test_a_port_in_use_is_reported() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(StoreUnavailable, match=r"did not start: .*(in use|listen)"):
            EmbeddedValkey(taken.getsockname()[1]).start()


@pytest.mark.skipif(sys.platform != "linux", reason="PDEATHSIG is Linux's")
def test_it_ends_even_with_a_parent_that_was_killed() -> None:
    code = (
        "import sys, time; from fastopts.embedded import EmbeddedValkey;"
        "s = EmbeddedValkey(); s.start(); print(s.pid, flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        parent.send_signal(signal.SIGKILL)
    wait_gone(pid)


def test_without_the_package_a_server_on_the_path_serves(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    found = embedded.binary()
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(StoreUnavailable, match="install valkey-server or redis-server 6"):
        embedded.binary()
    (tmp_path / "redis-server").symlink_to(found)
    assert embedded.binary() == tmp_path / "redis-server"
