"""A platform without POSIX: everything imports, readers and commands work, the rest says why."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.process import Done
from tests.cli.process import fastopts_process as fastopts
from tests.support.processes import environ, finish, sim_venue, start, wait_for_line
from tests.support.store import CALL, PUT, Store
from tests.support.windows import customize

IMPORT_ALL = """
import importlib, pkgutil, sys
import fastopts

assert sys.modules["resource"] is None
for module in pkgutil.walk_packages(fastopts.__path__, "fastopts."):
    importlib.import_module(module.name)
print("all")
"""
NO_VENUE = ("--venue", "sim", "--rest-url", "http://127.0.0.1:1", "--ws-url", "ws://127.0.0.1:1/")
READ = f"""
import asyncio, sys
from fastopts.compat import OptionsDataReader
from fastopts.reader import AsyncOptionReader, OptionReader

url = sys.argv[1]
with OptionReader(url) as reader:
    assert reader.get({CALL!r}).live
    assert reader.chain("BTC", "27NOV99").atm()

async def main():
    async with AsyncOptionReader(url) as reader:
        return await reader.get({CALL!r})

assert asyncio.run(main()).live
assert OptionsDataReader(url=url).get_option({CALL!r})
print("read")
"""


@pytest.fixture
def windows(tmp_path: Path) -> dict[str, str]:
    return customize(tmp_path)


def list_two(store: Store) -> None:
    """Two options that stay live while an interpreter starts."""
    store.feed(heartbeat_limit_ms=600_000, watchdog_limit_ms=600_000)
    store.option(CALL)
    store.option(PUT)


def python(code: str, *words: str, variables: dict[str, str], cwd: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code, *words],
        env=environ(**variables, PYTHONWARNINGS="default"),
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def command(*words: str, variables: dict[str, str], cwd: Path, **more: str) -> Done:
    return fastopts(*words, cwd=cwd, **variables, **more, PYTHONWARNINGS="default")


def test_CF_15_every_module_imports(windows: dict[str, str], tmp_path: Path) -> None:
    assert python(IMPORT_ALL, variables=windows, cwd=tmp_path) == "all\n"


def test_CF_15_readers_mirrors_and_compat_read(
    store: Store, windows: dict[str, str], tmp_path: Path
) -> None:
    list_two(store)
    assert python(READ, store.url, variables=windows, cwd=tmp_path) == "read\n"


def test_CF_15_commands_work_and_what_needs_posix_says_so_in_one_line(
    store: Store, windows: dict[str, str], tmp_path: Path
) -> None:
    list_two(store)
    given = {"variables": windows, "cwd": tmp_path}
    assert command("--help", **given).code == 0  # type: ignore[arg-type]
    for words in (("get", CALL, "--json"), ("chain", "BTC", "--json"), ("status", "--json")):
        done = command(*words, "--redis-url", store.url, **given)  # type: ignore[arg-type]
        assert done.code == 0, done.err
        assert json.loads(done.out.splitlines()[0])
    refused: tuple[tuple[tuple[str, ...], str], ...] = (
        (("top", "--redis-url", store.url), "top needs a"),
        (("get", CALL, "--redis-url", "unix:///tmp/valkey.sock"), "has no Unix sockets"),
        (("track", *NO_VENUE), "no Valkey or Redis to embed"),
    )
    for given_words, said in refused:
        done = command(*given_words, PATH=str(tmp_path), **given)  # type: ignore[arg-type]
        assert done.code != 0
        assert said in done.err
        assert done.err.count("\n") == 1


def test_CF_15_the_collector_runs_and_ends_in_order(
    store: Store, windows: dict[str, str], tmp_path: Path
) -> None:
    store.client.flushall()
    with sim_venue() as words:
        more = ("--redis-url", store.url, "--status-s", "0.2")
        process = start(*words, *more, cwd=tmp_path, **windows, PYTHONWARNINGS="default")
        wait_for_line(process.stderr, "live")
        process.send_signal(signal.SIGINT)
        code, _, err = finish(process)
    assert code == 0, err
    assert "SIGINT: stopping" in err
