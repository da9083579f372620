"""A part that can't be measured is reported, the others are measured, and the exit code is 1."""

import json

import pytest

from bench import failures
from bench.failures import Failed
from bench.goals import Goal
from bench.report import Report
from bench.worker_process import WorkerProcess

ANY_CORE = {0}


def test_a_failing_turn_is_repeated_a_limited_number_of_times() -> None:
    faults = ["a pause of the machine"] * 2

    def turn() -> int:
        if faults:
            raise Failed(faults.pop())
        return 7

    assert failures.retried(turn, "reader", pause_s=0) == 7
    faults += ["a dead feed"] * failures.ATTEMPTS
    with pytest.raises(Failed, match="a dead feed"):
        failures.retried(turn, "reader", pause_s=0)
    assert not faults


def test_a_failing_part_is_reported_beside_the_others(capsys: pytest.CaptureFixture[str]) -> None:
    def fail() -> list[Goal]:
        raise Failed("fastopts get: FeedDown: the collector has ended")

    report = Report(is_json=True)
    goals = [*report.attempt("reader", fail), *report.attempt("redis", lambda: [Goal("x", 1, 2)])]
    assert report.end(goals) == 1
    output = capsys.readouterr()
    parts = json.loads(output.out)
    assert parts["faults"] == {"reader": "Failed: fastopts get: FeedDown: the collector has ended"}
    assert [goal["title"] for goal in parts["goals"]] == ["x"]
    assert output.err.count("reader: not measured: ") == 1


def test_a_report_without_faults_ends_with_0(capsys: pytest.CaptureFixture[str]) -> None:
    report = Report(is_json=False)
    assert report.end(report.attempt("redis", lambda: [Goal("x", 1, 2)])) == 0
    assert "met" in capsys.readouterr().out


def test_a_bug_is_not_reported_as_a_failed_measurement() -> None:
    def fail() -> list[Goal]:
        raise TypeError("a bug")

    with pytest.raises(TypeError, match="a bug"):
        Report(is_json=True).attempt("reader", fail)


def test_a_process_that_has_exited_is_named_with_its_exit_code() -> None:
    with (
        WorkerProcess("tests.bench", cores=ANY_CORE, name="the replay") as process,
        pytest.raises(Failed, match="the replay: exited with code 1"),
    ):
        process.receive()
