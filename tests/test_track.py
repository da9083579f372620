"""The collector as a user starts it: a process, its arguments, its words, its exit code."""

import json
import re
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import redis

from fastopts import keys, track
from fastopts.config import SETTINGS
from fastopts.embedded import EmbeddedValkey
from tests.cli.process import Done, fastopts
from tests.cli.terminal import terminal
from tests.support.processes import finish, sim_venue, start, wait_for_line


@pytest.fixture(scope="module")
def valkey() -> Iterator[EmbeddedValkey]:
    with EmbeddedValkey() as server:
        yield server


@pytest.fixture(scope="module")
def sim() -> Iterator[list[str]]:
    with sim_venue(80) as words:
        yield words


@contextmanager
def fresh_db(valkey: EmbeddedValkey) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(valkey.url, protocol=2, decode_responses=True) as client:
        client.flushall()
        yield client


def track_here(*words: str, cwd: Path, **variables: Any) -> Done:
    """Run the collector's `main` in this process: for what fails before it collects."""
    return fastopts(*words, cwd=cwd, program=track.main, **variables)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--coin", "BTC"], "unknown option --coin; did you mean --coins?"),
        (["trak"], "COMMAND: 'trak' is invalid: choose track or fetch or refresh"),
        (["--flush-ms"], "--flush-ms needs a value: --flush-ms MS"),
        (["--flush-ms", "0", "--venue", "okx"], "choose bybit or bybit-testnet or sim"),
        (["--redis-url", "http://:hunter2@x"], "begins with redis://"),
    ],
)
def test_a_wrong_setting_is_reported_in_one_line(
    tmp_path: Path, words: list[str], message: str
) -> None:
    code, out, err = track_here(*words, cwd=tmp_path)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert err.startswith("fastopts: ")
    assert message in err
    assert "hunter2" not in err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--venue", "sim", "--standby"], "set --redis-url"),
        (["--ws-url", "ws://127.0.0.1:1/x"], "set both --rest-url and --ws-url"),
        (["--venue", "sim", "--no-embedded"], "not allowed (--no-embedded, FASTOPTS_EMBEDDED=0)"),
        (["--venue", "sim", "--testnet"], "exclude each other"),
    ],
)
def test_settings_that_do_not_fit_are_reported_after_the_log(
    tmp_path: Path, words: list[str], message: str
) -> None:
    returned, out, err = finish(start(*words, cwd=tmp_path))
    assert (returned, out) == (2, "")
    *log, last = err.splitlines()
    assert last.startswith("fastopts: ")
    assert message in last
    assert all(re.match(r"\d\d:\d\d:\d\dZ ", line) for line in log)


def test_the_testnet_is_a_venue_of_its_own_name(tmp_path: Path) -> None:
    words = ("--venue", "bybit-testnet", "--rest-url", "https://api.bybit.com")
    returned, _, err = finish(start("fetch", *words, cwd=tmp_path))
    assert returned == 2
    assert "https://api.bybit.com serves bybit" in err


def test_the_old_spelling_of_a_switch_works_with_a_warning(tmp_path: Path) -> None:
    words = ("--embedded", "0", "--redis-url", "http://x")
    code, _, err = track_here(*words, cwd=tmp_path)
    first, *_ = err.splitlines()
    assert (code, first) == (2, "fastopts: --embedded 0 is deprecated: use --no-embedded")


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"FASTOPTS_COIN": "BTC"}, "FASTOPTS_COIN; did you mean FASTOPTS_COINS?"),
        ({"FASTOPTS_LOG_FORMAT": "xml"}, "FASTOPTS_LOG_FORMAT='xml': choose text or json"),
        ({"FASTOPTS_CONFIG": "none.toml"}, "none.toml"),
    ],
)
def test_a_mistake_in_the_environment_is_reported(
    tmp_path: Path, variables: dict[str, str], message: str
) -> None:
    code, _, err = track_here(cwd=tmp_path, **variables)
    assert (code, err.count("\n")) == (2, 1)
    assert message in err


def test_a_mistake_in_the_file_is_reported(tmp_path: Path) -> None:
    (tmp_path / "fastopts.toml").write_text('coinz = ["BTC"]\n')
    code, _, err = track_here(cwd=tmp_path)
    assert (code, err) == (2, "fastopts: unknown setting coinz; did you mean coins?\n")
    (tmp_path / "fastopts.toml").write_text("coins = [")
    code, _, err = track_here(cwd=tmp_path)
    assert (code, err.count("\n")) == (2, 1)


@pytest.mark.parametrize("word", ["-h", "--help"])
def test_help_shows_every_option_and_an_example(tmp_path: Path, word: str) -> None:
    code, out, _ = track_here(word, cwd=tmp_path)
    assert code == 0
    for name in SETTINGS:
        assert f"  --{name.replace('_', '-')}" in out
    for text in ("--latency-ms MS", "FASTOPTS_<NAME>", "Example:", "refresh"):
        assert text in out


@pytest.mark.parametrize("words", [["fetch"], ["fetch", "--coins", "BTC"]])
def test_the_help_of_fetch_has_only_the_options_that_apply_to_it(
    tmp_path: Path, words: list[str]
) -> None:
    code, out, _ = track_here(*words, "-h", cwd=tmp_path)
    assert code == 0
    assert out.startswith("Usage: python -m fastopts.track fetch [OPTIONS]\n")
    options = set(re.findall(r"^  (--[a-z-]+)", out, re.MULTILINE))
    assert options == {
        *("--venue", "--testnet", "--coins", "--rest-url", "--ws-url", "--insecure"),
        *("--cache-file", "--log-format"),
    }


def test_fetch_warns_of_an_option_without_effect(tmp_path: Path) -> None:
    code, _, err = track_here("fetch", "--standby", "--coins", "!", cwd=tmp_path)
    first, second = err.splitlines()
    assert (code, first) == (2, "fastopts: --standby has no effect on fetch")
    assert second.startswith("fastopts: --coins='!': write coins")


def test_fetch_lists_the_universe_into_the_cache_file(tmp_path: Path, sim: list[str]) -> None:
    returned, out, _ = finish(start("fetch", *sim, cwd=tmp_path))
    assert returned == 0
    content = json.loads((tmp_path / "symbols_cache.sim.json").read_text())
    assert out.splitlines()[-1] == f"{content['count']} options"
    assert out.startswith(f"BTC: {content['by_asset']['BTC']}\n")
    assert re.search(r"^  USDT +\d+[A-Z]{3}\d\d +\d+$", out, re.MULTILINE)


@pytest.mark.parametrize(
    ("host", "said"),
    [("127.0.0.1:1", "Connect"), ("no-such-host.invalid", "no-such-host.invalid")],
)
def test_a_redis_that_is_not_there_is_said_and_waited_for(
    tmp_path: Path, sim: list[str], host: str, said: str
) -> None:
    words = ("--redis-url", f"redis://:hunter2@{host}", "--duration", "1", "--status-s", "0.5")
    returned, _, err = finish(start(*sim, *words, cwd=tmp_path))
    assert returned == 0
    [line] = [line for line in err.splitlines() if "is kept in memory" in line]
    assert said in line
    assert "the end of the feed could not be written to Redis" in err
    assert "waiting for Redis" in err.splitlines()[-1]
    assert "hunter2" not in err


def test_a_run_writes_says_what_it_did_and_ends_in_time(
    tmp_path: Path, sim: list[str], valkey: EmbeddedValkey
) -> None:
    with fresh_db(valkey) as client:
        words = ("--redis-url", valkey.url, "--duration", "4", "--status-s", "1")
        returned, _, err = finish(start(*sim, *words, "--log-format", "json", cwd=tmp_path))
        assert returned == 0
        records = [json.loads(line) for line in err.splitlines()]
        assert any("SIMULATED" in record["message"] for record in records)
        last = [record["status"] for record in records if "status" in record][-1]
        assert last["received"] == last["applied"] + last["older"] + last["rejected"] > 0
        assert last["applied"] == last["written"] + last["conflated"]
        assert last["pending"] == 0
        assert client.hget(keys.STATS, "total_messages") == str(last["received"])
        assert len(client.keys("option:*")) == last["wanted"]


def test_progress_on_a_terminal_stays_out_of_the_lines_of_the_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sim: list[str], valkey: EmbeddedValkey
) -> None:
    monkeypatch.chdir(tmp_path)
    words = (*sim, "--redis-url", valkey.url, "--duration", "3")
    with fresh_db(valkey), terminal("track", *words, columns=200, lines=40) as screen:
        assert screen.end() == 0
    # what follows "erase this line" is what the terminal shows of it
    shown = [line.rpartition("\r\x1b[K")[2].strip("\r") for line in screen.written.split("\n")]
    assert re.search(r"first quotes [#.]{20} +\d+%", screen.written)
    assert all(re.match(r"\d\d:\d\d:\d\dZ (INFO|WARNING) ", line) for line in shown if line)
    assert not any("first quotes" in line for line in shown)


def test_a_simulated_venue_is_collected_without_other_warnings(
    tmp_path: Path, sim: list[str], valkey: EmbeddedValkey
) -> None:
    with fresh_db(valkey):
        words = ("--redis-url", valkey.url, "--duration", "2")
        returned, _, err = finish(start(*sim, *words, cwd=tmp_path))
    assert returned == 0
    warnings = [line.split(None, 2)[2] for line in err.splitlines() if " WARNING " in line]
    assert warnings == ["SIMULATED data: not the market"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_after_a_last_flush(
    tmp_path: Path, sim: list[str], valkey: EmbeddedValkey, number: signal.Signals
) -> None:
    with fresh_db(valkey) as client:
        process = start(*sim, "--redis-url", valkey.url, cwd=tmp_path)
        wait_for_line(process.stderr, "symbols live")
        process.send_signal(number)
        returned, _, err = finish(process)
        assert returned == 0
        assert f"{number.name}: stopping" in err
        assert "pending 0" in err.splitlines()[-1]
        assert client.hget(keys.FEED, "heartbeat_ms") == "0"


def test_a_second_signal_ends_it_at_once(tmp_path: Path, sim: list[str]) -> None:
    with EmbeddedValkey() as server, fresh_db(server) as client:
        process = start(*sim, "--redis-url", server.url, cwd=tmp_path)
        wait_for_line(process.stderr, "symbols live")
        client.client_pause(20_000)
        process.send_signal(signal.SIGTERM)
        wait_for_line(process.stderr, "SIGTERM: stopping")
        process.send_signal(signal.SIGTERM)
        returned, _, _ = finish(process)
        assert returned == -signal.SIGTERM


def test_a_wrong_password_is_reported_and_not_shown(tmp_path: Path, sim: list[str]) -> None:
    with EmbeddedValkey(password="s3cret") as server:
        returned, _, err = finish(
            start(*sim, "--redis-url", server.url, cwd=tmp_path, REDIS_PASSWORD="hunter2")
        )
        assert returned == 1
        assert "WRONGPASS" in err.splitlines()[-1]
        assert "hunter2" not in err
        returned, _, err = finish(
            start(
                *sim,
                "--redis-url",
                server.url,
                "--duration",
                "1",
                cwd=tmp_path,
                REDIS_PASSWORD="s3cret",
            )
        )
        assert returned == 0


def test_the_real_venues_collector_refuses_a_server_with_simulated_data(
    tmp_path: Path, valkey: EmbeddedValkey
) -> None:
    with fresh_db(valkey) as client:
        client.hset(keys.FEED, mapping={"venue": "sim", "epoch": "1"})
        returned, _, err = finish(start("--redis-url", valkey.url, cwd=tmp_path))
        assert returned == 1
        assert "holds the data of sim, not of bybit" in err.splitlines()[-1]
        assert client.dbsize() == 1


def test_a_simulated_venue_gets_a_server_of_its_own(tmp_path: Path, sim: list[str]) -> None:
    process = start(*sim, cwd=tmp_path)
    line = wait_for_line(process.stderr, "EMBEDDED")
    found = re.search(r"127\.0\.0\.1:(\d+)", line)
    assert found is not None
    assert found[1] != "6379"
    with redis.Redis(port=int(found[1]), protocol=2, decode_responses=True) as client:
        deadline = time.monotonic() + 20
        while not client.exists(keys.FEED):
            assert time.monotonic() < deadline
            time.sleep(0.02)
    process.terminate()
    assert finish(process)[0] == 0
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.1", int(found[1])), timeout=1)
