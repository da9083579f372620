"""What the doctor finds in a Redis, and in the feed that is in it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis

from fastopts import keys
from fastopts.embedded import EmbeddedValkey
from tests.cli.doctor.talking import talking
from tests.cli.process import diagnose, fastopts
from tests.support.store import Store, clustered

AFTER_REDIS = ("reading", "writing", "memory", "persistence", "feed", "universe", "clock")


@pytest.fixture
def valkey() -> Iterator[EmbeddedValkey]:
    """One whose settings a test may change."""
    with EmbeddedValkey() as server:
        yield server


def ask(url: str, cwd: Path, *words: str, **variables: Any) -> dict[str, dict[str, Any]]:
    return diagnose("--offline", "--redis-url", url, *words, cwd=cwd, **variables)


def configure(server: EmbeddedValkey, **settings: str) -> None:
    with redis.Redis.from_url(server.url, protocol=2) as client:
        for name, value in settings.items():
            client.config_set(name.replace("_", "-"), value)


def test_a_fed_server_is_green(tmp_path: Path, store: Store) -> None:
    store.feed(coverage="1760/1760")
    found = ask(store.url, tmp_path)
    assert {name: finding["level"] for name, finding in found.items()} == dict.fromkeys(
        ("python", "core", "uvloop", "redis", *AFTER_REDIS), "green"
    )
    assert found["redis"]["words"].startswith(f"{store.url}: Valkey 9.")
    assert found["feed"]["words"] == (
        "bybit: alive, 1,760 of 1,760 symbols, at most 40 ms behind the venue,"
        " venue +0 ms from Redis"
    )


def test_no_redis_rules_out_what_would_be_asked_of_it(tmp_path: Path) -> None:
    found = ask("redis://127.0.0.1:1", tmp_path)
    assert found["redis"]["level"] == "red"
    assert "Connection refused" in found["redis"]["words"]
    assert found["redis"]["remedy"].startswith("start a Redis at redis://127.0.0.1:1")
    for name in AFTER_REDIS:
        assert found[name]["level"] == "skipped"
        assert found[name]["words"] == "not run: redis failed"


@pytest.mark.parametrize(("password", "words"), [("hunter2", "WRONGPASS"), (None, "NOAUTH")])
def test_a_wrong_password_is_red(tmp_path: Path, password: str | None, words: str) -> None:
    variables = {} if password is None else {"REDIS_PASSWORD": password}
    with EmbeddedValkey(password="s3cret") as server:
        found = ask(server.url, tmp_path, **variables)["redis"]
        assert ask(server.url, tmp_path, REDIS_PASSWORD="s3cret")["redis"]["level"] == "green"
    assert found["level"] == "red"
    assert words in found["words"]
    assert "hunter2" not in str(found)
    assert "REDIS_PASSWORD" in found["remedy"]


def test_a_user_without_the_right_to_ask_is_red(tmp_path: Path, valkey: EmbeddedValkey) -> None:
    with redis.Redis.from_url(valkey.url, protocol=2) as client:
        client.execute_command("ACL", "SETUSER", "limited", "on", ">pw", "~*", "+@all", "-info")
    found = ask(f"redis://limited:pw@127.0.0.1:{valkey.port}", tmp_path)["redis"]
    assert found["level"] == "red"
    assert "NOPERM" in found["words"]
    assert found["remedy"] == "ACL SETUSER limited +info"


def test_a_cluster_is_red(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    command = EmbeddedValkey._command
    monkeypatch.setattr(
        EmbeddedValkey, "_command", lambda self: [*command(self), *clustered(tmp_path)]
    )
    with EmbeddedValkey() as server:
        found = ask(server.url, tmp_path)
    assert found["redis"]["level"] == "red"
    assert found["redis"]["words"].endswith("a cluster node")
    assert found["feed"]["level"] == "skipped"


@pytest.mark.parametrize(("version", "level"), [("5.0.14", "red"), ("6.0.0", "green")])
def test_a_version_that_is_too_old_is_red(tmp_path: Path, version: str, level: str) -> None:
    with talking(redis_version=version) as url:
        found = ask(url, tmp_path)["redis"]
    assert found["level"] == level
    assert f"Redis {version}" in found["words"]


def test_an_unexpected_answer_is_reported_and_ends_nothing(tmp_path: Path) -> None:
    with talking(used_memory="much") as url:
        found = ask(url, tmp_path)
    assert found["memory"]["level"] == "red"
    assert found["memory"]["words"].startswith("unexpected error: ValueError: ")
    assert found["persistence"]["level"] == "green"


def test_a_server_cannot_move_the_terminal(tmp_path: Path) -> None:
    with talking(server_name="\x1b[2Jx") as url:
        done = fastopts("doctor", "--offline", "--redis-url", url, cwd=tmp_path)
    assert "\x1b" not in done.out
    assert f"{url}: \\x1b[2jx" in done.out


@pytest.mark.parametrize("policy", ["allkeys-lru", "volatile-ttl"])
def test_a_policy_that_may_evict_is_yellow(
    tmp_path: Path, valkey: EmbeddedValkey, policy: str
) -> None:
    configure(valkey, maxmemory="100mb", maxmemory_policy=policy)
    found = ask(valkey.url, tmp_path)["memory"]
    assert found["level"] == "yellow"
    assert found["words"].endswith(f"used of 105 MB, {policy} may evict quotes")
    assert "maxmemory-policy noeviction" in found["remedy"]


def test_a_policy_without_a_limit_evicts_nothing(tmp_path: Path, valkey: EmbeddedValkey) -> None:
    configure(valkey, maxmemory_policy="allkeys-lru")
    assert ask(valkey.url, tmp_path)["memory"]["level"] == "green"


def test_eviction_that_has_begun_is_red(tmp_path: Path) -> None:
    info = {"maxmemory": "1000000", "maxmemory_policy": "allkeys-lru", "evicted_keys": "1234"}
    with talking(**info) as url:
        found = ask(url, tmp_path)["memory"]
    assert found["level"] == "red"
    assert found["words"] == "1 MB used of 1 MB, allkeys-lru: 1,234 keys evicted so far"


def test_a_memory_that_is_nearly_full_is_yellow(tmp_path: Path, valkey: EmbeddedValkey) -> None:
    configure(valkey, maxmemory="1mb")
    found = ask(valkey.url, tmp_path)["memory"]
    assert (found["level"], found["remedy"]) == ("yellow", "raise maxmemory")


def test_ticks_that_go_to_the_disk_are_yellow(tmp_path: Path) -> None:
    # the embedded server has no folder that an append-only file could be in
    with talking(aof_enabled="1") as url:
        found = ask(url, tmp_path)["persistence"]
    assert found["level"] == "yellow"
    assert "appendonly no" in found["remedy"]


@pytest.mark.parametrize("field", ["rdb_last_bgsave_status", "aof_last_write_status"])
def test_a_disk_that_fails_is_yellow(tmp_path: Path, field: str) -> None:
    with talking(**{field: "err"}) as url:
        found = ask(url, tmp_path)["persistence"]
    assert (found["level"], found["remedy"]) == ("yellow", "free space on its disk")


@pytest.mark.parametrize(("ahead_s", "way"), [(60, "ahead"), (-60, "behind")])
def test_clocks_that_differ_are_yellow(tmp_path: Path, ahead_s: float, way: str) -> None:
    with talking(ahead_s) as url:
        found = ask(url, tmp_path)["clock"]
    assert found["level"] == "yellow"
    assert f"{way} (± " in found["words"]
    assert "NTP" in found["remedy"]


@pytest.mark.parametrize(
    ("feed", "level", "words"),
    [
        ({"beat_s": 3600}, "red", "bybit: the collector's last heartbeat is 36"),
        ({"heartbeat_ms": 0}, "red", "bybit: the collector has ended"),
        ({"venue": "sim"}, "red", "the server holds the data of sim, not of bybit"),
        ({"conns": {1: 0, 2: 60}}, "yellow", "2 of 2 symbols, 1 of 2 connections silent"),
        (
            {"conns": {1: 0, 2: 0}, "lag:2": 23_400},
            "yellow",
            "2 of 2 symbols, 1 of 2 connections late, by up to 23.4 s",
        ),
        ({"lag:1": 2001}, "red", "1 of 1 connections late, by up to 2.0 s"),
        ({"coverage": "90/100"}, "yellow", "90 of 100 symbols"),
        ({"coverage": "0/0"}, "yellow", "0 of 0 symbols"),
        ({"skew_ms": -1500}, "yellow", "venue -1500 ms from Redis"),
    ],
)
def test_a_feed_that_ails_is_reported(
    tmp_path: Path, store: Store, feed: dict[str, Any], level: str, words: str
) -> None:
    store.feed(**feed)
    found = ask(store.url, tmp_path)["feed"]
    assert found["level"] == level
    assert words in found["words"]


def test_a_server_without_a_feed_is_yellow(tmp_path: Path, store: Store) -> None:
    store.client.flushall()
    found = ask(store.url, tmp_path)["feed"]
    assert (found["level"], found["words"]) == ("yellow", "no collector has written here yet")
    assert found["remedy"] == "start a collector: fastopts track"


def test_a_key_that_is_another_programs_is_red(tmp_path: Path, store: Store) -> None:
    store.client.set(keys.FEED, "mine")
    found = ask(store.url, tmp_path)["feed"]
    assert found["level"] == "red"
    assert "WRONGTYPE" in found["words"]


def test_nothing_is_written(tmp_path: Path, store: Store) -> None:
    store.feed()
    before = store.client.dump(keys.FEED)
    ask(store.url, tmp_path)
    assert (store.client.dump(keys.FEED), store.client.dbsize()) == (before, 1)


def test_what_is_not_tracked_and_what_is_overdue_is_yellow(store: Store, tmp_path: Path) -> None:
    fields: dict[Any, Any] = {
        "coins": "BTC,MNT",
        "coins_wanted": "all",
        "skipped:unknown_name": 2,
        "skipped_example": "BTC-29JAN27-100000-C-USDE",
        "missing": 6,
        "overdue": "refresh",
    }
    store.client.hset("stats", mapping=fields)
    found = ask(store.url, tmp_path)["universe"]
    assert found["level"] == "yellow"
    assert found["words"] == (
        "coins BTC, MNT: 2 listed options are not collected: unknown name 2; for example"
        " BTC-29JAN27-100000-C-USDE; 6 options are missing from REST, do not tick and are not live;"
        " overdue: refresh"
    )
