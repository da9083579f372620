"""The messages on `fastopts:updates:{store}`: records that changed, announced by the collector."""

from typing import NamedTuple

from fastopts import model
from fastopts.errors import StoreError

__all__ = ("Announcement", "parse")

_HEAD = model.UPDATE_HEAD
_RECORD_SIZE = model.RECORD.size


class Announcement(NamedTuple):
    """One message. *number* counts those of an *epoch*: a gap means that something was missed."""

    epoch: int
    number: int
    records: dict[str, bytes]


def parse(payload: bytes) -> Announcement:
    """Raises StoreError for what is no message of this version."""
    size = len(payload)
    if size < _HEAD.size or payload[0] != model.UPDATE_VERSION:
        raise StoreError(f"an update that this version of fastopts can't read: {payload[:16]!r}")
    _, count, epoch, number = _HEAD.unpack_from(payload)
    records = {}
    at = _HEAD.size
    for _ in range(count):
        start = at + 1 + (payload[at] if at < size else 0)
        end = start + _RECORD_SIZE
        records[payload[at + 1 : start].decode("latin-1")] = payload[start:end]  # the fastest
        at = end
    if at != size:
        raise StoreError(f"an update of {size} bytes that should have {at}")
    return Announcement(epoch, number, records)
