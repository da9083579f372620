"""Publication of changed records: on while anybody subscribes and the server allows it."""

import asyncio
import logging
from typing import Any

from fastopts import keys
from fastopts.collector.limits import CollectorLimits
from fastopts.collector.operation.duties import Duty
from fastopts.collector.store.redis_commands import Command
from fastopts.core import Batch
from fastopts.errors import StoreError
from fastopts.net.redis.pipeline import PipelineConnection
from fastopts.net.redis.resp import parsing_replies
from fastopts.session.refusals import Consequence, judge

__all__ = ("Announcer",)

log = logging.getLogger(__name__)


class Announcer:
    """Switches the publishing of *batch* on and off, by the subscribers counted per heartbeat.

    `refusal` is the first word of the server's refusal, empty for none. A right that is denied now
    may be granted a moment later, so refused announcements are tried again every `denied_again_s`.
    """

    def __init__(self, batch: Batch, limits: CollectorLimits) -> None:
        self._batch = batch
        self._limits = limits
        self._channel = ""
        self.refusal = ""
        self._again_at = 0.0
        self.announcing = Duty("announcing", limits.heartbeat_s, limits.denied_again_s, limits)

    def use(self, store: str) -> None:
        """Announce on the channel of *store* from now on."""
        channel = keys.updates(store)
        if channel != self._channel:
            self._batch.publishing = False
            self._channel = self._batch.channel = channel

    def count_command(self) -> Command | None:
        """Return the command that counts subscribers; its reply is for `process_count`.

        None while a refusal is too recent to try again.
        """
        is_waiting = self.refusal and _now() < self._again_at
        return None if is_waiting else ("PUBSUB", "NUMSUB", self._channel)

    def process_count(self, reply: list[Any] | StoreError) -> None:
        """Process the reply with the number of subscribers."""
        if isinstance(reply, StoreError):
            self._refused(reply.reply)
        else:
            # Messages that nobody receives would cost their encoding and the server's time.
            with parsing_replies():
                self._batch.publishing = reply[1] > 0

    async def pulse(self, connection: PipelineConnection) -> None:
        """Publish an empty sequence number, so that subscribers can detect gaps.

        Without it a subscriber would not notice the loss of the last message before a quiet time.
        Raises StoreUnavailable.
        """
        if self._batch.publishing:
            await self._pulse(connection)
        if not self.refusal or (not self._batch.publishing and _now() >= self._again_at):
            self.announcing.done()  # it was sent, or the server says that nobody subscribes

    async def _pulse(self, connection: PipelineConnection) -> None:
        [reply] = await connection.ask(("PUBLISH", self._channel, self._batch.pulse()))
        if isinstance(reply, StoreError):
            self._refused(reply.reply)
        elif self.refusal:
            log.info("changed records are announced again")
            self.refusal = ""

    def check_batch(self) -> None:
        """Process a refusal of the last batch's announcements."""
        if self._batch.publish_error is not None:
            self._refused(self._batch.publish_error)

    def reset(self) -> None:
        """Try again at once: the connection is new, and the right may have been granted."""
        self._again_at = 0.0

    def _refused(self, reply: str) -> None:
        self._batch.publishing = False
        if judge(reply).consequence is Consequence.WAIT:
            return  # a state in which everything is refused; the next heartbeat counts again
        again_s = self._limits.denied_again_s
        self._again_at = _now() + again_s
        if not self.refusal:
            log.warning(
                "changed records are not announced: %s (the ACL of this user needs"
                " +pubsub|numsub +publish &%s); retried every %.0f s",
                reply,
                keys.updates("*"),
                again_s,
            )
        self.refusal = reply.split(" ", 1)[0]


def _now() -> float:
    return asyncio.get_running_loop().time()
