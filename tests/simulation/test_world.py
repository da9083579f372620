"""Faults that once let old values pass as live, or would, each by itself and by design."""

import pytest

from tests.simulation import campaign
from tests.simulation.faults import FAULTS, Planned
from tests.simulation.world import SimulatedSystem, run

# What it is called, and the faults.
STORIES = {
    "an outage longer than the watchdog": [Planned("redis_black_hole", 3.0, 12.0)],
    "an outage of a server that answers slowly": [
        Planned("redis_is_slow", 3.0, 20.0),
        Planned("redis_refuses", 4.0, 9.0),
    ],
    "an answer that takes almost as long as it may": [Planned("redis_hangs", 3.0, 9.5)],
    "a time of refusals": [Planned("redis_refuses_commands", 3.0, 12.0)],
    "a restart that loses acknowledged writes": [Planned("redis_forgets_writes", 3.0, 3.0)],
    "another program's key": [Planned("keys_of_another_program", 3.0, 20.0)],
    "a process that sleeps through its lease": [Planned("usurper", 4.0, 0.1)],
}


@pytest.fixture(autouse=True)
def silence() -> None:
    campaign.quiet()


@pytest.mark.parametrize("faults", STORIES.values(), ids=STORIES.keys())
def test_nothing_old_is_live(faults: list[Planned]) -> None:
    assert [outcome.broken for seed in range(5) if (outcome := run(seed, faults)).broken] == []


@pytest.mark.parametrize("kind", ["redis_restarts_empty", "redis_forgets_writes"])
def test_everything_is_written_again_at_once(kind: str) -> None:
    """Not with the rolling whole write, which takes a minute."""
    assert run(2, [Planned(kind, 5.0, 1.0)]).virtual_s < 20


def test_without_faults_every_symbol_is_live_in_the_end() -> None:
    system = SimulatedSystem(1, [])
    with system.patched():
        system.loop.run_until_complete(system.live())
    system.loop.close()
    assert system.promises.lives > 0
    assert system.reached["ended by LeaseLost"] == 0


def test_a_seed_repeats_to_the_byte() -> None:
    first, again, other = run(3), run(3), run(4)
    assert (first.digest, first.steps) == (again.digest, again.steps)
    assert first.digest != other.digest


@pytest.mark.parametrize("kind", sorted(FAULTS.keys() - {"handshakes_forbidden"}))
def test_each_fault_can_begin_before_anything_is_there(kind: str) -> None:
    assert run(1, [Planned(kind, 0.001, 1.0)]).broken == ""
