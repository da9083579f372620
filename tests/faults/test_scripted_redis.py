"""The scripted server sends the replies of its script, and otherwise those of the real server."""

import pytest
import redis

from fastopts.embedded import EmbeddedValkey
from tests.support.broken_valkey import plain_client
from tests.support.scripted_redis import CLOSE, ScriptedCommand, ScriptedRedis


def test_it_passes_everything_on_and_changes_what_its_script_changes(
    shared_valkey: EmbeddedValkey,
) -> None:
    def script(said: ScriptedCommand) -> bytes | None:
        if said.name == b"GET" and said.command[1] == b"hers":
            return b"$4\r\nmine\r\n"
        return CLOSE if said.name == b"ECHO" else said.answer

    with (
        ScriptedRedis(shared_valkey.port, script) as server,
        plain_client(server.port) as client,
    ):
        client.flushall()
        client.mset({"hers": "hers", "his": "his"})
        pipeline = client.pipeline(transaction=False)
        assert pipeline.get("his").get("hers").get("none").execute() == ["his", "mine", None]
        with pytest.raises(redis.ConnectionError):
            client.echo("x")
        assert server.accepted >= 1
