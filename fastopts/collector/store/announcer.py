"""Whether changed records are announced: while somebody subscribes, and the server lets us."""

import asyncio
import logging
from typing import Any

from fastopts import keys
from fastopts.collector.operation.duties import Duty
from fastopts.collector.store.feed_status import HEARTBEAT_S
from fastopts.collector.store.redis_commands import Command
from fastopts.core import Batch
from fastopts.errors import StoreError
from fastopts.net.redis.pipeline import PipelineConnection
from fastopts.net.redis.resp import parsing_replies
from fastopts.session.refusals import Consequence, judge

__all__ = ("Announcer",)

log = logging.getLogger(__name__)

DENIED_AGAIN_S = 10.0


class Announcer:
    """Switches the publishing of *batch* on and off; asked at each heartbeat.

    `refusal` is the first word of the server's when it refuses: what a right denies now, another
    may allow a moment later, so it is tried again every DENIED_AGAIN_S.
    """

    def __init__(self, batch: Batch) -> None:
        self._batch = batch
        self._channel = ""
        self.refusal = ""
        self._again_at = 0.0
        self.announcing = Duty("announcing", HEARTBEAT_S, DENIED_AGAIN_S)

    def use(self, store: str) -> None:
        """Announce the records of *store* from now on."""
        channel = keys.updates(store)
        if channel != self._channel:
            self._batch.publishing = False
            self._channel = self._batch.channel = channel

    def questions(self) -> list[Command]:
        """What to ask the server, if anything; the reply is for `count`."""
        is_waiting = self.refusal and _now() < self._again_at
        return [] if is_waiting else [("PUBSUB", "NUMSUB", self._channel)]

    def count(self, reply: list[Any] | StoreError) -> None:
        """Hear how many subscribe."""
        if isinstance(reply, StoreError):
            self._refused(reply.reply)
        else:
            with parsing_replies():
                self._batch.publishing = reply[1] > 0

    async def pulse(self, channel: PipelineConnection) -> None:
        """Publish an empty message, so that subscribers notice a gap. Raises StoreUnavailable."""
        if self._batch.publishing:
            await self._pulse(channel)
        if not self.refusal or (not self._batch.publishing and _now() >= self._again_at):
            self.announcing.done()  # or nobody subscribes, as the server says

    async def _pulse(self, channel: PipelineConnection) -> None:
        [reply] = await channel.ask(("PUBLISH", self._channel, self._batch.pulse()))
        if isinstance(reply, StoreError):
            self._refused(reply.reply)
        elif self.refusal:
            self._allowed()

    def batch_over(self) -> None:
        """Look at what became of the last batch's messages."""
        if self._batch.publish_error is not None:
            self._refused(self._batch.publish_error)

    def forget(self) -> None:
        """Another connection: what was denied may be allowed now."""
        self._again_at = 0.0

    def _allowed(self) -> None:
        log.info("changed records are announced again")
        self.refusal = ""

    def _refused(self, words: str) -> None:
        self._batch.publishing = False
        if judge(words).consequence is Consequence.WAIT:
            return  # everything is refused now; the next heartbeat counts again
        self._again_at = _now() + DENIED_AGAIN_S
        if not self.refusal:
            log.warning(
                "changed records are not announced: %s (the ACL of this user needs"
                " +pubsub|numsub +publish &%s); tried again every %.0f s",
                *(words, keys.updates("*"), DENIED_AGAIN_S),
            )
        self.refusal = words.split(" ", 1)[0]


def _now() -> float:
    return asyncio.get_running_loop().time()
