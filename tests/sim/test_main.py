import os
import re
import signal
import socket
import subprocess
import sys

import pytest
import requests


def start(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "fastopts.sim", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONWARNINGS": "error"},
    )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_serves_until_it_is_stopped(number: signal.Signals) -> None:
    with start("--port", "0", "--symbols", "100", "--coins", "btc,XRP") as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        found = re.fullmatch(
            r"SIMULATED market, no real prices: (\d+) symbols; "
            r"REST (http://127\.0\.0\.1:(\d+)); "
            r"WebSocket ws://127\.0\.0\.1:\3/v5/public/option\n",
            line,
        )
        assert found, line
        assert int(found[1]) == pytest.approx(100, rel=0.1)
        url = f"{found[2]}/v5/market/tickers?category=option&baseCoin=XRP"
        assert requests.get(url, timeout=10).json()["result"]["list"]
        process.send_signal(number)
        out, err = process.communicate(timeout=10)
    assert (process.returncode, out, err) == (0, "", "")


def test_a_taken_port_is_one_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with start("--port", str(port), "--symbols", "20") as process:
            out, err = process.communicate(timeout=20)
    assert (process.returncode, out) == (2, "")
    assert err == f"fastopts: port {port} is in use\n"


def test_a_wrong_setting_is_one_line() -> None:
    with start("--coins", "BTC,NOPE") as process:
        out, err = process.communicate(timeout=20)
    assert (process.returncode, out) == (2, "")
    assert err.startswith("fastopts: coins: 'NOPE' is not simulated")
    assert err.count("\n") == 1
