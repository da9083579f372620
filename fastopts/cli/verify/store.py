"""What stands in Redis, read by the words of docs/contract.md alone."""

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

TIMEOUT_S: Final = 5.0
SCHEMA: Final = "1"
FLAGS_AT: Final = ("2", "2")  # in a record: the lower byte of its flags
FLAG_SUSPECT: Final = 8

Tick = Mapping[str, str]  # a hash


@dataclass(frozen=True, slots=True)
class StoredFeed:
    """What the hash of the feed says at *now_ms* of the server's clock."""

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
        return abs(self.beat_age_ms) <= self.beat_limit_ms

    @property
    def venue_ms(self) -> int:
        """The venue's clock."""
        return self.now_ms + self.skew_ms

    @property
    def silent(self) -> list[str]:
        """The open connections that have delivered nothing of late, or what is too late."""
        return [conn for conn in self.delivered_ms if not self._delivers(conn)]

    def is_live(self, symbol: str, origin: str) -> bool:
        """Whether a tick of *symbol* from *origin*, `epoch:conn`, is live."""
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
    """Some ticks, which of them are marked as suspect, and the feed just after them."""

    ticks: Mapping[str, Tick]
    suspects: frozenset[str]
    feed: StoredFeed

    def live(self, symbol: str) -> Tick | None:
        """The tick of *symbol*; None when it is not live."""
        tick = self.ticks[symbol]
        is_live = symbol not in self.suspects and self.feed.is_live(symbol, tick.get("cn", ""))
        return tick if is_live else None


class StoreClient:
    """The Redis at *address*. Every call raises StoreError when it can't answer."""

    def __init__(self, address: Address) -> None:
        self._channel = BlockingConnection(address, TIMEOUT_S)

    def close(self) -> None:
        self._channel.close()

    def feed(self) -> StoredFeed:
        """The feed. Raises FeedDown when no collector is alive, or none was ever here."""
        feed = self.ticks([]).feed
        if not feed.is_alive:
            raise FeedDown(_last_words(feed))
        return feed

    def ticks(self, of: Sequence[str]) -> StoreSnapshot:
        """The hashes of these symbols."""
        return self._moment(of, ("HGETALL",), _mapping)

    def conns(self, of: Sequence[str]) -> StoreSnapshot:
        """Of these symbols no more than who delivered them."""
        return self._moment(of, ("HMGET", "cn"), lambda told: {"cn": told[0] or ""})

    def listed(self, assets: Iterable[str]) -> list[str]:
        """The symbols of these assets."""
        sets = self._ask([("SMEMBERS", keys.asset(asset)) for asset in assets])
        return sorted(symbol for members in sets for symbol in members)

    def counters(self) -> Mapping[str, int]:
        [told] = self._ask([("HGETALL", keys.STATS)])
        return {name: int(text) for name, text in _mapping(told).items() if text.isdecimal()}

    def _moment(
        self, of: Sequence[str], asked: tuple[str, ...], read: Callable[[list[str]], Tick]
    ) -> StoreSnapshot:
        """Ask for ticks, then for the feed: no value is newer than what the feed says of it."""
        command, *fields = asked
        hashes = [(command, keys.option(symbol), *fields) for symbol in of]
        flags = [("GETRANGE", keys.record(symbol), *FLAGS_AT) for symbol in of]
        *told, feed, time = self._ask([*hashes, *flags, ("HGETALL", keys.FEED), ("TIME",)])
        now_ms = int(time[0]) * 1000 + int(time[1]) // 1000
        ticks = dict(zip(of, map(read, told[: len(of)]), strict=True))
        marked = zip(of, told[len(of) :], strict=True)
        suspects = frozenset(s for s, text in marked if text and ord(text) & FLAG_SUSPECT)
        return StoreSnapshot(ticks, suspects, _feed(_mapping(feed), now_ms))

    def _ask(self, commands: Sequence[tuple[str, ...]]) -> list[Any]:
        if not commands:
            return []
        payload = b"".join(pack(*words) for words in commands)
        return checked(self._channel.exchange(payload, partial(ReplyList, len(commands))).values)


def _mapping(flat: list[str]) -> dict[str, str]:
    return dict(zip(flat[::2], flat[1::2], strict=True))


def _feed(told: Mapping[str, str], now_ms: int) -> StoredFeed:
    if not told:
        raise FeedDown("no collector has written here yet; start one: fastopts track")
    if told.get("schema") != SCHEMA:
        raise StoreError(f"{keys.FEED} has schema {told.get('schema')}: this judges {SCHEMA} alone")
    try:
        return StoredFeed(
            now_ms,
            told["venue"],
            str(int(told["epoch"])),
            now_ms - int(told["heartbeat_ms"]),
            int(told["heartbeat_limit_ms"]),
            int(told["watchdog_limit_ms"]),
            int(told.get("skew_ms") or 0),
            tuple(filter(None, told.get("assets", "").split(","))),
            {name[5:]: int(at) for name, at in told.items() if name.startswith("conn:")},
            int(told["late_limit_ms"]) if told.get("late_limit_ms") else None,
            {name[4:]: int(lag) for name, lag in told.items() if name.startswith("lag:")},
        )
    except (KeyError, ValueError) as error:
        raise StoreError(f"{keys.FEED} is not as a collector writes it: {error!r}") from error


def _last_words(feed: StoredFeed) -> str:
    if feed.beat_age_ms == feed.now_ms:
        why = "its collector has ended"
    else:
        why = f"the last heartbeat is {feed.beat_age_ms / 1000:.1f} s old"
    return f"the feed of {feed.venue} is dead: {why}; start a collector: fastopts track"
