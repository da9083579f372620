"""Packed records that are at hand, as the answer of a server that held them."""

from collections.abc import Iterable
from typing import Final

from fastopts import model
from fastopts.core import Records

__all__ = ("records_of",)

_RECORD: Final = b"$%d\r\n" % model.RECORD.size
_MISSING: Final = b"$-1\r\n"
_FOREIGN: Final = b"$0\r\n\r\n"  # of another size: as unreadable as any other


def records_of(packed: Iterable[bytes | None]) -> Records:
    """The records of an answer with one element for each of *packed*; None: there is none."""
    count = 0
    parts = [b""]
    for record in packed:
        count += 1
        if record is None:
            parts.append(_MISSING)
        elif len(record) != model.RECORD.size:
            parts.append(_FOREIGN)
        else:
            parts += (_RECORD, record, b"\r\n")
    parts[0] = b"*%d\r\n" % count
    payload = b"".join(parts)
    records = Records(count)
    records.acknowledge(payload, 0, len(payload))
    return records
