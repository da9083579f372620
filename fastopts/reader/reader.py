"""`OptionReader`: options by symbol, from their packed records."""

from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from fastopts import keys, model
from fastopts.errors import Expired, FastoptsError, StoreError, Unknown
from fastopts.model import Option
from fastopts.net import address
from fastopts.net.blocking import BlockingChannel
from fastopts.net.resp import good, pack
from fastopts.reader import freshness
from fastopts.reader.freshness import FeedState

__all__ = ("Absent", "OptionReader")

# The order matters: a record that is read before the feed is never newer than what the feed says.
_FEED_AND_TIME = pack("HGETALL", keys.FEED) + pack("TIME")


@dataclass(frozen=True, slots=True)
class Absent:
    """Stands for an option that was not handed over; false, and `reason` says why."""

    symbol: str
    reason: FastoptsError

    def __bool__(self) -> bool:
        return False


class OptionReader:
    """Reads one venue's options from the Redis at *url*. Threads may share it.

    Reads are strict: a value that is not live raises a StaleData; `require_live=False` hands over
    what is there, with `live` and `age_s` telling what it is worth.
    """

    def __init__(
        self,
        url: str = "redis://localhost:6379",
        venue: str = "bybit",
        *,
        password: str | None = None,
        timeout_s: float = 2.0,
    ) -> None:
        self._venue = venue
        self._channel = BlockingChannel(address.parse(url, password), timeout_s)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        self._channel.close()

    def get(self, symbol: str, *, require_live: bool = True, allow_expired: bool = False) -> Option:
        """Return the option *symbol*.

        Raises Unknown, Expired, a StaleData (FeedDown, ConnectionMuted, NotYetLive), WrongVenue or
        StoreUnavailable.
        """
        records, feed = self._read([symbol])
        found = self._option(symbol, records[0], feed, require_live, allow_expired)
        if isinstance(found, Absent):
            raise found.reason
        return found

    def get_many(
        self,
        symbols: Sequence[str],
        *,
        require_live: bool = True,
        allow_expired: bool = False,
    ) -> list[Option | Absent]:
        """Return the options *symbols* in their order, in one round trip.

        What can't be handed over is an Absent with the reason. With *require_live* a dead feed
        raises FeedDown; WrongVenue and StoreUnavailable are raised in any case.
        """
        if not symbols:
            return []
        records, feed = self._read(symbols)
        if require_live and feed.error is not None:
            raise feed.error
        return [
            self._option(symbol, record, feed, require_live, allow_expired)
            for symbol, record in zip(symbols, records, strict=True)
        ]

    def _read(self, symbols: Sequence[str]) -> tuple[list[bytes | None], FeedState]:
        # What can't be a key is asked for under a name that nobody writes.
        names = (symbol if keys.is_symbol(symbol) else "" for symbol in symbols)
        payload = pack("MGET", *map(keys.record, names)) + _FEED_AND_TIME
        records, fields, now = good(self._channel.ask(payload, 3))
        now_ms = int(now[0]) * 1000 + int(now[1]) // 1000
        return records, freshness.parse(_pairs(fields), now_ms, self._venue)

    def _option(
        self,
        symbol: str,
        record: bytes | None,
        feed: FeedState,
        require_live: bool,
        allow_expired: bool,
    ) -> Option | Absent:
        if record is None:
            return Absent(symbol, Unknown(f"there is no option {symbol!r} here"))
        if len(record) != model.RECORD.size or record[0] != model.RECORD_VERSION:
            return Absent(symbol, StoreError(f"{symbol}: a record that this version can't read"))
        head = model.RECORD.unpack(record)[:9]
        _, _, flags, epoch, tm, _, _, conn, expiry_ms = head
        if expiry_ms <= feed.now_ms + feed.skew_ms and not allow_expired:
            return Absent(symbol, Expired(f"{symbol} has been delivered"))
        stale = freshness.judge(symbol, epoch, conn, flags, tm, feed)
        if stale is not None and require_live:
            return Absent(symbol, stale)
        return Option(symbol, self._venue, record, stale is None, feed.age_s(tm))


def _pairs(flat: list[Any]) -> dict[bytes, bytes]:
    return dict(zip(flat[::2], flat[1::2], strict=True))
