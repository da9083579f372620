"""The listing in Redis: sets of symbols and contract terms, kept complete.

All of it is written on a new connection and every few hours, changes as they come. Once a minute it
is counted: what somebody else deleted or the server evicted is written again.
"""

import logging
from collections.abc import Callable, Iterable

from fastopts import keys
from fastopts.collector.limits import CollectorLimits
from fastopts.collector.operation.duties import Duty
from fastopts.collector.store.outage_log import DenialLog
from fastopts.collector.store.redis_commands import ListingCommand, census, delist, enlist
from fastopts.errors import StoreError
from fastopts.model import Instrument
from fastopts.net.redis.pipeline import PipelineConnection
from fastopts.session.refusals import Consequence, judge
from fastopts.venues.bybit import symbols

__all__ = ("ListingWriter",)

log = logging.getLogger(__name__)

# Bounds the duration of one exchange, during which no batch is flushed.
COMMANDS_PER_EXCHANGE = 1000


class ListingWriter:
    """Queues the commands that bring the listing up to date; `write` sends them."""

    def __init__(
        self,
        instruments: Callable[[], Iterable[Instrument]],
        now_ms: Callable[[], int],
        limits: CollectorLimits,
    ) -> None:
        self._instruments = instruments
        self._now_ms = now_ms
        self._limits = limits
        self._queue: list[ListingCommand] = []
        self._rewrite_at = self._count_at = 0.0
        self._foreign_keys: set[str] = set()
        every_s, within_s = limits.listing_count_every_s, limits.listing_count_within_s
        self.counting = Duty("listing", every_s, within_s, limits)
        self._denials = DenialLog(limits)

    def assets(self) -> tuple[str, ...]:
        """Return the assets that have listed symbols."""
        return tuple(sorted({instrument.asset for instrument in self._instruments()}))

    def rewrite(self, now: float) -> None:
        """Write everything with the next `write`: the server may know nothing."""
        self._queue = []
        self._rewrite_at = now

    def change(self, listed: Iterable[Instrument], delisted: Iterable[Instrument]) -> None:
        """Queue the commands for a change of the universe."""
        self._queue += enlist(listed, self._now_ms()) + delist(delisted)

    async def write(self, connection: PipelineConnection, now: float) -> bool:
        """Write what is queued or due; True when something was written.

        Raises StoreUnavailable, or StoreError when the server refuses everything: all is written
        again then.
        """
        if now >= self._rewrite_at:
            await self._queue_all(connection, now)
        elif not self._queue and now >= self._count_at:
            await self._count(connection, now)
        if not self._queue:
            return False
        try:
            while self._queue:
                await self._send_queue(connection, now)
        except StoreError:
            self._rewrite_at = now
            raise
        return True

    async def _count(self, connection: PipelineConnection, now: float) -> None:
        """Queue everything if some of it has vanished.

        A key that another program uses counts as present: it is never written.
        """
        self._count_at = now + self._limits.listing_count_every_s
        expected = census(self._instruments())
        commands = [command for command, _ in expected]
        replies = await connection.ask(*commands)
        self._denials.note("finding keys that Redis has lost", commands, replies, now)
        if not any(isinstance(reply, StoreError) and _is_denied(reply) for reply in replies):
            self.counting.done()
        if any(
            isinstance(reply, int) and reply < count
            for reply, (_, count) in zip(replies, expected, strict=True)
        ):
            log.warning("Redis has lost keys of the listing: all of it is written again")
            await self._queue_all(connection, now)

    async def _queue_all(self, connection: PipelineConnection, now: float) -> None:
        """Queue every set and all terms.

        Symbols that an outage or an earlier collector left in the sets are removed one by one: to
        delete the sets first would show readers an empty market for a moment.
        """
        commands = [("SMEMBERS", keys.asset(asset)) for asset in self.assets()]
        replies = await connection.ask(*commands) if commands else []
        self._denials.note("removing symbols that are no longer listed", commands, replies, now)
        stored: set[str] = set()
        for reply in replies:
            stored |= set(reply) if isinstance(reply, list) else set()
        listed = {instrument.symbol: instrument for instrument in self._instruments()}
        obsolete = filter(None, map(symbols.parse, stored - listed.keys()))
        self._queue = enlist(listed.values(), self._now_ms()) + delist(obsolete)
        self._rewrite_at = now + self._limits.listing_every_s
        self._count_at = now + self._limits.listing_count_every_s
        self.counting.done()

    async def _send_queue(self, connection: PipelineConnection, now: float) -> None:
        timeout_s = self._limits.exchange_within_s
        commands, self._queue = self._queue, []
        for start in range(0, len(commands), COMMANDS_PER_EXCHANGE):
            chunk = commands[start : start + COMMANDS_PER_EXCHANGE]
            replies = await connection.ask(*(c.command for c in chunk), timeout_s=timeout_s)
            foreign = self._find_foreign(chunk, replies)
            expiries = [
                ("EXPIRE", command.key, str(command.ttl_s))
                for command in chunk
                if command.ttl_s is not None and command.key not in foreign
            ]
            if expiries:
                expiry_replies = await connection.ask(*expiries, timeout_s=timeout_s)
                self._denials.note("setting the expiry of keys", expiries, expiry_replies, now)

    def _find_foreign(self, commands: list[ListingCommand], replies: list[object]) -> set[str]:
        """Return the keys that other programs use. Raises a refusal that concerns all keys."""
        foreign = set()
        for command, reply in zip(commands, replies, strict=True):
            if not isinstance(reply, StoreError):
                continue
            if judge(reply.reply).consequence is not Consequence.KEY:
                raise reply
            foreign.add(command.key)
            if command.key not in self._foreign_keys:
                log.warning("%s is not written: %s", command.key, reply)
                self._foreign_keys.add(command.key)
        return foreign


def _is_denied(error: StoreError) -> bool:
    return judge(error.reply).consequence is not Consequence.KEY
