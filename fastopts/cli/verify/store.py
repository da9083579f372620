"""Client of Redis: the feed, freshness and hashes, implemented from docs/contract.md alone."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from fastopts import keys
from fastopts.cli.verify import symbols
from fastopts.errors import FeedDown, StoreError
from fastopts.net.redis.address import Address
from fastopts.net.redis.blocking import BlockingConnection
from fastopts.net.redis.resp import ReplyList, checked, pack

__all__ = ("StoreClient", "StoreSnapshot", "StoredFeed", "Tick")

TIMEOUT_S: Final = 5.0  # for thousands of hashes in one exchange
SCHEMA: Final = "1"  # of the contract that this module implements
FLAGS_RANGE: Final = ("2", "2")  # GETRANGE of a record: the lower byte of its flags
FLAG_SUSPECT: Final = 8  # the bit that docs/contract.md names: the hash has no such field

Tick = Mapping[str, str]  # the hash of an option


@dataclass(frozen=True, slots=True)
class StoredFeed:
    """The hash of the feed at *now_ms* of the server's clock."""

    now_ms: int
    venue: str
    epoch: str
    beat_age_ms: int
    beat_limit_ms: int
    silence_limit_ms: int
    skew_ms: int
    assets: tuple[str, ...]
    delivered_ms: Mapping[str, int]
    lag_limit_ms: int | None = None
    lags_ms: Mapping[str, int] = field(default_factory=dict)

    @property
    def is_alive(self) -> bool:
        """Whether the heartbeat is recent."""
        return abs(self.beat_age_ms) <= self.beat_limit_ms

    @property
    def venue_ms(self) -> int:
        """The time on the venue's clock."""
        return self.now_ms + self.skew_ms

    @property
    def silent(self) -> list[str]:
        """The open connections that are silent, or too far behind the venue."""
        return [conn for conn in self.delivered_ms if not self._delivers(conn)]

    def is_live(self, symbol: str, origin: str) -> bool:
        """Whether a tick of *symbol* that was written by *origin*, `epoch:conn`, is live."""
        contract = symbols.parse(symbol)
        if contract is None or self.venue_ms >= contract.expiry_ms:
            return False
        epoch, _, conn = origin.partition(":")
        return self.is_alive and epoch == self.epoch and self._delivers(conn)

    def _delivers(self, conn: str) -> bool:
        since_ms = self.now_ms - self.silence_limit_ms
        return self.delivered_ms.get(conn, 0) >= since_ms and not self._is_late(conn)

    def _is_late(self, conn: str) -> bool:
        if self.lag_limit_ms is None:
            return False
        lag_ms = self.lags_ms.get(conn)
        return lag_ms is None or lag_ms > self.lag_limit_ms


@dataclass(frozen=True, slots=True)
class StoreSnapshot:
    """Some ticks, the symbols among them that are marked as suspect, and the feed after them."""

    ticks: Mapping[str, Tick]
    suspects: frozenset[str]
    feed: StoredFeed

    def live(self, symbol: str) -> Tick | None:
        """Return the tick of *symbol*, or None when it is not live."""
        tick = self.ticks[symbol]
        is_live = symbol not in self.suspects and self.feed.is_live(symbol, tick.get("cn", ""))
        return tick if is_live else None


class StoreClient:
    """A client of the Redis at *address*. Every method raises StoreError on failure."""

    def __init__(self, address: Address) -> None:
        self._channel = BlockingConnection(address, TIMEOUT_S)

    def close(self) -> None:
        """Close the connection."""
        self._channel.close()

    def feed(self) -> StoredFeed:
        """Return the feed. Raises FeedDown when no collector is alive, or none has ever written."""
        feed = self.ticks([]).feed
        if not feed.is_alive:
            raise FeedDown(_death(feed))
        return feed

    def ticks(self, symbols: Sequence[str]) -> StoreSnapshot:
        """Return the hashes of *symbols*."""
        return self._snapshot(symbols, ("HGETALL",), _mapping)

    def conns(self, symbols: Sequence[str]) -> StoreSnapshot:
        """Return only the origin of *symbols*: enough to know which are live."""
        return self._snapshot(symbols, ("HMGET", "cn"), lambda values: {"cn": values[0] or ""})

    def listed(self, assets: Iterable[str]) -> list[str]:
        """Return the symbols of *assets*."""
        sets = self._exchange([("SMEMBERS", keys.asset(asset)) for asset in assets])
        return sorted(symbol for members in sets for symbol in members)

    def counters(self) -> Mapping[str, int]:
        """Return the counters of `stats`."""
        [stats] = self._exchange([("HGETALL", keys.STATS)])
        return {name: int(text) for name, text in _mapping(stats).items() if text.isdecimal()}

    def _snapshot(
        self,
        symbols: Sequence[str],
        request: tuple[str, ...],
        parse: Callable[[list[str]], Tick],
    ) -> StoreSnapshot:
        """Read ticks, then the feed: so no tick is newer than the feed that judges it."""
        command, *fields = request
        hashes = [(command, keys.option(symbol), *fields) for symbol in symbols]
        flags = [("GETRANGE", keys.record(symbol), *FLAGS_RANGE) for symbol in symbols]
        commands = [*hashes, *flags, ("HGETALL", keys.FEED), ("TIME",)]
        *replies, feed, time = self._exchange(commands)
        now_ms = int(time[0]) * 1000 + int(time[1]) // 1000
        count = len(symbols)
        ticks = dict(zip(symbols, map(parse, replies[:count]), strict=True))
        flagged = zip(symbols, replies[count:], strict=True)
        suspects = frozenset(s for s, text in flagged if text and ord(text) & FLAG_SUSPECT)
        return StoreSnapshot(ticks, suspects, _feed(_mapping(feed), now_ms))

    def _exchange(self, commands: Sequence[tuple[str, ...]]) -> list[Any]:
        if not commands:
            return []
        payload = b"".join(pack(*command) for command in commands)
        return checked(self._channel.exchange(payload, partial(ReplyList, len(commands))).values)


def _mapping(flat: list[str]) -> dict[str, str]:
    return dict(zip(flat[::2], flat[1::2], strict=True))


def _feed(fields: Mapping[str, str], now_ms: int) -> StoredFeed:
    if not fields:
        raise FeedDown("no collector has written here yet; start one: fastopts track")
    if fields.get("schema") != SCHEMA:
        raise StoreError(
            f"{keys.FEED} has schema {fields.get('schema')}; verify supports schema {SCHEMA} only"
        )
    try:
        return StoredFeed(
            now_ms=now_ms,
            venue=fields["venue"],
            epoch=str(int(fields["epoch"])),
            beat_age_ms=now_ms - int(fields["heartbeat_ms"]),
            beat_limit_ms=int(fields["heartbeat_limit_ms"]),
            silence_limit_ms=int(fields["watchdog_limit_ms"]),
            skew_ms=int(fields.get("skew_ms") or 0),
            assets=tuple(filter(None, fields.get("assets", "").split(","))),
            delivered_ms=_numbered(fields, "conn:"),
            lag_limit_ms=int(fields["late_limit_ms"]) if fields.get("late_limit_ms") else None,
            lags_ms=_numbered(fields, "lag:"),
        )
    except (KeyError, ValueError) as error:
        raise StoreError(f"{keys.FEED} has a malformed or missing field: {error!r}") from error


def _numbered(fields: Mapping[str, str], prefix: str) -> Mapping[str, int]:
    """The values of the fields with *prefix*, by what follows it: a number of a connection."""
    names = (name for name in fields if name.startswith(prefix))
    return {name.removeprefix(prefix): int(fields[name]) for name in names}


def _death(feed: StoredFeed) -> str:
    if feed.beat_age_ms == feed.now_ms:
        reason = "its collector has ended"  # a collector sets the heartbeat to 0 at its end
    else:
        reason = f"the last heartbeat is {feed.beat_age_ms / 1000:.1f} s old"
    return f"the feed of {feed.venue} is dead: {reason}; start a collector: fastopts track"
