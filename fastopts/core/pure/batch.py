"""Dirty slots -> Redis commands, and the accounting of their replies: the twin of `batch.pyx`."""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import hiredis

from fastopts import keys, model
from fastopts.core.pure.reply import leaves
from fastopts.core.pure.table import NAMES, TM, WRITE_ORDER, Slot, Table
from fastopts.errors import StoreError

__all__ = ("CHANNEL_LENGTH_MAX", "Batch", "checked_channel")

CHANNEL_LENGTH_MAX: Final = 64


@dataclass(slots=True)
class Write:
    """The commands sent for one slot, and the replies that are still to come."""

    slot: Slot
    replies: int
    expected: int | None  # fields that the HSET must add; None: not known
    had_tick: bool
    entry: bytes  # in an announcement; empty if the record was announced before
    present: set[int]
    error: str | None = None
    unexpected: bool = False


def checked_channel(name: str) -> str:
    """Return *name*. Raises ValueError unless it can be a channel of announcements."""
    is_short = 0 < len(name) <= CHANNEL_LENGTH_MAX
    if not (is_short and name.isascii() and name.isprintable()):
        raise ValueError(
            f"invalid channel {name!r}: use 1 to {CHANNEL_LENGTH_MAX} printable ASCII characters"
        )
    return name


class Batch:
    """One buffer of commands for dirty slots, and the accounting of its replies.

    Call `encode`, send the result, then `acknowledge` the replies until `done`; or `abandon` if the
    connection is lost. A slot whose command was refused stays pending and is not written again
    before `Table.release`; `errors` holds symbol and error text, and is emptied by `encode`.

    While `publishing`, changed records are announced behind the commands that write them, in
    messages with the layout of `model.UPDATE_HEAD`. `publish_error` holds the error text if the
    server refused an announcement of the last batch; no slot is affected. Twin: `batch.Batch`.
    """

    def __init__(self, table: Table) -> None:
        self._table = table
        self._writes: deque[Write] = deque()
        self._reader = hiredis.Reader()
        self.errors: list[tuple[str, str]] = []
        self.publish_error: str | None = None
        self._publishing = False
        self._channel = ""
        self._published = 0  # announcements whose reply is still to come
        self._number = 0

    @property
    def done(self) -> bool:
        """Whether every reply of the last batch was read."""
        return not self._writes and not self._published

    @property
    def publishing(self) -> bool:
        """Whether batches announce changes. Switching it off leaves a gap in the numbers."""
        return self._publishing

    @publishing.setter
    def publishing(self, on: bool) -> None:
        if on and not self._channel:
            raise RuntimeError("no channel to publish on")
        # Subscribers that stay subscribed through a pause must detect the gap.
        self._number += self._publishing and not on
        self._publishing = on

    @property
    def channel(self) -> str:
        """The channel of the announcements; needed before `publishing`."""
        return self._channel

    @channel.setter
    def channel(self, name: str) -> None:
        self._channel = checked_channel(name)

    def encode(self, now_ms: int, limit: int = 1 << 20, taken_ms: int | None = None) -> bytes:
        """Return commands for the dirty slots, longest waiting first, about *limit* bytes at most.

        Expiries of keys count from *now_ms*; *taken_ms* is the same moment by the clock of the
        receive times, if that is a different one. Returns ``b""`` if no slot is dirty. Raises
        RuntimeError while replies of the last batch are outstanding.
        """
        if not self.done:
            raise RuntimeError("the last batch is not acknowledged yet")
        self.errors, self.publish_error = [], None
        self._reader = hiredis.Reader()
        out: list[bytes] = []
        size = 0
        while self._table.dirty and size < limit:
            slot = self._table.dequeue()
            if slot.unsent:
                self._table.waits.add((now_ms if taken_ms is None else taken_ms) - slot.rt)
            commands = self._write_slot(slot, now_ms)
            out += commands
            size += sum(map(len, commands))
        if self._publishing:
            out += self._announce()
        return b"".join(out)

    def pulse(self) -> bytes:
        """Return an announcement without records, with the next number.

        Subscribers learn from it that they have missed nothing.
        """
        return self._message([])

    def acknowledge(self, view: memoryview, start: int, end: int) -> int:
        """Read replies from ``view[start:end]``; return the position behind the last one.

        Raises StoreError for bytes that are not RESP.
        """
        self._reader.feed(bytes(view[start:end]))
        while not self.done:
            try:
                reply = self._reader.gets()
            except hiredis.ProtocolError as error:
                raise StoreError(f"not RESP: {error}") from error
            if reply is False:
                return end
            if self._writes:
                self._reply(self._writes[0], reply)
            else:
                self._publish_reply(reply)
        if self._reader.has_data():
            raise StoreError("more replies than commands")
        return end

    def abandon(self) -> None:
        """Give up the replies: the connection is lost.

        The commands may or may not have been executed, so all slots are written again. Ends
        `publishing`, too.
        """
        self._reader = hiredis.Reader()
        self._published = 0
        self.publishing = False
        while self._writes:
            write = self._writes.popleft()
            write.slot.in_flight = False
            self._back_to_unsent(write)
            self._table.enqueue(write.slot)

    def _announce(self) -> list[bytes]:
        """Return the PUBLISH commands for the batch's changes, as few as can hold them."""
        entries = deque(write.entry for write in self._writes if write.entry)
        commands = []
        while entries:
            batch, space = list[bytes](), model.UPDATE_BYTES_MAX - model.UPDATE_HEAD.size
            while entries and len(entries[0]) <= space:
                batch.append(entries.popleft())
                space -= len(batch[-1])
            commands.append(_command("PUBLISH", self._channel, self._message(batch)))
        self._published = len(commands)
        return commands

    def _message(self, entries: list[bytes]) -> bytes:
        self._number += 1
        head = (model.UPDATE_VERSION, len(entries), self._table.epoch, self._number)
        return model.UPDATE_HEAD.pack(*head) + b"".join(entries)

    def _write_slot(self, slot: Slot, now_ms: int) -> list[bytes]:
        table = self._table
        texts = table.texts(slot)
        present = set(texts)
        if slot.whole:
            fields, removed, expected = present, set(NAMES) - present, None
        else:
            fields = slot.changed & present or {TM}  # the same tick again: HSET needs a field
            removed = (slot.changed - present) & slot.in_redis
            expected = len(fields - slot.in_redis)
        commands = hash_commands(keys.option(slot.symbol), texts, fields, removed)
        record, key = table.pack(slot), keys.record(slot.symbol)
        if slot.whole:
            ttl = str(_ttl_s(slot, now_ms))
            if slot.in_redis:
                commands.append(_command("EXPIRE", keys.option(slot.symbol), ttl))
            commands.append(_command("SET", key, record, "EX", ttl))
        else:
            commands.append(_command("SET", key, record, "KEEPTTL"))
        entry = _entry(slot.symbol, record) if slot.unannounced else b""
        self._writes.append(Write(slot, len(commands), expected, slot.unsent, entry, present))
        slot.in_flight, slot.unsent = True, False
        slot.whole = slot.unannounced = False
        slot.changed = set()
        return commands

    def _reply(self, write: Write, reply: Any) -> None:
        parts = list(leaves(reply))
        for part in parts:
            if isinstance(part, Exception) and write.error is None:
                write.error = str(part)
        added = next((part for part in parts if isinstance(part, int)), None)
        if added is not None and write.expected is not None:
            # The first integer is the reply to HSET, bare or first in the array of EXEC.
            write.unexpected, write.expected = added != write.expected, None
        write.replies -= 1
        if not write.replies:
            self._writes.popleft()
            self._settle(write)

    def _publish_reply(self, reply: Any) -> None:
        self._published -= 1
        if isinstance(reply, Exception) and self.publish_error is None:
            self.publish_error = str(reply)

    def _settle(self, write: Write) -> None:
        table, slot = self._table, write.slot
        slot.in_flight = False
        if write.error is not None:
            self.errors.append((slot.symbol, write.error))
            slot.refused = True
            slot.in_redis = set()
            self._back_to_unsent(write)
            return
        # The first HSET goes without an EXPIRE: the key may turn out to be another program's.
        lacks_expiry = not slot.in_redis
        slot.in_redis = write.present
        if write.had_tick:
            table.written += 1
            table.pending -= 1
        table.vanished += write.unexpected
        if write.unexpected or lacks_expiry:
            slot.whole = True
            table.enqueue(slot)
        table.forget(slot)

    def _back_to_unsent(self, write: Write) -> None:
        slot = write.slot
        slot.whole = True
        slot.unannounced = slot.unannounced or bool(write.entry)
        if write.had_tick and slot.unsent:
            self._table.conflated += 1
            self._table.pending -= 1
        elif write.had_tick:
            slot.unsent = True
        if slot.refused and slot.queued:
            self._table.unqueue(slot)


def _command(*parts: str | bytes) -> bytes:
    bulks = [b"*%d\r\n" % len(parts)]
    for part in parts:
        raw = part.encode() if isinstance(part, str) else part
        bulks.append(b"$%d\r\n%b\r\n" % (len(raw), raw))
    return b"".join(bulks)


def hash_commands(
    key: str, texts: Mapping[int, str], fields: set[int], removed: set[int]
) -> list[bytes]:
    """Return the commands that bring the hash *key* up to date.

    One HSET for all fields: readers that raced a writer with two of them saw 0.56 % torn hashes,
    with DEL and HSET 0.4 % missing ones, with one HSET none of 100,000.
    """
    order = [index for index in WRITE_ORDER if index in fields]
    pairs = [part for index in order for part in (NAMES[index], texts[index])]
    hset = _command("HSET", key, *pairs)
    if not removed:
        return [hset]
    # A transaction: no reader may see the new values beside a removed field.
    names = [NAMES[index] for index in WRITE_ORDER if index in removed]
    return [_command("MULTI"), hset, _command("HDEL", key, *names), _command("EXEC")]


def _entry(symbol: str, record: bytes) -> bytes:
    return bytes([len(symbol)]) + symbol.encode() + record


def _ttl_s(slot: Slot, now_ms: int) -> int:
    if now_ms >= slot.ttl_renew_ms:
        slot.ttl_until_ms = keys.until_ms(slot.expiry_ms, now_ms)
        slot.ttl_renew_ms = now_ms + keys.TTL_RENEW_MS
    return keys.ttl_s(slot.ttl_until_ms, now_ms)
