"""A trial of each kind over real processes, with a small market."""

from bench.recovery import dropped, emptied

SYMBOLS = 40


def test_the_collector_recovers_from_cut_connections() -> None:
    trials = dropped.run(SYMBOLS, 1, is_all=True)
    assert (len(trials.seconds), trials.faults) == (1, [])
    assert 0 < trials.seconds[0] < 30


def test_the_collector_recovers_from_an_emptied_redis() -> None:
    trials = emptied.run(SYMBOLS, 2, outage_s=0.1)
    assert (len(trials.seconds), trials.faults) == (2, [])
    assert all(0 < seconds < 30 for seconds in trials.seconds)
