"""Two collectors at one server: one writes, whatever becomes of the other."""

import signal
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from fastopts import keys
from fastopts.collector.limits import CollectorLimits
from fastopts.collector.store import lease, writer
from tests.faults.pr.pair import Command, CommandWitness, pair
from tests.faults.pr.turns import Turns, kill_writers, take_turns
from tests.support.broken_valkey import wait_for
from tests.support.processes import sim_venue


@pytest.fixture(scope="module")
def venue() -> Iterator[Sequence[str]]:
    with sim_venue(rate=400) as words:
        yield words


def test_PR_04_a_standby_writes_nothing_says_so_once_and_answers_signals(
    tmp_path: Path, venue: Sequence[str]
) -> None:
    with pair(venue, tmp_path) as both:
        both.writing()
        waiting = both.standing_by()
        with CommandWitness(both.server.port) as witness:
            wait_for(lambda: len(looks_of_others(witness)) > 5)
            assert len(witness.writers()) == 1
            assert len({look.client for look in looks_of_others(witness)}) == 1
        assert len([line for line in waiting.said if "another collector writes" in line]) == 1
        epoch = both.epoch
        waiting.send(signal.SIGTERM)
        assert waiting.ended() == 0
        assert both.epoch == epoch
        assert both.client.exists(keys.LEASE)


def looks_of_others(witness: CommandWitness) -> list[Command]:
    """Looks at the lease by those who do not write."""
    writers = witness.writers()
    return [c for c in witness.commands if c.key == keys.LEASE and c.client not in writers]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_PR_04_a_standby_takes_over_from_one_that_ends_or_is_killed(
    tmp_path: Path, venue: Sequence[str], number: signal.Signals
) -> None:
    # what the promise of three seconds is made of; a deadline would measure this machine
    assert lease.LEASE_MS / 1000 + writer.FREE_CHECKS * CollectorLimits().lease_again_s < 3
    with pair(venue, tmp_path) as both:
        first = both.writing("--standby")
        both.standing_by()
        epoch = both.epoch
        with CommandWitness(both.server.port) as witness:
            first.send(number)
            first.ended()
            wait_for(lambda: both.epoch > epoch)
            wait_for(lambda: both.epochs() == {both.epoch})
            assert witness.strangers_writes(both.epoch) == []
            # released by a writer that ended in order; expired where none was left to release it
            given_back = [c for c in witness.commands if (c.name, c.key) == ("DEL", keys.LEASE)]
            assert len(given_back) == (number is signal.SIGTERM)
        wait_for(lambda: both.client.hget(keys.FEED, "coverage") == "40/40")
        sets = [keys.asset(asset) for asset in ("BTC", "ETH", "SOL", "XRP")]
        wait_for(lambda: sum(map(both.client.scard, sets)) == 40)


def test_PR_04_a_writer_that_slept_past_its_lease_writes_nothing_more_and_says_why(
    tmp_path: Path, venue: Sequence[str]
) -> None:
    with pair(venue, tmp_path) as both:
        sleeper = both.writing()
        both.standing_by()
        epoch = both.epoch
        with CommandWitness(both.server.port) as witness:
            sleeper.send(signal.SIGSTOP)
            wait_for(lambda: both.epoch > epoch)
            sleeper.send(signal.SIGCONT)
            assert sleeper.ended() == 1
            assert "has taken over: this one stops writing" in sleeper.said[-1]
            assert witness.strangers_writes(both.epoch) == []
        wait_for(lambda: both.epochs() == {both.epoch})


def test_PR_04_a_server_that_stalls_past_the_lease_has_one_writer_afterwards(
    tmp_path: Path, venue: Sequence[str]
) -> None:
    with pair(venue, tmp_path) as both:
        both.writing("--standby")
        both.standing_by()
        with both.server.frozen():
            time.sleep(lease.LEASE_MS / 1000 + 0.3)  # by the server's clock, which goes on
        wait_for(lambda: both.client.exists(keys.LEASE))
        beat = both.client.hget(keys.FEED, "heartbeat_ms")
        wait_for(lambda: both.client.hget(keys.FEED, "heartbeat_ms") != beat)
        wait_for(lambda: both.epochs() == {both.epoch})
        with CommandWitness(both.server.port) as witness:
            wait_for(lambda: len(witness.commands) > 200)
            assert len(witness.writers()) == 1


def test_PR_04_however_often_they_take_turns_no_write_comes_under_an_old_epoch(
    tmp_path: Path, venue: Sequence[str]
) -> None:
    found = Turns()
    with pair(venue, tmp_path) as both:
        take_turns(both, 10, found)
    assert (found.turns, found.old_writes) == (10, 0)


def test_PR_04_a_standby_is_soon_the_writer_of_everything(
    tmp_path: Path, venue: Sequence[str]
) -> None:
    found = Turns()
    with pair(venue, tmp_path) as both:
        kill_writers(both, 2, found)
    assert (found.kills, found.old_writes, len(found.whole.seconds)) == (2, 0, 2)
