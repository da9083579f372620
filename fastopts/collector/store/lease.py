"""Who may write: one collector at a time, each under a higher epoch than the one before.

The lease is a key that its holder renews. Whoever finds it free takes it, raises the epoch and ends
the connection of the former writer, all in one transaction that fails if anybody else did so since
the look. The former writer may only be asleep: what it wakes up to is a dead socket, and behind
that a lease that is no longer its own. No tick pays for this.

With the lease comes the store's identity: a random number that is made when a database is first
written and kept by its later collectors, also after a failover to a replica. The feed says in which
database it was made. A collector that finds the number of another database there works on a copy
(COPY, MOVE, SWAPDB, DUMP and RESTORE): it makes a new identity, and leaves the former writer, who
may be at work on the original, alone. So no two databases of a server have one identity.
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass

from fastopts import keys
from fastopts.collector.store.redis_commands import hset
from fastopts.contract import FeedField
from fastopts.errors import ConfigError, LeaseLost
from fastopts.net.redis.pipeline import PipelineConnection
from fastopts.net.redis.resp import checked, parsing_replies

__all__ = ("LEASE_MS", "Lease")

LEASE_MS = 2500  # renewed each second; a standby takes over within three
EPOCH_MAX = 2**32 - 1  # as far as a record's field goes
EPOCH_SPREAD = 2**24  # stores that are begun in the same second have different epochs
_CLAIM = (FeedField.EPOCH, FeedField.WRITER, FeedField.STORE, FeedField.DB)


@dataclass(slots=True)
class Lease:
    """Our claim on database *db* of one server. Before the first `take`, `epoch` is 0 and `store`,
    the identity of what is in the database, is empty."""

    db: int = 0
    epoch: int = 0
    store: str = ""
    _token: str = ""

    def __post_init__(self) -> None:
        self._token = secrets.token_hex(8)

    async def take(self, channel: PipelineConnection, run_id: str) -> bool:
        """Take the lease for *channel*; False while another collector holds it, or is taking it.

        Raises LeaseLost when another has written since we last did, StoreError for a refusal.
        """
        [*_, holder, client, feed, now] = checked(
            await channel.ask(
                ("UNWATCH",),
                ("WATCH", keys.LEASE, keys.FEED),
                ("GET", keys.LEASE),
                ("CLIENT", "ID"),
                ("HMGET", keys.FEED, *_CLAIM),
                ("TIME",),
            )
        )
        with parsing_replies():
            stored, former, now_s = _epoch(feed[0]), feed[1], int(now[0])
            is_copy = feed[3] not in (None, str(self.db))
            store = feed[2] if feed[2] and keys.is_store(feed[2]) and not is_copy else _identity()
            is_other_store = feed[2] is not None and store != self.store
        is_held = holder is not None and not self._is_ours(str(holder))
        if self.epoch and (is_held if is_other_store else stored > self.epoch):
            raise LeaseLost(f"another collector (epoch {stored}) has taken over: we stop writing")
        if is_held:
            return False
        epoch = self._next_epoch(stored, store, now_s)
        taken = checked(
            await channel.ask(
                ("MULTI",),
                ("SET", keys.LEASE, f"{epoch}:{client}:{self._token}", "PX", str(LEASE_MS)),
                *([] if is_copy else _end_of(former, run_id, client)),
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
        if taken is None:
            return False
        with parsing_replies():
            checked(taken)
        self.epoch, self.store = epoch, store
        return True

    def fields(self) -> Mapping[str, str]:
        """What the feed says of the store."""
        return {FeedField.STORE: self.store, FeedField.DB: str(self.db)}

    def renew_store(self) -> None:
        """The database was emptied: what is written from now on is another store."""
        self.store = _identity()

    def raise_epoch(self) -> None:
        """What we wrote under our epoch is not to be trusted any more."""
        self.epoch += 1

    def _next_epoch(self, stored: int, store: str, now_s: int) -> int:
        """The epoch to write under: ours, unless what another collector wrote may have it, too."""
        if self.epoch and (not stored or store == self.store):
            return self.epoch
        if self.epoch or stored:
            return max(self.epoch, stored) + 1
        return now_s + secrets.randbelow(EPOCH_SPREAD)

    async def is_free(self, channel: PipelineConnection) -> bool:
        """Whether nobody holds it now, or we do."""
        [holder] = checked(await channel.ask(("GET", keys.LEASE)))
        return holder is None or self._is_ours(str(holder))

    def renounce(self) -> None:
        """Another collector writes now: what comes next is a claim like anybody's."""
        self.epoch, self.store, self._token = 0, "", secrets.token_hex(8)

    def renewal(self) -> list[tuple[str, ...]]:
        """The commands that renew the lease; `check` reads the first's reply."""
        return [("GET", keys.LEASE), ("PEXPIRE", keys.LEASE, str(LEASE_MS))]

    def check(self, holder: object) -> bool:
        """Judge who holds the lease: us (True) or nobody (False). Raises LeaseLost for another."""
        if holder is None:
            return False
        if not isinstance(holder, str) or not self._is_ours(holder):
            raise LeaseLost("another collector has taken the lease: we stop writing")
        return True

    async def release(self, channel: PipelineConnection) -> None:
        """Give the lease back, so that the next collector need not wait for its end."""
        [holder] = await channel.ask(("GET", keys.LEASE))
        if isinstance(holder, str) and self._is_ours(holder):
            await channel.ask(("DEL", keys.LEASE))

    def _is_ours(self, holder: str) -> bool:
        return holder.endswith(":" + self._token)


def _identity() -> str:
    return secrets.token_hex(8)


def _end_of(former: str | None, run_id: str, client: int) -> list[tuple[str, ...]]:
    """The command that ends the *former* writer's connection, if it may be there."""
    same_run, _, number = (former or "").partition(":")
    # After a restart of the server its numbers start anew: the former's may be anyone's now.
    if same_run != run_id or not number or number == str(client):
        return []
    if not _is_number(number, 19):
        raise ConfigError(f"{keys.FEED} names a writer that is none: delete the key")
    # Without this right nothing keeps the former writer from writing.
    return [("CLIENT", "KILL", "ID", number)]


def _epoch(text: str | None) -> int:
    if text and not (_is_number(text, 10) and int(text) < EPOCH_MAX):
        raise ConfigError(
            f"{keys.FEED} holds the epoch {text[:40]!r}, which is none: delete the key"
        )
    return int(text or 0)


def _is_number(text: str, digits_max: int) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= digits_max
