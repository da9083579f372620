"""Checks of Redis and of the feed in it. They write nothing."""

import re
import time
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from fastopts import keys
from fastopts.cli.doctor import rights
from fastopts.cli.doctor.check import Check, Finding, green, red, yellow
from fastopts.cli.doctor.clock import judge_clock
from fastopts.cli.output.collector_health import CollectorHealth
from fastopts.errors import StoreError, StoreUnavailable, WrongVenue
from fastopts.net.redis.address import Address
from fastopts.net.redis.blocking import BlockingConnection
from fastopts.net.redis.info import VERSION_MIN, is_cluster, may_evict, parse_info
from fastopts.net.redis.resp import ReplyList, checked, pack
from fastopts.net.threads import in_daemon_thread
from fastopts.net.tls import TlsFault
from fastopts.session.clocks import wall_ms
from fastopts.session.refusals import judge

if TYPE_CHECKING:
    from fastopts.reader.freshness.feed_state import FeedState

__all__ = ("StoreChecks",)

TIMEOUT_S: Final = 3.0
COVERED_ENOUGH: Final = 0.99  # options listed in the last minutes may not have ticked yet
MEMORY_ENOUGH: Final = 0.9  # of maxmemory: with noeviction, writes fail at its end

_START_ONE: Final = "start a collector: fastopts track"
_SEE_COLLECTOR_LOG: Final = "see the log of the collector"
_COMMAND: Final = re.compile(r"'([\w|-]+)' command")
_SEE_SERVER_LOG: Final = "try again; if it persists, see the log of the server"
_NOT_REDIS: Final = "this is not a Redis: check host and port of --redis-url"
_AUTH: Final = "set REDIS_PASSWORD, or put the password, percent-encoded, into --redis-url"


class StoreChecks:
    """The checks of the Redis at *address*, which should hold the data of *venue*."""

    def __init__(self, address: Address, venue: str) -> None:
        self._address = address
        self._venue = venue
        self._channel = BlockingConnection(address, TIMEOUT_S)
        self._info: Mapping[str, str] = {}

    def checks(self) -> list[Check]:
        """Return the checks in the order in which they depend on each other."""
        return [
            Check("redis", self._reach),
            Check("reading", self._reading, _SEE_SERVER_LOG, ("redis",)),
            Check("writing", self._writing, _SEE_SERVER_LOG, ("redis",)),
            Check("memory", self._memory, needs=("redis",)),
            Check("persistence", self._persistence, needs=("redis",)),
            Check(
                "feed",
                self._feed,
                "see which program wrote the key fastopts:feed",
                ("redis", "core"),
            ),
            Check("universe", self._universe, "see which program wrote the key stats", ("redis",)),
            Check("clock", self._clock, needs=("redis",)),
        ]

    def close(self) -> None:
        """Close the connection."""
        self._channel.close()

    async def _ask(self, *commands: tuple[str, ...]) -> list[Any]:
        payload = b"".join(pack(*command) for command in commands)
        replies = partial(ReplyList, len(commands), is_raw=True)
        # blocking, in a thread: the asyncio connection needs the core, which may be missing
        answer = await in_daemon_thread(lambda: self._channel.exchange(payload, replies))
        return checked(answer.values)

    async def _reach(self) -> Finding:
        try:
            [info] = await self._ask(("INFO",))
        except StoreError as error:
            return red(str(error), self._remedy(error))
        self._info = parse_info(info.decode())
        return self._judge_server()

    async def _reading(self) -> Finding:
        return await in_daemon_thread(lambda: rights.try_reading(self._address, self._info))

    async def _writing(self) -> Finding:
        return await in_daemon_thread(lambda: rights.try_writing(self._address, self._info))

    def _remedy(self, error: StoreError) -> str:
        if isinstance(error, StoreUnavailable):
            if isinstance(error.__cause__, TlsFault):
                return error.__cause__.remedy
            return f"start a Redis at {self._address}, or use another with --redis-url"
        if error.reply.startswith("NOPERM"):
            command = _COMMAND.search(error.reply)
            right = command[1] if command else "info"
            return f"ACL SETUSER {self._address.username or 'default'} +{right}"
        if error.reply.startswith(("NOAUTH", "WRONGPASS", "ERR AUTH", "ERR invalid password")):
            return _AUTH
        if "unknown command" in error.reply:
            return "the server has renamed or disabled the command: remove its rename-command"
        return judge(error.reply).remedy if error.reply else _NOT_REDIS

    def _judge_server(self) -> Finding:
        info = self._info
        name = info.get("server_name", "redis").capitalize()
        version = info.get("redis_version", "0")
        summary = f"{self._address}: {name} {info.get('valkey_version', version)}"
        if is_cluster(info):
            return red(f"{summary}, a cluster node", "use a server that is not one: --redis-url")
        if tuple(int(part) for part in version.split(".")[:2]) < VERSION_MIN:
            least = ".".join(map(str, VERSION_MIN))
            return red(f"{summary} is too old", f"install Redis {least} or later, or any Valkey")
        return green(summary)

    async def _memory(self) -> Finding:
        info = self._info
        used, most = int(info["used_memory"]), int(info.get("maxmemory", "0"))
        policy = info.get("maxmemory_policy", "noeviction")
        summary = f"{_megabytes(used)} used of {_megabytes(most)}" if most else _megabytes(used)
        if may_evict(info):
            evicted = int(info.get("evicted_keys", "0"))
            # an evicted key is an option that readers no longer find
            remedy = "redis-cli CONFIG SET maxmemory-policy noeviction, and in redis.conf"
            if evicted:
                return red(f"{summary}, {policy}: {evicted:,} keys evicted so far", remedy)
            return yellow(f"{summary}, {policy} may evict quotes", remedy)
        if most and used > MEMORY_ENOUGH * most:
            return yellow(f"{summary}: writes will fail soon", "raise maxmemory")
        return green(f"{summary}, no eviction")

    async def _persistence(self) -> Finding:
        info = self._info
        if "err" in (info.get("rdb_last_bgsave_status"), info.get("aof_last_write_status")):
            return yellow("its last save failed: it may refuse writes", "free space on its disk")
        # quotes are of use for seconds, and thousands of them a second would go to disk
        if info.get("aof_enabled") == "1":
            return yellow(
                "every tick is also written to disk (appendonly yes)",
                "redis-cli CONFIG SET appendonly no: after a restart the venue sends all quotes",
            )
        return green("no append-only file")

    async def _feed(self) -> Finding:
        # imported here: the reader needs the core, which the check before this one has found
        from fastopts.reader.freshness.feed import parse_feed
        from fastopts.reader.freshness.feed_state import FeedState
        from fastopts.reader.freshness.moment import Moment

        try:
            pairs, now = await self._ask(("HGETALL", keys.FEED), ("TIME",))
        except StoreError as error:
            if not error.reply.startswith("NOPERM"):
                raise
            return yellow(
                f"this user may not read the feed: {error}", "run doctor as the readers' user"
            )
        if not pairs:
            return yellow("no collector has written here yet", _START_ONE)
        try:
            feed = parse_feed(pairs, self._venue)
        except WrongVenue as error:
            return red(str(error), "use another server or database with --redis-url")
        return _judge_feed(FeedState(Moment(feed, _ms(now), {})))

    async def _universe(self) -> Finding:
        [stats] = await self._ask(("HGETALL", keys.STATS))
        texts = [str(each, "utf-8", "replace") for each in stats]
        health = CollectorHealth.of(dict(zip(texts[::2], texts[1::2], strict=True)))
        faults = [text.plain for label, text in health.rows() if label not in ("coins", "duties")]
        if health.overdue:
            faults.append(f"overdue: {', '.join(health.overdue)}")
        coins = f"coins {', '.join(health.coins)}" if health.coins else "coins unknown"
        if faults:
            return yellow(f"{coins}: {'; '.join(faults)}", _SEE_COLLECTOR_LOG)
        return green(f"{coins}: all listed options are collected")

    async def _clock(self) -> Finding:
        before_ms, began = wall_ms(), time.monotonic()
        [now] = await self._ask(("TIME",))
        trip_ms = (time.monotonic() - began) * 1000
        return judge_clock("Redis", _ms(now) - before_ms - trip_ms / 2, trip_ms)


def _judge_feed(feed: "FeedState") -> Finding:
    """The most serious fault of the feed, or that there is none."""
    if feed.down is not None:
        return red(f"{feed.venue}: {feed.down}", _START_ONE)
    summary = f"{feed.venue}: alive, {feed.covered:,} of {feed.wanted:,} symbols"
    if feed.late:
        worst_s = max((feed.lag_s.get(conn, 0.0) for conn in feed.late), default=0.0)
        lag = f", by up to {worst_s:.1f} s" if worst_s else ""
        summary += f", {len(feed.late)} of {len(feed.conns)} connections late{lag}"
        level = red if len(feed.late) == len(feed.conns) else yellow
        return level(
            summary,
            "readers refuse their data; check the bandwidth and the buffers between the venue and"
            " the collector, which replaces connections that stay late",
        )
    if feed.muted:
        summary += f", {len(feed.muted)} of {len(feed.conns)} connections silent"
        return yellow(summary, f"wait for a reconnect; without one, {_SEE_COLLECTOR_LOG}")
    if not 0 < COVERED_ENOUGH * feed.wanted <= feed.covered:
        return yellow(summary, f"wait a minute after a start; then {_SEE_COLLECTOR_LOG}")
    if feed.lag_s:
        lag_ms = max(0.0, *feed.lag_s.values()) * 1000  # below 0: within the error of the clock
        summary += f", at most {lag_ms:.0f} ms behind the venue"
    summary += f", venue {feed.skew_ms:+d} ms from Redis"
    if feed.skew_is_large:
        return yellow(summary, "synchronise the clock of the Redis host with NTP")
    return green(summary)


def _ms(time_reply: list[bytes]) -> int:
    return int(time_reply[0]) * 1000 + int(time_reply[1]) // 1000


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.0f} MB"
