"""What the doctor finds in servers and users that can't do what a collector and readers need."""

from collections.abc import Callable, Iterator
from fnmatch import fnmatchcase
from pathlib import Path

import pytest
import redis

from fastopts import keys
from fastopts.cli.doctor import rights
from fastopts.cli.doctor.check import Finding
from fastopts.cli.doctor.rights import PREPARING, QUEUED, READING
from fastopts.embedded import EmbeddedValkey
from fastopts.errors import StoreError
from fastopts.net.redis.address import Address
from fastopts.reader import OptionReader
from tests.cli.process import diagnose
from tests.faults.cf.test_cf_tls import asking, handshakes, url_of
from tests.support import certificates
from tests.support.broken_valkey import BrokenValkey
from tests.support.store import CALL, Store, clustered

WRITING = (*PREPARING, *QUEUED)
TRIES: dict[str, tuple[Callable[..., Finding], str]] = {
    "writer": (rights.try_writing, keys.WRITER_RIGHTS),
    "reader": (rights.try_reading, keys.READER_RIGHTS),
}


@pytest.fixture(scope="module")
def valkey() -> Iterator[EmbeddedValkey]:
    with EmbeddedValkey() as server:
        yield server


@pytest.fixture
def admin(valkey: EmbeddedValkey) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(valkey.url, protocol=2, decode_responses=True) as client:
        yield client


def grant(admin: redis.Redis, *words: str) -> None:
    admin.execute_command("ACL", "SETUSER", "desk", *words)  # type: ignore[no-untyped-call]


def as_user(server: EmbeddedValkey, db: int = 1) -> Address:
    return Address("127.0.0.1", server.port, username="desk", password="pw", db=db)


def doctor(server: EmbeddedValkey, cwd: Path) -> dict[str, dict[str, str]]:
    return diagnose("--offline", "--redis-url", server.url, cwd=cwd)


@pytest.mark.parametrize(
    ("trials", "documented"),
    [(WRITING, keys.WRITER_RIGHTS), (READING, keys.READER_RIGHTS)],
    ids=["writer", "reader"],
)
def test_CF_18_every_documented_right_is_tried(
    trials: tuple[rights.Trial, ...], documented: str
) -> None:
    granted = {word[1:] for word in documented.split() if word.startswith("+")}
    assert {trial.command for trial in trials} - {"hello"} == granted
    named = [word for trial in trials for word in trial.parts[1:]]
    for pattern in (word[1:] for word in documented.split() if word[0] in "~&"):
        assert any(fnmatchcase(word, pattern) for word in named), pattern


@pytest.mark.parametrize("role", TRIES)
def test_CF_18_the_documented_rights_are_enough_and_each_that_lacks_is_named(
    valkey: EmbeddedValkey, admin: redis.Redis, role: str
) -> None:
    attempt, documented = TRIES[role]
    words = documented.split()
    for lacking in words:
        grant(admin, "reset", "on", ">pw", *(word for word in words if word != lacking))
        if lacking == "+select":
            continue  # a connection begins with it, and ends there
        found = attempt(as_user(valkey), {})
        assert found.level == "red", lacking
        if lacking.startswith("+"):
            assert lacking[1:].replace("|", " ").upper() in found.summary
        remedy = found.remedy.partition(" (")[0].split()
        assert remedy == ["ACL", "SETUSER", "desk", lacking]
        grant(admin, *remedy[3:])
        assert attempt(as_user(valkey), {}).level == "green"
    assert admin.dbsize() == 0


def test_CF_18_the_other_role_is_yellow(valkey: EmbeddedValkey, admin: redis.Redis) -> None:
    for role, other in (("reader", rights.try_writing), ("writer", rights.try_reading)):
        grant(admin, "reset", "on", ">pw", *TRIES[role][1].split())
        found = other(as_user(valkey), {})
        assert (found.level, "another" in found.summary) == ("yellow", True)
        assert found.remedy.startswith("ACL SETUSER desk +")


def test_CF_18_a_live_collector_is_not_disturbed(
    valkey: EmbeddedValkey, admin: redis.Redis
) -> None:
    admin.set(keys.LEASE, "1:2:a", px=600_000)
    admin.hset(keys.FEED, mapping={"epoch": "1"})
    before = admin.dump(keys.FEED)
    grant(admin, "reset", "on", ">pw", *keys.WRITER_RIGHTS.split())
    assert rights.try_writing(as_user(valkey, db=0), {}).level == "green"
    # nothing comes true where there is no transaction either
    grant(admin, "-multi")
    assert rights.try_writing(as_user(valkey, db=0), {}).level == "red"
    assert (admin.get(keys.LEASE), admin.dump(keys.FEED)) == ("1:2:a", before)
    assert admin.dbsize() == 2
    admin.flushall()


def test_CF_18_a_replica_is_named_with_its_master(tmp_path: Path) -> None:
    with EmbeddedValkey() as master, EmbeddedValkey() as replica:
        with redis.Redis.from_url(replica.url, protocol=2) as client:
            client.replicaof("127.0.0.1", master.port)
        found = doctor(replica, tmp_path)["writing"]
    assert found["level"] == "red"
    assert "READONLY" in found["words"]
    assert found["remedy"] == (
        f"this is a read-only replica: use its master, 127.0.0.1:{master.port}"
    )


@pytest.mark.parametrize(
    ("command", "check"), [("WATCH", "writing"), ("MGET", "reading"), ("INFO", "redis")]
)
def test_CF_18_a_command_that_the_server_lacks_is_named(
    tmp_path: Path, command: str, check: str
) -> None:
    server = BrokenValkey("--rename-command", command, "")
    with server:
        found = doctor(server, tmp_path)[check]
    assert found["level"] == "red"
    assert command in found["words"]
    assert "rename-command" in found["remedy"]


def test_CF_18_a_full_memory_is_named(tmp_path: Path) -> None:
    with EmbeddedValkey() as server:
        with redis.Redis.from_url(server.url, protocol=2) as client:
            client.config_set("maxmemory", "1")
        found = doctor(server, tmp_path)["writing"]
    assert (found["level"], found["remedy"]) == ("red", "raise maxmemory or free memory")
    assert "HSET" in found["words"]


def test_CF_18_a_user_that_may_not_even_choose_the_database_is_named(
    valkey: EmbeddedValkey, admin: redis.Redis, tmp_path: Path
) -> None:
    grant(admin, "reset", "on", ">pw", *keys.WRITER_RIGHTS.split(), "-select")
    url = f"redis://desk:pw@127.0.0.1:{valkey.port}/1"
    found = diagnose("--offline", "--redis-url", url, cwd=tmp_path)["redis"]
    assert (found["level"], found["remedy"]) == ("red", "ACL SETUSER desk +select")


def test_CF_18_faults_of_tls_have_their_remedy(tmp_path: Path) -> None:
    with handshakes(asking()) as port:
        found = diagnose("--offline", "--redis-url", url_of(port), cwd=tmp_path)["redis"]
        assert found["remedy"].startswith("name a client certificate and its key")
    stranger = certificates.Authority()
    with handshakes(certificates.context_of(stranger.issue())) as port:
        found = diagnose("--offline", "--redis-url", url_of(port), cwd=tmp_path)["redis"]
        assert found["remedy"].startswith("name the CA's file with --redis-ca")


def test_CF_18_readers_on_a_cluster_say_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usual = EmbeddedValkey._command
    monkeypatch.setattr(
        EmbeddedValkey, "_command", lambda self: [*usual(self), *clustered(tmp_path)]
    )
    with EmbeddedValkey() as server, OptionReader(server.url) as reader:
        for read in (reader.feed, lambda: reader.get(CALL), lambda: reader.mirror("BTC")):
            with pytest.raises(StoreError, match="a node of a Redis Cluster"):
                read()


def test_CF_18_a_fed_server_is_green_in_both(tmp_path: Path, store: Store) -> None:
    found = diagnose("--offline", "--redis-url", store.url, cwd=tmp_path)
    assert [found[name]["level"] for name in ("reading", "writing")] == ["green", "green"]
