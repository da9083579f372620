"""Recorded messages -> the table, and a row for each tick: the twin of `replay.pyx`."""

import struct
from typing import Final

from fastopts import keys, model
from fastopts.core.pure.table import Inlet, Table
from fastopts.core.pure.ticker import parse
from fastopts.mcap_format import MESSAGE_HEAD, RECORD_HEAD, Opcode

__all__ = ("ROW", "Player")

# Log time in ns since 1970 UTC, the symbol in ASCII (filled up with zero bytes), the packed record.
ROW: Final = struct.Struct(f"<q{keys.SYMBOL_LENGTH_MAX}s{model.RECORD.size}s")
HEAD_LENGTH: Final = MESSAGE_HEAD.size - RECORD_HEAD.size  # of the content, before the payload
_NS_PER_MS: Final = 1_000_000


class Player:
    """Applies recorded messages to a *table*, as when they were received.

    `messages` counts those of bound channels. With *collects_rows*, each one that becomes a
    symbol's newest tick adds a row (`ROW`): its log time, and the symbol's record after it.
    """

    def __init__(self, table: Table, collects_rows: bool = False) -> None:
        self.table = table
        self.collects_rows = collects_rows
        self.messages = 0
        self._inlets: dict[int, Inlet] = {}
        self._rows = bytearray()

    def bind(self, channel: int, inlet: Inlet | None) -> None:
        """Bring the messages of *channel* to *inlet*; None: return them to the caller."""
        self._inlets.pop(channel, None)
        if inlet is not None:
            if inlet.table is not self.table:
                raise ValueError("an inlet of another table")
            self._inlets[channel] = inlet

    def unbind_all(self) -> None:
        """Forget all channels: another file has its own."""
        self._inlets.clear()

    def play(self, data: bytes | bytearray | memoryview, start: int) -> int:
        """Apply the messages of bound channels from ``data[start:]``.

        Returns the position of the first message of another channel, or the end of *data*. Raises
        ValueError where no message record begins.
        """
        end = len(data)
        if not 0 <= start <= end:
            raise ValueError(f"no such part of {end} bytes: {start}:{end}")
        while start < end:
            if end - start < MESSAGE_HEAD.size:
                raise ValueError(f"no message at byte {start} of {end}")
            opcode, length, channel, _, log_ns, publish_ns = MESSAGE_HEAD.unpack_from(data, start)
            is_whole = HEAD_LENGTH <= length <= end - start - RECORD_HEAD.size
            if opcode != Opcode.MESSAGE or not is_whole:
                raise ValueError(f"no message at byte {start} of {end}")
            inlet = self._inlets.get(channel)
            if inlet is None:
                break
            payload = bytes(data[start + MESSAGE_HEAD.size : start + RECORD_HEAD.size + length])
            self.messages += 1
            applied = inlet.applied
            inlet.message(payload, publish_ns // _NS_PER_MS)
            if self.collects_rows and inlet.applied != applied:
                message = parse(payload, self.table.grammar)
                assert message is not None
                self.note(message.symbol, log_ns)
            start += RECORD_HEAD.size + length
        return start

    def note(self, symbol: str, log_ns: int) -> None:
        """Add a row with the present record of *symbol*. Raises KeyError if it has no slot."""
        self._rows += ROW.pack(log_ns, symbol.encode("ascii"), self.table.record(symbol))

    def take_rows(self) -> bytes:
        """Remove and return the rows that were collected, `ROW.size` bytes each."""
        rows = bytes(self._rows)
        self._rows.clear()
        return rows
