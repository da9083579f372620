"""A trial of each kind over real processes, with a small market."""

from bench.recovery import dropped, emptied

SYMBOLS = 40


def test_a_cut_connection_is_recovered_from_and_compared() -> None:
    found = dropped.run(SYMBOLS, 1, is_all=True)
    assert (len(found.seconds), found.faults) == (1, [])
    assert 0 < found.seconds[0] < 30


def test_an_emptied_redis_is_recovered_from_and_compared() -> None:
    found = emptied.run(SYMBOLS, 2, outage_s=0.1)
    assert (len(found.seconds), found.faults) == (2, [])
    assert all(0 < seconds < 30 for seconds in found.seconds)
