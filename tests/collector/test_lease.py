"""One writer at a time, over a real Valkey."""

from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager
from typing import Any, cast

import pytest

from fastopts import keys
from fastopts.collector.store.lease import EPOCH_SPREAD, Lease
from fastopts.embedded import EmbeddedValkey
from fastopts.errors import LeaseError, LeaseLost, StoreError, StoreUnavailable
from fastopts.net.redis import pipeline as channel
from fastopts.net.redis.address import Address
from fastopts.net.redis.pipeline import PipelineConnection
from fastopts.net.redis.resp import ReplyList, pack


@pytest.fixture
def valkey() -> Iterator[EmbeddedValkey]:
    with EmbeddedValkey() as server:
        yield server


@asynccontextmanager
async def connected(valkey: EmbeddedValkey) -> AsyncIterator[PipelineConnection]:
    opened = await channel.connect(Address("127.0.0.1", valkey.port), None, 5.0)
    try:
        yield opened
    finally:
        opened.abort()
        await opened.closed.wait()


async def run_id(opened: PipelineConnection) -> str:
    [info] = await opened.ask(("INFO", "server"))
    return str(info).split("run_id:")[1].split("\r\n")[0]


async def test_the_first_takes_it_and_the_second_waits(valkey: EmbeddedValkey) -> None:
    async with connected(valkey) as one, connected(valkey) as two:
        run = await run_id(one)
        first, second = Lease(), Lease()
        assert await first.take(one, run)
        assert await first.take(one, run)
        assert not await second.take(two, run)
        [holder, ttl_ms, epoch] = await one.ask(
            ("GET", keys.LEASE), ("PTTL", keys.LEASE), ("HGET", keys.FEED, "epoch")
        )
        [client] = await one.ask(("CLIENT", "ID"))
        assert holder.startswith(f"{first.epoch}:{client}:")
        assert 0 < ttl_ms <= 2500
        assert epoch == str(first.epoch)
        await second.release(two)
        assert (await one.ask(("EXISTS", keys.LEASE))) == [1]
        await first.release(one)
        assert await second.take(two, run)
        assert second.epoch > first.epoch


async def test_a_taker_ends_the_connection_of_the_former_writer_which_then_stops(
    valkey: EmbeddedValkey,
) -> None:
    async with connected(valkey) as one, connected(valkey) as two:
        run = await run_id(one)
        sleeper, taker = Lease(), Lease()
        assert await sleeper.take(one, run)
        await two.ask(("DEL", keys.LEASE))  # it ran out while its holder slept
        assert await taker.take(two, run)
        with pytest.raises(StoreUnavailable):
            await one.ask(("SET", "option:x", "1"))
        async with connected(valkey) as again:
            with pytest.raises(LeaseLost, match=f"epoch {taker.epoch}"):
                await sleeper.take(again, run)


async def test_a_writer_whose_lease_ran_out_unnoticed_takes_it_again(
    valkey: EmbeddedValkey,
) -> None:
    async with connected(valkey) as one:
        run = await run_id(one)
        lease = Lease()
        assert await lease.take(one, run)
        epoch = lease.epoch
        [held, _] = await one.ask(*lease.renewal())
        assert lease.check(held)
        await one.ask(("DEL", keys.LEASE))
        [held, _] = await one.ask(*lease.renewal())
        assert not lease.check(held)
        assert await lease.take(one, run)
        assert lease.epoch == epoch


async def test_another_holder_is_noticed_at_the_renewal(valkey: EmbeddedValkey) -> None:
    async with connected(valkey) as one, connected(valkey) as two:
        run = await run_id(one)
        lease = Lease()
        assert await lease.take(one, run)
        await two.ask(("SET", keys.LEASE, "9999999999:7:other"))
        [held, _] = await one.ask(*lease.renewal())
        with pytest.raises(LeaseLost):
            lease.check(held)


async def test_the_epoch_rises_above_a_stored_one_and_above_one_that_was_wiped(
    valkey: EmbeddedValkey,
) -> None:
    async with connected(valkey) as one:
        run = await run_id(one)
        await one.ask(("HSET", keys.FEED, "epoch", "4000000000"))
        ahead = Lease()
        assert await ahead.take(one, run)
        assert ahead.epoch == 4_000_000_001
        await one.ask(("FLUSHALL",))
        [now] = await one.ask(("TIME",))
        fresh = Lease()
        assert await fresh.take(one, run)
        assert int(now[0]) <= fresh.epoch <= int(now[0]) + EPOCH_SPREAD + 1


async def feed_of(opened: PipelineConnection) -> dict[str, str]:
    [flat] = await opened.ask(("HGETALL", keys.FEED))
    return dict(zip(flat[::2], flat[1::2], strict=True))


async def test_stores_that_begin_in_one_second_have_identities_and_epochs_of_their_own(
    valkey: EmbeddedValkey,
) -> None:
    async with connected(valkey) as opened:
        run = await run_id(opened)
        leases = []
        for db in range(8):
            await opened.ask(("SELECT", str(db)))
            leases.append(Lease(db))
            assert await leases[-1].take(opened, run)
            feed = await feed_of(opened)
            assert (feed["store"], feed["db"]) == (leases[-1].store, str(db))
        assert all(keys.is_store(lease.store) for lease in leases)
        assert len({lease.store for lease in leases}) == 8
        assert len({lease.epoch for lease in leases}) == 8


async def test_later_collectors_keep_the_identity_and_an_emptied_database_has_another(
    valkey: EmbeddedValkey,
) -> None:
    async with connected(valkey) as opened:
        run = await run_id(opened)
        first = Lease()
        assert await first.take(opened, run)
        await opened.ask(("DEL", keys.LEASE))
        second = Lease()
        assert await second.take(opened, "another-run")  # as behind a failover
        assert second.store == first.store
        assert second.epoch == first.epoch + 1
        await opened.ask(("FLUSHDB",))
        third = Lease()
        assert await third.take(opened, run)
        assert third.store != first.store
        await opened.ask(("HSET", keys.FEED, "store", "no identity"), ("DEL", keys.LEASE))
        fourth = Lease()
        assert await fourth.take(opened, run)
        assert keys.is_store(fourth.store)


@pytest.mark.parametrize("way", ["COPY", "MOVE", "SWAPDB", "RESTORE"])
async def test_a_copied_database_gets_an_identity_of_its_own_and_the_originals_writer_lives_on(
    valkey: EmbeddedValkey, way: str
) -> None:
    async with connected(valkey) as one, connected(valkey) as two:
        run = await run_id(one)
        original, taker = Lease(0), Lease(1)
        assert await original.take(one, run)
        if way == "COPY":
            assert await one.ask(("COPY", keys.FEED, keys.FEED, "DB", "1")) == [1]
        elif way == "MOVE":
            assert await one.ask(("MOVE", keys.FEED, "1")) == [1]
        elif way == "SWAPDB":
            assert await one.ask(("SWAPDB", "0", "1"), ("DEL", keys.LEASE)) == ["OK", 0]
        else:
            [dump] = (await raw(valkey, "DUMP", keys.FEED)).values
            await two.ask(("SELECT", "1"), ("RESTORE", keys.FEED, "0", dump))
        await two.ask(("SELECT", "1"), ("DEL", keys.LEASE))
        assert (await feed_of(two))["store"] == original.store
        assert await taker.take(two, run)
        assert taker.store != original.store
        assert taker.epoch != original.epoch
        assert await one.ask(("PING",)) == ["PONG"]  # its client was not killed


async def raw(valkey: EmbeddedValkey, *words: str) -> ReplyList:
    """The reply as bytes: a dump is no text."""
    async with connected(valkey) as opened:
        replies = ReplyList(1, is_raw=True)
        await opened.exchange(pack(*words), replies, 5.0)
        return replies


async def test_a_writer_that_comes_back_to_another_store_raises_its_epoch_or_stops(
    valkey: EmbeddedValkey,
) -> None:
    async with connected(valkey) as one, connected(valkey) as two:
        run = await run_id(one)
        lease, other = Lease(), Lease()
        assert await lease.take(one, run)
        await one.ask(("FLUSHALL",))
        assert await other.take(two, run)
        with pytest.raises(LeaseLost):  # whichever epoch is the higher
            await lease.take(one, run)
        await two.ask(("DEL", keys.LEASE))
        assert await lease.take(one, run)
        assert lease.store == other.store
        assert lease.epoch > other.epoch


async def test_after_a_restart_of_the_server_no_innocent_client_is_killed(
    valkey: EmbeddedValkey,
) -> None:
    async with connected(valkey) as one, connected(valkey) as two:
        [victim] = await two.ask(("CLIENT", "ID"))
        await one.ask(("HSET", keys.FEED, "epoch", "5", "writer", f"another-run:{victim}"))
        assert await Lease().take(one, await run_id(one))
        assert await two.ask(("PING",)) == ["PONG"]


class Slow:
    """A channel whose owner falls asleep behind its first exchange: *meanwhile* happens then."""

    def __init__(
        self, channel: PipelineConnection, meanwhile: Callable[[], Coroutine[Any, Any, object]]
    ) -> None:
        self._channel = channel
        self._meanwhile = [meanwhile]

    async def ask(self, *commands: tuple[str, ...]) -> list[Any]:
        replies = await self._channel.ask(*commands)
        if self._meanwhile:
            await self._meanwhile.pop()()
        return replies


@pytest.mark.parametrize("is_first", [True, False])
async def test_a_collector_suspended_between_check_and_claim_claims_nothing(
    valkey: EmbeddedValkey, is_first: bool
) -> None:
    async with connected(valkey) as one, connected(valkey) as two:
        run = await run_id(one)
        sleeper, taker = Lease(), Lease()
        if not is_first:
            assert await sleeper.take(one, run)
            await one.ask(("DEL", keys.LEASE))  # it ran out
        async with connected(valkey) as again:
            slow = Slow(again, lambda: taker.take(two, run))
            assert not await sleeper.take(cast("PipelineConnection", slow), run)
            feed = await two.ask(("HMGET", keys.FEED, "epoch", "writer"))
            assert feed == [[str(taker.epoch), f"{run}:{await number_of(two)}"]]
            held = await two.ask(("GET", keys.LEASE))
            assert taker.check(held[0])


async def number_of(channel: PipelineConnection) -> int:
    [number] = await channel.ask(("CLIENT", "ID"))
    return int(number)


ALL_BUT_KILL = ("ACL", "SETUSER", "default", "-client|kill")


async def test_without_the_right_to_end_the_former_writers_connection_there_is_no_takeover(
    valkey: EmbeddedValkey,
) -> None:
    async with connected(valkey) as one, connected(valkey) as two:
        run = await run_id(one)
        sleeper, taker = Lease(), Lease()
        assert await sleeper.take(one, run)
        await two.ask(("DEL", keys.LEASE))  # it ran out while its holder slept
        assert await two.ask(ALL_BUT_KILL) == ["OK"]
        before = await two.ask(("HGETALL", keys.FEED))
        with pytest.raises(StoreError, match=r"client\|kill"):
            await taker.take(two, run)
        assert await two.ask(("HGETALL", keys.FEED)) == before
        assert await one.ask(("PING",)) == ["PONG"]


async def test_a_former_writer_that_is_gone_needs_no_ending(valkey: EmbeddedValkey) -> None:
    async with connected(valkey) as two:
        run = await run_id(two)
        async with connected(valkey) as one:
            former = Lease()
            assert await former.take(one, run)
        [number] = await two.ask(("HGET", keys.FEED, "writer"))
        await two.ask(("CLIENT", "KILL", "ID", number.partition(":")[2]), ("DEL", keys.LEASE))
        taker = Lease()
        assert await taker.take(two, run)
        assert taker.epoch > former.epoch


@pytest.mark.parametrize(
    "epoch",
    [
        *("x", "-1", "1.5", " 7", "5\n6", "9" * 20, "9" * 5000, "x" * 5000),
        *("4294967295", b"\xff"),
    ],
)
async def test_an_invalid_epoch_is_an_error_of_one_line(
    valkey: EmbeddedValkey, epoch: str | bytes
) -> None:
    async with connected(valkey) as one:
        run = await run_id(one)
        await one.ask(("HSET", keys.FEED, "epoch", epoch))
        with pytest.raises(
            LeaseError, match=f"{keys.FEED} has a malformed `epoch` field"
        ) as caught:
            await Lease().take(one, run)
        assert len(str(caught.value).splitlines()) == 1
        assert len(str(caught.value)) < 250
        assert await one.ask(("EXISTS", keys.LEASE)) == [0]


async def test_the_highest_epoch_that_a_record_can_hold_is_taken(valkey: EmbeddedValkey) -> None:
    async with connected(valkey) as one:
        run = await run_id(one)
        await one.ask(("HSET", keys.FEED, "epoch", "4294967294"))
        lease = Lease()
        assert await lease.take(one, run)
        assert lease.epoch == 2**32 - 1
