"""A round of chaos, and that its judges see what is wrong."""

from collections.abc import Iterator

import pytest

from fastopts.reader import OptionReader
from tests.chaos import verdict
from tests.chaos.__main__ import plan, run
from tests.chaos.faults import FAULTS
from tests.chaos.system import System
from tests.chaos.verdict import judge
from tests.chaos.witness import Witness


def test_a_round_is_survived() -> None:
    outcome = run(1, range(1, 2))
    assert outcome.violations == []
    assert (outcome.rounds, outcome.faults.total()) == (1, len(plan(1, 1)))
    assert outcome.reads_live > 0


def test_rounds_are_the_same_for_the_same_seed_and_draw_every_fault() -> None:
    drawn = [plan(7, number) for number in range(200)]
    assert drawn == [plan(7, number) for number in range(200)]
    assert {p.name for plans in drawn for p in plans} == set(FAULTS)


@pytest.fixture(scope="module")
def system() -> Iterator[System]:
    with System(2) as made:
        assert judge(made)[0] == []
        yield made


def test_what_was_tampered_with_is_found(system: System) -> None:
    with verdict.standstill(system) as left:
        assert left == []
        first, *_, last = sorted(system.venue.last())
        system.valkey.client.hset(f"option:{first}", "mp", "1")
        system.valkey.client.delete(f"optrec:{last}")
        found = verdict.differences(system)
        price = system.venue.last()[first]["data"]["markPrice"]
    assert found == [f"{first}: mp is 1, not {price}", f"{last}: there is no record"]


def test_a_tick_that_the_venue_never_sent_is_detected(system: System) -> None:
    with (
        verdict.standstill(system),
        OptionReader(system.reader_url, venue="sim") as reader,
    ):
        frames = system.venue.last()
        # A probe of the silent connection brings the last tick again, which makes it a late one.
        option = reader.get(min(frames), require_live=False)
    witness = Witness(system, 1)
    witness.judge(option, frames)
    assert witness.lies == []
    frames[option.symbol]["ts"] -= 1
    witness.judge(option, frames)
    assert len(witness.lies) == 1
