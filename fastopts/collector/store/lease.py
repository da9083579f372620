"""The right to write: one collector at a time, each under a higher epoch than the one before.

The lease is a key with an expiry that its holder renews. A collector that finds it free takes it,
raises the epoch and ends the connection of the former writer, all in one transaction that fails if
anybody else did so since the check. Ending the connection is what makes it safe: the former writer
may only have been suspended, and would go on with a half-sent batch. Without CLIENT KILL, 60 of 60
take-overs in a test saw stale writes; with it none. The former writer wakes up to a dead socket,
and behind that to a lease that is no longer its own. No tick pays for this, and no script is
needed.

With the lease comes the store's identity: a random number that is made when a database is first
written, and kept by later collectors, also after a failover to a replica. The feed says in which
database it was made. A collector that finds the identity of another database works on a copy (COPY,
MOVE, SWAPDB, DUMP and RESTORE): it makes a new identity, and does not end the former writer's
connection, as that may be at work on the original. Channels are per server and databases are not:
with one identity in two databases, mirrors of one would apply the announcements of the other.
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field

from fastopts import keys
from fastopts.collector.store.redis_commands import hset
from fastopts.contract import FeedField
from fastopts.errors import LeaseError, LeaseLost
from fastopts.net.redis.pipeline import PipelineConnection
from fastopts.net.redis.resp import checked, parsing_replies

__all__ = ("LEASE_MS", "Lease")

LEASE_MS = 2500  # renewed each second; a standby takes over within three
EPOCH_MAX = 2**32 - 1  # the epoch's field in a record
EPOCH_SPREAD = 2**24  # stores begun in the same second have different epochs
_CLAIM = (FeedField.EPOCH, FeedField.WRITER, FeedField.STORE, FeedField.DB)


@dataclass(slots=True)
class Lease:
    """This collector's claim on database *db* of one server.

    Before the first `take`, `epoch` is 0 and `store`, the identity of the data, is empty.
    """

    db: int = 0
    epoch: int = field(default=0, init=False)
    store: str = field(default="", init=False)
    _token: str = field(default_factory=lambda: secrets.token_hex(8), init=False)

    async def take(self, connection: PipelineConnection, run_id: str) -> bool:
        """Take the lease for *connection*; False while another collector holds or takes it.

        Raises LeaseLost when another one has written since this one last did, LeaseError for a
        malformed feed, StoreError for a refusal.
        """
        [*_, holder, client, feed, now] = checked(
            await connection.ask(
                ("UNWATCH",),
                ("WATCH", keys.LEASE, keys.FEED),
                ("GET", keys.LEASE),
                ("CLIENT", "ID"),
                ("HMGET", keys.FEED, *_CLAIM),
                ("TIME",),
            )
        )
        with parsing_replies():
            stored_epoch, former, now_s = _epoch(feed[0]), feed[1], int(now[0])
            is_copy = feed[3] not in (None, str(self.db))
            is_valid = feed[2] and keys.is_store(feed[2])
            store = feed[2] if is_valid and not is_copy else _new_identity()
            is_other_store = feed[2] is not None and store != self.store
        is_held = holder is not None and not self._is_ours(str(holder))
        if self.epoch and (is_held if is_other_store else stored_epoch > self.epoch):
            raise LeaseLost(
                f"another collector (epoch {stored_epoch}) has taken over: this one stops writing"
            )
        if is_held:
            return False
        epoch = self._next_epoch(stored_epoch, store, now_s)
        results = checked(
            await connection.ask(
                ("MULTI",),
                ("SET", keys.LEASE, f"{epoch}:{client}:{self._token}", "PX", str(LEASE_MS)),
                *([] if is_copy else _kill_of(former, run_id, client)),
                hset(
                    keys.FEED,
                    {
                        FeedField.EPOCH: str(epoch),
                        FeedField.WRITER: f"{run_id}:{client}",
                        FeedField.STORE: store,
                        FeedField.DB: str(self.db),
                    },
                ),
                ("EXEC",),
            )
        )[-1]
        if results is None:  # somebody else wrote the lease or the feed in between
            return False
        with parsing_replies():
            checked(results)
        self.epoch, self.store = epoch, store
        return True

    def fields(self) -> Mapping[str, str]:
        """Return the feed's fields about the store."""
        return {FeedField.STORE: self.store, FeedField.DB: str(self.db)}

    def renew_store(self) -> None:
        """Make a new identity: the database was emptied, what is written now is another store."""
        self.store = _new_identity()

    def raise_epoch(self) -> None:
        """Raise the epoch: records written under the present one must not count as live."""
        self.epoch += 1

    def _next_epoch(self, stored_epoch: int, store: str, now_s: int) -> int:
        """Return the present epoch, unless another collector may have written under it, too."""
        if self.epoch and (not stored_epoch or store == self.store):
            return self.epoch
        if self.epoch or stored_epoch:
            return max(self.epoch, stored_epoch) + 1
        return now_s + secrets.randbelow(EPOCH_SPREAD)

    async def is_free(self, connection: PipelineConnection) -> bool:
        """Whether nobody holds the lease, or this collector does."""
        [holder] = checked(await connection.ask(("GET", keys.LEASE)))
        return holder is None or self._is_ours(str(holder))

    def renounce(self) -> None:
        """Give up the claim for good: the next `take` is that of a newcomer."""
        self.epoch, self.store, self._token = 0, "", secrets.token_hex(8)

    def renewal(self) -> list[tuple[str, ...]]:
        """Return the commands that renew the lease; `check` judges the first one's reply."""
        return [("GET", keys.LEASE), ("PEXPIRE", keys.LEASE, str(LEASE_MS))]

    def check(self, holder: object) -> bool:
        """Return True if this collector holds the lease, False if nobody does.

        Raises LeaseLost if another one does.
        """
        if holder is None:
            return False
        if not isinstance(holder, str) or not self._is_ours(holder):
            raise LeaseLost("another collector has taken the lease: this one stops writing")
        return True

    async def release(self, connection: PipelineConnection) -> None:
        """Delete the lease, so that the next collector need not wait for its expiry."""
        [holder] = await connection.ask(("GET", keys.LEASE))
        if isinstance(holder, str) and self._is_ours(holder):
            await connection.ask(("DEL", keys.LEASE))

    def _is_ours(self, holder: str) -> bool:
        return holder.endswith(":" + self._token)


def _new_identity() -> str:
    return secrets.token_hex(8)


def _kill_of(former: str | None, run_id: str, client: int) -> list[tuple[str, ...]]:
    """Return the command that ends the *former* writer's connection, if it may still exist."""
    former_run, _, number = (former or "").partition(":")
    # A restarted server numbers its clients from 1 again: the former's id may be anyone's now.
    if former_run != run_id or not number or number == str(client):
        return []
    if not _is_number(number, 19):
        raise LeaseError(f"{keys.FEED} has a malformed `writer` field: delete the key")
    # Refused without the right to CLIENT KILL, which ends the start: nothing else would keep the
    # former writer from writing.
    return [("CLIENT", "KILL", "ID", number)]


def _epoch(text: str | None) -> int:
    if text and not (_is_number(text, 10) and int(text) < EPOCH_MAX):
        raise LeaseError(
            f"{keys.FEED} has a malformed `epoch` field ({text[:40]!r}): delete the key"
        )
    return int(text or 0)


def _is_number(text: str, digits_max: int) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= digits_max
