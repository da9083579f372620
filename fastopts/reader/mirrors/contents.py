"""`ReplicaContents`: the records and terms in a replica, and the options that expired since."""

import contextlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from fastopts import keys
from fastopts.core import Tick, decode
from fastopts.errors import StoreError
from fastopts.model import RECORD, Instrument
from fastopts.reader.objects.option import Option
from fastopts.reader.objects.phases import Phases

__all__ = ("UNREADABLE", "ReplicaContents")

# In place of a value of another size than a record's, which may be hundreds of megabytes.
UNREADABLE: Final = b"\0"


class ReplicaContents:
    """What a replica holds. Other threads read it while one changes it.

    *records* and *terms* are those of the *wanted* symbols. *expired* keeps records of options that
    were delisted after their expiry, for as long as the server keeps them.
    """

    def __init__(self) -> None:
        self.records: dict[str, bytes] = {}
        self.terms: dict[str, Instrument] = {}
        self.expired: dict[str, bytes] = {}
        self.wanted: frozenset[str] = frozenset()
        self._phases = Phases()

    def apply(self, records: Mapping[str, bytes]) -> Mapping[str, bytes]:
        """Take over announced *records*; return those that changed."""
        current = self.records.get
        # The collector announces records again once a minute, in case that one was deleted: here
        # they are the same and nobody need know.
        changed = {
            symbol: record
            for symbol, record in records.items()
            if symbol in self.wanted and record != current(symbol)
        }
        # One update for the whole message. Pausing between reads of the socket to apply more at
        # once saved nothing: the collector's flushes are further apart than a pause may last.
        self.records.update(changed)
        return changed

    def replace(self, symbols: Sequence[str], values: Sequence[bytes | None]) -> list[str]:
        """Take over *values* of a snapshot (None: no record); return the symbols that changed."""
        changed = []
        for symbol, value in zip(symbols, values, strict=True):
            is_foreign = value is not None and len(value) != RECORD.size
            record = UNREADABLE if is_foreign else value
            if record is None:
                self.records.pop(symbol, None)
            elif self.records.get(symbol) != record:
                self.records[symbol] = record
                changed.append(symbol)
        return changed

    def remember(self, option: Option) -> None:
        """Keep an *option* that expired before the first snapshot."""
        if option.symbol not in self.records:
            self.expired[option.symbol] = option.record
            if option.instrument is not None:
                self.terms.setdefault(option.symbol, option.instrument)

    def drop_delisted(self, venue_ms: int) -> None:
        """Drop records and terms of delisted symbols, but keep records of expired options."""
        for symbol in self.records.keys() - self.wanted:
            expiry_ms = self._expiry_ms(symbol)
            if expiry_ms is not None and expiry_ms <= venue_ms:
                self.expired[symbol] = self.records[symbol]
        for symbol in list(self.expired):
            expiry_ms = self._expiry_ms(symbol)
            is_over = expiry_ms is None or venue_ms > expiry_ms + keys.TTL_AFTER_DELIVERY_MS
            if symbol in self.wanted or is_over:
                del self.expired[symbol]
        for symbol in self.records.keys() - self.wanted:
            del self.records[symbol]
        for symbol in self.terms.keys() - self.wanted - self.expired.keys():
            del self.terms[symbol]
        self._phases.follow(self._expiries())

    def changed_phases(self, venue_ms: int) -> list[str]:
        """Return the options that began to settle or expired since the last call.

        Nothing announces that: a quiet option would be reported as trading until its next tick.
        """
        return self._phases.passed(venue_ms)

    def conns(self, epoch: int, venue_ms: int) -> Iterator[int]:
        """Yield the connections that delivered the unexpired records of *epoch*."""
        for symbol, record in self.records.items():
            with contextlib.suppress(StoreError):  # a record of another version
                tick = decode(Tick, symbol, record, None, 0, ())
                if tick.epoch == epoch and tick.expiry_ms > venue_ms:
                    yield tick.conn

    def _expiries(self) -> Iterable[tuple[str, int]]:
        for symbol in self.wanted:
            expiry_ms = self._expiry_ms(symbol)
            if expiry_ms is not None:
                yield symbol, expiry_ms

    def _expiry_ms(self, symbol: str) -> int | None:
        if symbol in self.terms:
            return self.terms[symbol].expiry_ms
        record = self.records.get(symbol) or self.expired.get(symbol)
        if record is not None:
            with contextlib.suppress(StoreError):  # a record of another version
                return decode(Tick, symbol, record, None, 0, ()).expiry_ms
        return None
