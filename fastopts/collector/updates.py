"""Whether changed records are announced: while somebody subscribes, and the server lets us."""

import logging
from typing import Any

from fastopts import keys
from fastopts.collector.upkeep import Command
from fastopts.core import Batch
from fastopts.errors import StoreError
from fastopts.net.channel import Channel
from fastopts.net.resp import understood
from fastopts.session.refusals import Consequence, judge

__all__ = ("Updates",)

log = logging.getLogger(__name__)


class Updates:
    """Switches the publishing of *batch* on and off; asked at each heartbeat."""

    def __init__(self, batch: Batch) -> None:
        self._batch = batch
        self._is_denied = False
        self._is_told = False

    def questions(self) -> list[Command]:
        """What to ask the server, if anything; the reply is for `count`."""
        return [] if self._is_denied else [("PUBSUB", "NUMSUB", keys.UPDATES)]

    def count(self, reply: list[Any] | StoreError) -> None:
        """Hear how many subscribe."""
        if isinstance(reply, StoreError):
            self._refused(reply.reply)
        else:
            with understood():
                self._batch.publishing = reply[1] > 0

    async def pulse(self, channel: Channel) -> None:
        """Tell subscribers that they are told of everything. Raises StoreUnavailable."""
        if not self._batch.publishing:
            return
        [reply] = await channel.ask(("PUBLISH", keys.UPDATES, self._batch.pulse()))
        if isinstance(reply, StoreError):
            self._refused(reply.reply)

    def batch_over(self) -> None:
        """Look at what became of the last batch's messages."""
        if self._batch.publish_error is not None:
            self._refused(self._batch.publish_error)

    def forget(self) -> None:
        """Another connection: what was denied may be allowed now."""
        self._is_denied = False

    def _refused(self, words: str) -> None:
        self._batch.publishing = False
        if judge(words).consequence is Consequence.WAIT:
            return  # everything is refused now; the next heartbeat counts again
        self._is_denied = True
        if not self._is_told:
            log.warning(
                "changed records are not announced: %s (the ACL of this user needs"
                " +pubsub|numsub +publish &%s)",
                words,
                keys.UPDATES,
            )
            self._is_told = True
