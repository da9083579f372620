from collections.abc import Iterator

import pytest
import redis

from fastopts.embedded import EmbeddedValkey


@pytest.fixture
def valkey() -> Iterator[EmbeddedValkey]:
    with EmbeddedValkey() as server:
        yield server


@pytest.fixture
def client(valkey: EmbeddedValkey) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(valkey.url, protocol=2, decode_responses=True) as opened:
        yield opened
