"""What a real Valkey is asked before it is written to, by a user who may not ask everything."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from fastopts import keys
from fastopts.collector.store import server
from fastopts.collector.store.server import ServerInfo
from fastopts.embedded import EmbeddedValkey
from fastopts.errors import ConfigError, StoreError
from fastopts.net.redis import pipeline as channel
from fastopts.net.redis.address import Address
from tests.support.store import clustered

USER, PASSWORD = "limited", "s3cret"


@pytest.fixture
def valkey() -> Iterator[EmbeddedValkey]:
    with EmbeddedValkey() as made:
        yield made


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[EmbeddedValkey]:
    """A node whose cluster has no slots: it refuses every key."""
    command = EmbeddedValkey._command
    monkeypatch.setattr(
        EmbeddedValkey, "_command", lambda self: [*command(self), *clustered(tmp_path)]
    )
    with EmbeddedValkey() as made:
        yield made


async def inspect(valkey: EmbeddedValkey, *rights: str) -> ServerInfo:
    """Ask as a user with *rights* beside those to everything."""
    with redis.Redis.from_url(valkey.url, protocol=2) as client:
        client.execute_command(
            *("ACL", "SETUSER", USER, "on", f">{PASSWORD}", "~*", "+@all", *rights)
        )
    address = Address("127.0.0.1", valkey.port, username=USER, password=PASSWORD)
    opened = await channel.connect(address, None, 5.0)
    try:
        return await server.inspect(opened, "bybit")
    finally:
        opened.abort()
        await opened.closed.wait()


async def test_a_user_with_all_rights_is_named(valkey: EmbeddedValkey) -> None:
    found = await inspect(valkey)
    assert found.writer == f"{found.run_id}:{found.client}"
    assert len(found.run_id) == 40
    assert found.client > 0
    assert found.keeps_stats
    assert found.warnings == ()


@pytest.mark.parametrize(
    ("right", "words"), [("-client|id", r"client\|id"), ("-info", "info"), ("-hget", keys.FEED)]
)
async def test_a_missing_right_is_reported_in_the_servers_words(
    valkey: EmbeddedValkey, right: str, words: str
) -> None:
    with pytest.raises(StoreError, match=words) as caught:
        await inspect(valkey, right)
    assert caught.value.reply.startswith("NOPERM")


@pytest.mark.parametrize("rights", [(), ("-client|id",), ("-hget", "-hkeys", "-client|id")])
async def test_a_cluster_is_reported_before_missing_commands_or_rights(
    cluster: EmbeddedValkey, rights: tuple[str, ...]
) -> None:
    with pytest.raises(ConfigError, match="Redis Cluster"):
        await inspect(cluster, *rights)


async def test_a_feed_that_is_another_programs_is_named(valkey: EmbeddedValkey) -> None:
    with redis.Redis.from_url(valkey.url, protocol=2) as client:
        client.set(keys.FEED, "mine")
    with pytest.raises(StoreError, match=f"{keys.FEED}: WRONGTYPE"):
        await inspect(valkey)
