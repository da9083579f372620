import asyncio
from pathlib import Path

import pytest

from tests.capture.kills import CaptureKillFigures, kill_collectors


@pytest.mark.timeout(900)
def test_a_killed_collector_leaves_every_whole_chunk(tmp_path: Path) -> None:
    figures = asyncio.run(kill_collectors(tmp_path / "captures", trials=10))
    assert figures.trials == 10
    assert figures.frames_read > 0
    assert figures.content_faults() == []


def test_large_losses_are_faults_of_the_long_program() -> None:
    figures = CaptureKillFigures(trials=2, frames_sent=100, frames_read=70, lost_ms=[400.0, 990.0])
    assert figures.faults() == []
    figures.lost_ms.append(1100.0)
    figures.frames_read = 40
    assert figures.faults() == [
        "more than 1000 ms lost by 1: [1100] ms",
        "only 40 of 100 frames read",
    ]
    assert figures.content_faults() == []
    figures.unreadable = 1
    assert figures.content_faults() == ["unreadable: 1"]
