"""redis-py with hiredis, used well: pipelines without transactions, the fewest commands.

None of these calls reads the feed: they can't detect the values that a dead collector left behind.
"""

from typing import Any

import redis

from bench.reader.contenders.common import IV_MIN, Call, Workload, serve
from fastopts import keys
from fastopts.model import NUMBER_INDEX, RECORD

FIELDS = ("mp", "miv", "d")
MARK_IV = NUMBER_INDEX["miv"] - len(NUMBER_INDEX)  # counted from a record's end
TEXTS = frozenset({"cn"})  # fields that are no numbers


def hgetall(workload: Workload) -> Call:
    """One option's hash, as floats."""
    client, key = _client(workload), keys.option(workload.symbols[0])
    return Call(lambda: _floats(client.hgetall(key)), lambda fields: _are_complete([fields]))


def hgetall_many(workload: Workload) -> Call:
    """100 hashes, as floats."""
    client, names = _client(workload), list(map(keys.option, workload.symbols))
    return Call(lambda: list(map(_floats, _hashes(client, names))), _are_complete)


def hgetall_texts(workload: Workload) -> Call:
    """100 hashes, as text."""
    client, names = _client(workload), list(map(keys.option, workload.symbols))
    return Call(lambda: _hashes(client, names), _are_complete)


def hmget_many(workload: Workload) -> Call:
    """Three fields of 100 hashes, as floats."""
    client, names = _client(workload), list(map(keys.option, workload.symbols))

    def run() -> list[list[float]]:
        pipe = client.pipeline(transaction=False)
        for name in names:
            pipe.hmget(name, FIELDS)
        return [list(map(float, values)) for values in pipe.execute()]

    return Call(run, lambda rows: all(len(values) == len(FIELDS) for values in rows))


def mget_many(workload: Workload) -> Call:
    """100 records, unpacked by struct."""
    client = _client(workload, decode_responses=False)
    names = list(map(keys.record, workload.symbols))
    return Call(
        lambda: list(map(RECORD.unpack, client.mget(names))), lambda rows: len(rows) == len(names)
    )


def mget_scan(workload: Workload) -> Call:
    """All records, filtered by IV."""
    client = _client(workload, decode_responses=False)
    names = list(map(keys.record, workload.universe))

    def run() -> list[tuple[str, tuple[float, ...]]]:
        records = map(RECORD.unpack, client.mget(names))
        return [
            (symbol, numbers)
            for symbol, numbers in zip(workload.universe, records, strict=True)
            if numbers[MARK_IV] >= IV_MIN
        ]

    return Call(run, bool)


def _client(workload: Workload, decode_responses: bool = True) -> Any:
    return redis.Redis.from_url(workload.url, decode_responses=decode_responses)


def _hashes(client: Any, names: list[str]) -> list[dict[str, str]]:
    pipe = client.pipeline(transaction=False)
    for name in names:
        pipe.hgetall(name)
    hashes: list[dict[str, str]] = pipe.execute()
    return hashes


def _floats(fields: dict[str, str]) -> dict[str, float]:
    return {name: float(text) for name, text in fields.items() if name not in TEXTS}


def _are_complete(hashes: list[dict[str, Any]]) -> bool:
    count_min = len(NUMBER_INDEX) - 4  # one side may have no quote
    return all(len(fields) > count_min for fields in hashes)


if __name__ == "__main__":
    serve(hgetall, hgetall_many, hgetall_texts, hmget_many, mget_many, mget_scan)
