"""The command itself: what it lists, how it fails, how it ends."""

import json
import os
import platform
import re
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import redis

import fastopts as package
from fastopts import keys
from fastopts.cli.command_list import COMMANDS
from fastopts.field_registry import FIELDS
from tests.cli.process import fastopts, fastopts_process, start
from tests.cli.terminal import on_real_terminal, on_terminal
from tests.support.processes import environ
from tests.support.store import Store

COMMAND = (sys.executable, "-m", "fastopts.cli")


@pytest.mark.parametrize("words", [[], ["--help"], ["-h"]])
def test_help_lists_every_command_in_order_and_the_exit_codes(
    tmp_path: Path, words: list[str]
) -> None:
    done = fastopts(*words, cwd=tmp_path, COLUMNS="80")
    assert (done.code, done.err) == (0, "")
    listed = re.findall(r"^  (\w+) +(\S.*)$", done.out, re.MULTILINE)
    assert listed == [(name, command.summary) for name, command in COMMANDS.items()]
    assert "130 interrupted" in done.out
    assert max(map(len, done.out.splitlines())) < 80


def test_help_fits_a_narrow_terminal(tmp_path: Path) -> None:
    lines = fastopts("--help", cwd=tmp_path, COLUMNS="60").out.splitlines()
    assert max(map(len, lines)) < 60
    assert "  track       collect the venue's options into Redis until" in lines
    assert "              stopped" in lines


@pytest.mark.parametrize("name", COMMANDS)
def test_the_help_of_a_command_ends_with_an_example_of_it(tmp_path: Path, name: str) -> None:
    done = fastopts(name, "--help", cwd=tmp_path)
    assert (done.code, done.err) == (0, "")
    assert f"fastopts {name} " in done.out.splitlines()[-1]
    assert "Example:" in " ".join(done.out.splitlines()[-2:])


def test_help_and_the_collector_do_without_what_is_heavy() -> None:
    code = (
        "import sys; from fastopts.cli.__main__ import main; main(['--help']);"
        "loaded = {'rich', 'redis', 'requests', 'numpy', 'asyncio'} & set(sys.modules);"
        "assert not loaded, loaded"
    )
    subprocess.run([sys.executable, "-c", code], check=True, env=environ(), capture_output=True)


@pytest.mark.parametrize(("pure", "name"), [("0", "compiled"), ("1", "pure")])
def test_the_version_names_what_runs(tmp_path: Path, pure: str, name: str) -> None:
    done = fastopts_process("--version", cwd=tmp_path, FASTOPTS_PURE=pure)
    python = f"{platform.python_implementation()} {platform.python_version()}"
    assert done == (0, f"fastopts {package.__version__}, {name} core, {python}\n", "")


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["fild"], 2, "unknown command fild; did you mean fields?"),
        (["x"], 2, "unknown command x; fastopts --help lists the commands"),
        (["fields", "--jsno"], 2, "unknown option --jsno; did you mean --json?"),
        (["fields", "-j"], 2, "unknown option -j (fastopts fields --help)"),
        (["fields", "more"], 2, "unexpected argument more (fastopts fields --help)"),
        (["scan", "--limit", "-1"], 2, "--limit: -1 is out of range: write a number of at least 0"),
        (["scan", "--sort"], 2, "--sort needs a value: --sort NAME (fastopts scan --help)"),
        (["sim", "--port", "many"], 2, "fastopts sim --help"),
        (["track", "--coin", "BTC"], 2, "unknown option --coin; did you mean --coins?"),
        (["fetch", "track"], 2, "unexpected argument track (fastopts fetch --help)"),
        (["chain", "B-C"], 2, "'B-C' is not an asset: write BTC"),
        (["scan", "--min-iv", "80"], 2, "80 is 8000 %: write 0.8 or 80%"),
        (["scan", "--type", "X"], 2, "--type: 'X' is neither call nor put"),
        (
            ["scan", "--sort", "price"],
            2,
            "--sort: 'price' is not a column; there are: age_s",
        ),
        (["scan", "--columns", "price"], 2, "--columns: unknown column 'price'; choose symbol"),
        (["top"], 2, "top needs a terminal; fastopts scan prints the same table once"),
        (["export", "-"], 2, "'-' needs --format"),
        (
            ["export", "a.csv", "--format", "csv"],
            2,
            "--format is for '-': the suffix of a.csv decides its format",
        ),
        (["get"], 2, "missing argument SYMBOL (fastopts get --help)"),
        (["history"], 2, "missing arguments ACTION and FILES (fastopts history --help)"),
        (["status", "--redis-url", "redis://127.0.0.1:1"], 1, "Connection refused"),
        (["doctor", "--venue", "okx"], 2, "choose bybit or bybit-testnet or sim"),
        (["doctor", "--redis-url", "redis://:hunter2@[x"], 2, "Redis URL"),
        (["track", "--redis-url", "redis://:hunter2@127.0.0.1:x"], 2, "Redis URL"),
    ],
)
def test_a_mistake_is_an_error_of_one_line(
    tmp_path: Path, words: list[str], code: int, message: str
) -> None:
    done = fastopts(*words, cwd=tmp_path)
    assert (done.code, done.out) == (code, "")
    last = done.err.splitlines()[-1]
    assert last.startswith("fastopts: ")
    assert message in last
    assert "Traceback" not in done.err
    assert "hunter2" not in done.err


def test_a_reader_that_has_had_enough_ends_it_quietly(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with open(writing, "wb") as closed:
        command = (*COMMAND, "fields", "--json")
        done = subprocess.run(
            command, stdout=closed, stderr=subprocess.PIPE, cwd=tmp_path, env=environ(), check=False
        )
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
def test_a_full_disk_is_an_error_of_one_line(tmp_path: Path) -> None:
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [*COMMAND, "fields"], stdout=full, stderr=subprocess.PIPE, env=environ(), check=False
        )
    assert (done.returncode, done.stderr) == (1, b"fastopts: [Errno 28] No space left on device\n")


def test_a_core_that_is_not_built_is_an_error_of_one_line(tmp_path: Path) -> None:
    root = Path(package.__file__).parent
    shutil.copytree(root, tmp_path / "fastopts", ignore=shutil.ignore_patterns("*.so", "*.pyd"))
    done = fastopts_process("track", cwd=tmp_path, PYTHONPATH=str(tmp_path))
    assert (done.code, done.out) == (1, "")
    assert done.err.startswith("fastopts: fastopts.core.batch is not built. Build it with ")
    assert done.err.count("\n") == 1
    done = fastopts_process("--version", cwd=tmp_path, PYTHONPATH=str(tmp_path))
    assert (done.code, done.err) == (0, "")
    assert "missing core" in done.out


def test_an_interrupt_ends_it_with_130(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        url = f"redis://127.0.0.1:{mute.getsockname()[1]}"
        with start("doctor", "--offline", "--redis-url", url, cwd=tmp_path) as process:
            connection, _ = mute.accept()
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=30)
            connection.close()
    assert (process.returncode, err) == (130, "")
    assert [line.split()[1] for line in out.splitlines()] == ["python", "core", "uvloop"]


def test_a_terminal_gets_what_fits_it_and_whole_names() -> None:
    written = on_real_terminal("fields", columns=80)
    assert "\x1b[1m" in written
    lines = re.sub(r"\x1b\[[\d;]*m", "", written).replace("\r", "").splitlines()
    assert max(map(len, lines)) <= 80
    firsts = [line.split()[0] for line in lines if not line.startswith(" ")]
    assert firsts == list(FIELDS)  # in paragraphs: a column of meanings would be too narrow


def test_no_color_is_respected_on_a_terminal() -> None:
    assert "\x1b" not in on_terminal("fields", columns=80, NO_COLOR="1")


def test_off_a_terminal_nothing_is_cut_or_coloured(tmp_path: Path) -> None:
    done = fastopts("fields", cwd=tmp_path)
    assert "\x1b" not in done.out
    assert len(done.out.splitlines()) == 1 + len(FIELDS)
    assert max(map(len, done.out.splitlines())) > 80
    assert not re.search(r" $", done.out, re.MULTILINE)


def test_fetch_and_track_are_the_collectors(tmp_path: Path, there: list[str], store: Store) -> None:
    store.client.flushall()
    coins = ("--coins", "BTC")
    done = fastopts_process("fetch", *there, *coins, cwd=tmp_path)
    assert done.code == 0
    count = json.loads((tmp_path / "symbols_cache.sim.json").read_text())["count"]
    assert done.out.splitlines()[-1] == f"{count} options"
    words = (*there, *coins, "--redis-url", store.url, "--duration", "2")
    assert fastopts_process("track", *words, cwd=tmp_path).code == 0
    assert len(store.client.keys("option:*")) == count
    assert store.client.hget(keys.FEED, "heartbeat_ms") == b"0"


def test_a_signal_ends_the_collector_in_order(
    tmp_path: Path, there: list[str], store: Store
) -> None:
    store.client.flushall()
    with start("refresh", *there, "--redis-url", store.url, cwd=tmp_path) as process:
        assert process.stderr is not None
        assert any("symbols live" in line for line in process.stderr)
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=30)
    assert process.returncode == 0
    assert "SIGTERM: stopping" in err
    with redis.Redis.from_url(store.url, protocol=2) as client:
        assert client.hget(keys.FEED, "heartbeat_ms") == b"0"


def test_sim_serves_until_it_is_stopped(tmp_path: Path) -> None:
    with start("sim", "--port", "0", "--symbols", "20", cwd=tmp_path) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("SIMULATED market, no real prices: ")
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=30)
    assert (process.returncode, out, err) == (0, "", "")
