"""The corpus, and a short run of each fuzzer. `make fuzz` runs them for longer."""

import pytest

from tests.fuzz import corpus
from tests.fuzz.worker import fuzz, fuzzer_of, replay

TARGETS = ("ticker", "frames", "reply", "inlet", "records", "batch")


@pytest.mark.parametrize("target", TARGETS)
def test_the_corpus_is_judged_alike_by_code_and_twin(target: str) -> None:
    for data in corpus.inputs(target):
        replay(target, data)


@pytest.mark.parametrize("target", TARGETS)
def test_a_short_run_finds_no_difference(target: str) -> None:
    executions = 60_000 if target in ("ticker", "frames", "reply") else 500
    figures = fuzz(target, seed=20_240, seconds=20.0, executions=executions)
    assert figures.executions == executions
    assert figures.compared_with_twin > 200
    if figures.outcomes:
        assert figures.outcomes["accepted"] > executions // 10  # else it compares nothing
        assert figures.outcomes["different"] == 0


def test_a_run_follows_from_its_seed() -> None:
    first, again, other = (fuzzer_of("ticker", seed) for seed in (7, 7, 8))
    inputs = [first.make() for _ in range(50)]
    assert [again.make() for _ in range(50)] == inputs
    assert [other.make() for _ in range(50)] != inputs
