"""The rival writes complete hashes: one that skips work would look fast."""

from datetime import UTC, datetime

import hiredis
import pytest

from bench import verify_store
from bench.frames import contracts, render, tickers

pytest.importorskip("picows", reason="comes with the extra `bench`")
pytest.importorskip("msgspec", reason="comes with the extra `bench`")


def test_the_command_is_one_hset_of_all_numbers_and_the_time() -> None:
    from bench.contenders import rival

    [[row]] = tickers(contracts(1, datetime.now(UTC)), 1, seed=1)
    payload = render(row).frame[4:]
    reader = hiredis.Reader()
    reader.feed(rival.hset(payload).encode())
    name, key, *pairs = reader.gets()
    symbol, fields = verify_store.expected(payload)
    assert (name, key) == (b"HSET", f"option:{symbol}".encode())
    written = dict(zip(pairs[::2], pairs[1::2], strict=True))
    assert written == {name: text for name, text in fields.items() if name not in (b"ts", b"sq")}
