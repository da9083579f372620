"""Quantiles of trials: nearest rank."""

from bench.recovery.figures import Trials


def test_quantiles_are_durations_of_trials() -> None:
    trials = Trials([0.3, 0.1, 0.2, 1.5])
    assert [trials.quantile_ms(q) for q in (0.25, 0.5, 0.75, 0.99, 1.0)] == [
        *(100, 200, 300, 1500, 1500)
    ]
    assert dict(trials.figures("all")) == {
        "all_trials": 4,
        "all_ms_p50": 200,
        "all_ms_p99": 1500,
        "all_ms_max": 1500,
    }


def test_one_in_a_hundred_is_above_the_p99() -> None:
    trials = Trials([0.1] * 99 + [9.0])
    assert (trials.quantile_ms(0.99), trials.quantile_ms(1.0)) == (100, 9000)
