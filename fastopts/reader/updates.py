"""The messages on `fastopts:updates`: records that changed, announced by the collector."""

from typing import NamedTuple

from fastopts import model
from fastopts.errors import StoreError

__all__ = ("Update", "parse")

_HEAD = model.UPDATE_HEAD
_RECORD_SIZE = model.RECORD.size


class Update(NamedTuple):
    """One message. *number* counts those of an *epoch*: a gap means that something was missed."""

    epoch: int
    number: int
    records: list[tuple[str, bytes]]


def parse(payload: bytes) -> Update:
    """Raises StoreError for what is no message of this version."""
    if len(payload) < _HEAD.size or payload[0] != model.UPDATE_VERSION:
        raise StoreError(f"an update that this version of fastopts can't read: {payload[:16]!r}")
    _, count, epoch, number = _HEAD.unpack_from(payload)
    records = []
    at = _HEAD.size
    for _ in range(count):
        start = at + 1 + (payload[at] if at < len(payload) else 0)
        records.append(
            (
                payload[at + 1 : start].decode("ascii", "replace"),
                payload[start : start + _RECORD_SIZE],
            )
        )
        at = start + _RECORD_SIZE
    if at != len(payload):
        raise StoreError(f"an update of {len(payload)} bytes that should have {at}")
    return Update(epoch, number, records)
