"""The ways to record have the same frames."""

from pathlib import Path

from bench import capture
from fastopts.sim.feed import text_frame


def test_frames_are_those_of_a_venue() -> None:
    frames = capture.frames(0.2)
    assert len(frames) > capture.RATE * 0.1
    assert all(frame == text_frame(frame[4:]) for frame in frames)
    assert len(set(frames)) == len(frames)


def test_every_way_is_measured(tmp_path: Path) -> None:
    ours, official, lines = capture.costs(capture.frames(0.2), tmp_path, rounds=1)
    assert ours.loop_us is not None
    assert (official.loop_us, lines.loop_us) == (None, None)
    for cost in (ours, official, lines):
        assert cost.worker_us > 0
        assert cost.ratio > 1
    assert list(tmp_path.iterdir()) == []


def test_the_event_loop_is_measured_by_the_frames_of_a_read(tmp_path: Path) -> None:
    by_read = capture.loop_costs(capture.frames(0.2), tmp_path, rounds=1)
    assert tuple(by_read) == capture.READS
    assert min(by_read.values()) > 0
    assert list(tmp_path.iterdir()) == []
