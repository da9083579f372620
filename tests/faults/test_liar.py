"""The liar sends the truth where it is not asked to lie."""

from pathlib import Path

from fastopts.embedded import EmbeddedValkey
from tests.faults.liar import CALL, PUT, world
from tests.support.oracle import expected_hash


async def test_what_it_pushes_stands_in_redis(
    tmp_path: Path, shared_valkey: EmbeddedValkey
) -> None:
    async with world(tmp_path, shared_valkey) as w:
        assert w.liar.requests == [("subscribe", [CALL, PUT])]
        frame = w.liar.ticker(CALL, markPrice="17")
        await w.liar.push(frame)
        await w.settled(3)
        assert expected_hash(frame).items() <= w.held().items()
        assert w.held(PUT)["mp"] != "17"


async def test_it_notes_how_a_client_leaves(tmp_path: Path, shared_valkey: EmbeddedValkey) -> None:
    async with world(tmp_path, shared_valkey) as w:
        liar = w.liar
        assert (liar.opened, len(liar.connections)) == (1, 1)
    assert (liar.closings, liar.connections) == ([1000], [])
