"""The scripted venue behaves as the venue does unless a test changes it."""

from pathlib import Path

from fastopts.embedded import EmbeddedValkey
from tests.support.oracle import expected_hash
from tests.support.scripted_venue import CALL, PUT, scripted_collector


async def test_what_it_pushes_stands_in_redis(
    tmp_path: Path, shared_valkey: EmbeddedValkey
) -> None:
    async with scripted_collector(tmp_path, shared_valkey) as harness:
        assert harness.venue.requests == [("subscribe", [CALL, PUT])]
        frame = harness.venue.ticker(CALL, markPrice="17")
        await harness.venue.push(frame)
        await harness.settled(3)
        assert expected_hash(frame).items() <= harness.held().items()
        assert harness.held(PUT)["mp"] != "17"


async def test_it_notes_how_a_client_leaves(tmp_path: Path, shared_valkey: EmbeddedValkey) -> None:
    async with scripted_collector(tmp_path, shared_valkey) as harness:
        venue = harness.venue
        assert (venue.opened, len(venue.connections)) == (1, 1)
    assert (venue.closings, venue.connections) == ([1000], [])
