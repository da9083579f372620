import asyncio
from pathlib import Path

import pytest

from tests.capture.kills import kill_collectors


@pytest.mark.timeout(900)
def test_a_killed_collector_leaves_every_whole_chunk(tmp_path: Path) -> None:
    figures = asyncio.run(kill_collectors(tmp_path / "captures", trials=10))
    assert figures.trials == 10
    assert figures.frames_read > 0
    faults = (figures.never_sent, figures.out_of_order)
    assert (*faults, figures.changed_by_recovery, figures.unreadable) == (0, 0, 0, 0)
