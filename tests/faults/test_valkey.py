"""The breaker of servers does what it says."""

import pytest
import redis

from tests.support.broken_valkey import REFUSING, BrokenValkey, plain_client, wait_for


@pytest.mark.parametrize("word", REFUSING)
def test_it_refuses_writers_with_its_word_and_takes_them_again(word: str) -> None:
    with BrokenValkey() as server:
        client = server.client
        with REFUSING[word](server), pytest.raises(redis.RedisError) as caught:
            client.hset("a", "b", "c")
        told = f"{type(caught.value).__name__} {caught.value}"
        kinds = {"OOM": "OutOfMemory", "READONLY": "ReadOnly", "NOPERM": "NoPermission"}
        assert kinds.get(word, word) in told
        client.hset("a", "b", "c")
        assert client.hgetall("a") == {"b": "c"}


def test_a_restart_forgets_what_was_not_saved_and_keeps_the_port() -> None:
    with BrokenValkey() as server:
        port = server.port
        server.client.set("kept", "1")
        server.client.save()
        server.client.set("lost", "1")
        server.restart()
        assert server.port == port
        assert server.client.keys("*") == ["kept"]


def test_it_loads_for_as_long_as_it_is_reported() -> None:
    with BrokenValkey() as server:
        server.client.mset({f"key:{number}": f"{number:01000}" for number in range(300)})
        server.client.save()
        slow = ("--key-load-delay", "3000", "--loading-process-events-interval-bytes", "1024")
        server.restart(*slow)
        with pytest.raises(redis.BusyLoadingError):
            server.client.get("key:1")
        wait_for(lambda: server.client.info("persistence")["loading"] == 0)
        assert server.client.get("key:1") == f"{1:01000}"


def test_frozen_it_takes_connections_and_answers_nothing() -> None:
    with BrokenValkey() as server:
        client = plain_client(server.port, timeout_s=0.2)
        with client, server.frozen(), pytest.raises(redis.TimeoutError):
            client.ping()
        assert server.client.ping()
