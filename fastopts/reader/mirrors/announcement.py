"""Announcements of changed records: messages on the channel `fastopts:updates:{store}`."""

from typing import NamedTuple

from fastopts import model
from fastopts.errors import StoreError

__all__ = ("Announcement", "parse")

_HEAD = model.UPDATE_HEAD
_RECORD_SIZE = model.RECORD.size


class Announcement(NamedTuple):
    """One message. *number* counts the messages of an *epoch*: a gap means that one was missed."""

    epoch: int
    number: int
    records: dict[str, bytes]


def parse(payload: bytes) -> Announcement:
    """Parse one message. Raises StoreError if it is malformed or of another version."""
    size = len(payload)
    if size < _HEAD.size or payload[0] != model.UPDATE_VERSION:
        raise StoreError(f"an update that this version of fastopts can't read: {payload[:16]!r}")
    _, count, epoch, number = _HEAD.unpack_from(payload)
    records = {}
    at = _HEAD.size
    for _ in range(count):
        # Slices beyond the end are short rather than an error; the size is checked once, at last.
        start = at + 1 + (payload[at] if at < size else 0)
        end = start + _RECORD_SIZE
        records[payload[at + 1 : start].decode("latin-1")] = payload[start:end]  # the fastest codec
        at = end
    if at != size:
        raise StoreError(f"an update of {size} bytes that should have {at}")
    return Announcement(epoch, number, records)
