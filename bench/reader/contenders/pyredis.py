"""redis-py with hiredis, used well: pipelines without transactions, the fewest commands.

None of it looks at the feed, so none can tell a live value from one that a dead collector left.
"""

from typing import Any

import redis

from bench.reader.contenders.common import IV_MIN, Call, Market, serve
from fastopts import keys
from fastopts.model import NUMBER_INDEX, RECORD

FIELDS = ("mp", "miv", "d")
MARK_IV = NUMBER_INDEX["miv"] - len(NUMBER_INDEX)  # counted from a record's end
TEXTS = frozenset({"cn"})


def hgetall(market: Market) -> Call:
    client, key = _client(market), keys.option(market.symbols[0])
    return Call(lambda: _floats(client.hgetall(key)), lambda one: _have_all([one]))


def hgetall_many(market: Market) -> Call:
    client, names = _client(market), list(map(keys.option, market.symbols))
    return Call(lambda: list(map(_floats, _hashes(client, names))), _have_all)


def hgetall_texts(market: Market) -> Call:
    client, names = _client(market), list(map(keys.option, market.symbols))
    return Call(lambda: _hashes(client, names), _have_all)


def hmget_many(market: Market) -> Call:
    client, names = _client(market), list(map(keys.option, market.symbols))

    def run() -> list[list[float]]:
        pipe = client.pipeline(transaction=False)
        for name in names:
            pipe.hmget(name, FIELDS)
        return [list(map(float, values)) for values in pipe.execute()]

    return Call(run, lambda found: all(len(values) == len(FIELDS) for values in found))


def mget_many(market: Market) -> Call:
    client = _client(market, decode_responses=False)
    names = list(map(keys.record, market.symbols))
    return Call(
        lambda: list(map(RECORD.unpack, client.mget(names))), lambda found: len(found) == len(names)
    )


def mget_scan(market: Market) -> Call:
    client = _client(market, decode_responses=False)
    names = list(map(keys.record, market.everything))

    def run() -> list[tuple[str, tuple[float, ...]]]:
        records = map(RECORD.unpack, client.mget(names))
        return [
            (symbol, numbers)
            for symbol, numbers in zip(market.everything, records, strict=True)
            if numbers[MARK_IV] >= IV_MIN
        ]

    return Call(run, bool)


def _client(market: Market, decode_responses: bool = True) -> Any:
    return redis.Redis.from_url(market.url, decode_responses=decode_responses)


def _hashes(client: Any, names: list[str]) -> list[dict[str, str]]:
    pipe = client.pipeline(transaction=False)
    for name in names:
        pipe.hgetall(name)
    found: list[dict[str, str]] = pipe.execute()
    return found


def _floats(fields: dict[str, str]) -> dict[str, float]:
    return {name: float(text) for name, text in fields.items() if name not in TEXTS}


def _have_all(found: list[dict[str, Any]]) -> bool:
    least = len(NUMBER_INDEX) - 4  # one side may have no quote
    return all(len(fields) > least for fields in found)


if __name__ == "__main__":
    serve(hgetall, hgetall_many, hgetall_texts, hmget_many, mget_many, mget_scan)
