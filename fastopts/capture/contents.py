"""The messages of a capture that are not frames: JSON, and the table's records.

docs/recording.md describes them; a field is only ever added.
"""

import base64
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

import orjson

from fastopts.core import Table
from fastopts.model import Instrument

__all__ = (
    "CLOCK",
    "CONTROL",
    "FEED",
    "INSTRUMENTS",
    "JSON",
    "REST",
    "STATE",
    "STATE_ENCODING",
    "clock",
    "event",
    "feed",
    "inbound",
    "instrument_lists",
    "outbound",
    "printable",
    "rest_exchange",
    "table_records",
)

CONTROL: Final = "control"
CLOCK: Final = "clock"
REST: Final = "rest"
FEED: Final = "feed"
INSTRUMENTS: Final = "instruments"
STATE: Final = "state"

JSON: Final = "json"
# The length of the symbol in one byte, the symbol in ASCII, the packed record (`model.RECORD`): as
# in an announcement.
STATE_ENCODING: Final = "fastopts-record"

# One message for each part: the whole list would be a message of half a megabyte.
_LISTED_MAX: Final = 500


def inbound(conn: int) -> str:
    """Return the topic of the messages that connection *conn* received."""
    return f"in/{conn}"


def outbound(conn: int) -> str:
    """Return the topic of the messages that were sent over connection *conn*."""
    return f"out/{conn}"


def clock(utc_ns: int, monotonic_ns: int) -> bytes:
    """Return a reading of both clocks, in ns."""
    return orjson.dumps({"utc_ns": utc_ns, "monotonic_ns": monotonic_ns})


def event(name: str, values: Mapping[str, object]) -> bytes:
    """Return an event of the channel `control`."""
    return orjson.dumps({"event": name, **values})


def feed(fields: Mapping[str, str]) -> bytes:
    """Return the fields of the hash `fastopts:feed`, all of them, as Redis has accepted them."""
    return orjson.dumps(dict(fields))


def printable(text: str) -> str:
    """Return *text* with escapes for what UTF-8 can't have: names of files can be any bytes."""
    return text.encode(errors="backslashreplace").decode()


def rest_exchange(
    path: str, params: Mapping[str, str], status: int | None, body: bytes, error: str
) -> bytes:
    """Return a REST exchange; *status* is None where *error* says why there is no response.

    The body is text, verbatim, or base64 where it is not UTF-8.
    """
    values: dict[str, object] = {"path": path, "params": dict(params), "status": status}
    if status is None:
        values["error"] = error
    else:
        try:
            values["body"] = body.decode()
        except UnicodeDecodeError:
            values["body_base64"] = base64.b64encode(body).decode()
    return orjson.dumps(values)


def instrument_lists(
    listed: Iterable[Instrument], delisted: Iterable[Instrument]
) -> Iterator[bytes]:
    """Yield messages of the channel `instruments`."""
    rows = [{"symbol": each.symbol, **each.terms()} for each in listed]
    names = [each.symbol for each in delisted]
    for at in range(0, len(rows), _LISTED_MAX):
        yield orjson.dumps({"listed": rows[at : at + _LISTED_MAX]})
    if names:
        yield orjson.dumps({"delisted": names})


def table_records(table: Table, symbols: Iterable[str]) -> Iterator[bytes]:
    """Yield messages of the channel `state`: the records of those *symbols* that have a value."""
    for symbol in symbols:
        # Listed, but perhaps not in the table yet, or without any value.
        if symbol in table and table.origin_of(symbol)[1]:
            name = symbol.encode()
            yield bytes((len(name),)) + name + table.record(symbol)
