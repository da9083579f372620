"""The decimal strings of options: hashes that are missing or of another type."""

import pytest

from fastopts.reader import (
    Absent,
    OptionReader,
    StoreError,
)
from tests.support.store import CALL, PUT, Store


def test_a_missing_hash_is_an_error(store: Store, reader: OptionReader) -> None:
    store.tick()
    store.client.delete(f"option:{CALL}")
    with pytest.raises(StoreError, match=f"{CALL}: its hash is not in Redis"):
        reader.text(CALL)
    store.client.set(f"option:{CALL}", "x")
    with pytest.raises(StoreError, match=f"{CALL}: WRONGTYPE"):
        reader.text(CALL)
    store.tick(PUT)
    first, second = reader.text_many([CALL, PUT])
    assert isinstance(first, Absent)
    assert isinstance(second, dict)
    assert second["mark_price"] == "1218.5"
