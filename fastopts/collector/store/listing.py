"""What is listed, kept in Redis: the sets of symbols and the terms of contracts.

All of it is written on a new connection and every few hours; a change as it comes. Once a minute it
is counted: what somebody else removed is written again.
"""

import logging
from collections.abc import Callable, Iterable

from fastopts import keys
from fastopts.collector.operation.duties import Duty
from fastopts.collector.store import redis_commands as upkeep
from fastopts.collector.store.outage_log import DenialLog
from fastopts.collector.store.redis_commands import ListingCommand
from fastopts.errors import StoreError
from fastopts.model import Instrument
from fastopts.net.redis.pipeline import EXCHANGE_TIMEOUT_S, PipelineConnection
from fastopts.session.refusals import Consequence, judge
from fastopts.venues.bybit import symbols

__all__ = ("ListingWriter",)

log = logging.getLogger(__name__)

ALL_AGAIN_S = 6 * 3600.0
COUNT_AGAIN_S = 60.0
COUNT_WITHIN_S = 60.0
COMMANDS_AT_ONCE = 1000


class ListingWriter:
    """Owes the server what it has not of `instruments`; `keep_up` pays."""

    def __init__(
        self, instruments: Callable[[], Iterable[Instrument]], now_ms: Callable[[], int]
    ) -> None:
        self._instruments = instruments
        self._now_ms = now_ms
        self._orders: list[ListingCommand] = []
        self._all_at = self._count_at = 0.0
        self._left_alone: set[str] = set()
        self.counting = Duty("listing", COUNT_AGAIN_S, COUNT_WITHIN_S)
        self._denials = DenialLog()

    def assets(self) -> tuple[str, ...]:
        """Those that have listed symbols."""
        return tuple(sorted({instrument.asset for instrument in self._instruments()}))

    def owe_all(self, now: float) -> None:
        """The server may know nothing."""
        self._orders = []
        self._all_at = now

    def changed(self, listed: Iterable[Instrument], gone: Iterable[Instrument]) -> None:
        """Symbols came or went."""
        self._orders += upkeep.listed(listed, self._now_ms()) + upkeep.delisted(gone)

    async def keep_up(self, channel: PipelineConnection, now: float) -> bool:
        """Write what is owed; True when something was.

        Raises StoreUnavailable, and StoreError when the server refuses everything: all is owed
        again then.
        """
        if now >= self._all_at:
            await self._order_all(channel, now)
        elif not self._orders and now >= self._count_at:
            await self._count(channel, now)
        if not self._orders:
            return False
        try:
            while self._orders:
                await self._carry_out(channel, now)
        except StoreError:
            self._all_at = now
            raise
        return True

    async def _count(self, channel: PipelineConnection, now: float) -> None:
        """Order everything if some is gone. What is another program's is there, or no set."""
        self._count_at = now + COUNT_AGAIN_S
        wanted = upkeep.census(self._instruments())
        commands = [command for command, _ in wanted]
        replies = await channel.ask(*commands)
        self._denials.note("finding keys that Redis has lost", commands, replies, now)
        counted = zip(replies, wanted, strict=True)
        if not any(isinstance(reply, StoreError) and _is_denied(reply) for reply in replies):
            self.counting.done()
        if any(isinstance(found, int) and found < count for found, (_, count) in counted):
            log.warning("Redis has lost keys of what is listed: it is written again")
            await self._order_all(channel, now)

    async def _order_all(self, channel: PipelineConnection, now: float) -> None:
        """Every set and all terms; out of the sets goes what an outage or a former run left."""
        commands = [("SMEMBERS", keys.asset(asset)) for asset in self.assets()]
        replies = await channel.ask(*commands) if commands else []
        self._denials.note("removing what is no longer listed", commands, replies, now)
        held: set[str] = set()
        for reply in replies:
            held |= set(reply) if isinstance(reply, list) else set()
        listed = {instrument.symbol: instrument for instrument in self._instruments()}
        gone = filter(None, map(symbols.parse, held - listed.keys()))
        self._orders = upkeep.listed(listed.values(), self._now_ms()) + upkeep.delisted(gone)
        self._all_at, self._count_at = now + ALL_AGAIN_S, now + COUNT_AGAIN_S
        self.counting.done()

    async def _carry_out(self, channel: PipelineConnection, now: float) -> None:
        orders, self._orders = self._orders, []
        for at in range(0, len(orders), COMMANDS_AT_ONCE):
            chunk = orders[at : at + COMMANDS_AT_ONCE]
            replies = await channel.ask(*(o.command for o in chunk), timeout_s=EXCHANGE_TIMEOUT_S)
            foreign = self._foreign(chunk, replies)
            expiries = [
                ("EXPIRE", order.key, str(order.ttl_s))
                for order in chunk
                if order.ttl_s is not None and order.key not in foreign
            ]
            if expiries:
                answers = await channel.ask(*expiries, timeout_s=EXCHANGE_TIMEOUT_S)
                self._denials.note("setting the expiry of keys", expiries, answers, now)

    def _foreign(self, orders: list[ListingCommand], replies: list[object]) -> set[str]:
        """The keys that are another program's. Raises the refusal of everything."""
        foreign = set()
        for order, reply in zip(orders, replies, strict=True):
            if not isinstance(reply, StoreError):
                continue
            if judge(reply.reply).consequence is not Consequence.KEY:
                raise reply
            foreign.add(order.key)
            if order.key not in self._left_alone:
                log.warning("%s is left alone: %s", order.key, reply)
                self._left_alone.add(order.key)
        return foreign


def _is_denied(error: StoreError) -> bool:
    return judge(error.reply).consequence is not Consequence.KEY
