"""The parser of announcements."""

import pytest

from fastopts import model
from fastopts.errors import StoreError
from fastopts.reader.mirrors.announcement import Announcement, parse

RECORD = bytes(range(256))


def payload(records: dict[str, bytes], version: int = model.UPDATE_VERSION) -> bytes:
    head = model.UPDATE_HEAD.pack(version, len(records), 7, 42)
    return head + b"".join(
        bytes([len(name)]) + name.encode() + record for name, record in records.items()
    )


@pytest.mark.parametrize("count", [0, 1, 3])
def test_a_message_is_parsed(count: int) -> None:
    records = {f"BTC-27NOV99-{strike}-C": RECORD for strike in range(count)}
    assert parse(payload(records)) == Announcement(7, 42, records)


def test_a_message_cut_anywhere_or_with_more_bytes_is_an_error() -> None:
    whole = payload({"BTC-1-1-C": RECORD, "BTC-1-2-C": RECORD})
    for size in range(len(whole)):
        with pytest.raises(StoreError):
            parse(whole[:size])
    with pytest.raises(StoreError, match=f"{len(whole) + 1} bytes that should have {len(whole)}"):
        parse(whole + b"!")


def test_another_version_is_an_error() -> None:
    with pytest.raises(StoreError, match="this version of fastopts can't read"):
        parse(payload({}, version=model.UPDATE_VERSION + 1))
