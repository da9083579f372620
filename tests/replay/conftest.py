"""Recordings of the simulator by a whole collector."""

import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest

from fastopts.capture import recorder
from tests.capture.venue import LoggingVenue
from tests.support import collector_harness
from tests.support.collector_harness import CollectorHarness, running_collector

MakeHarness = Callable[..., AbstractAsyncContextManager[CollectorHarness]]
NS = 1_000_000_000


@pytest.fixture
def recording_collector(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> MakeHarness:
    """A collector that records into tmp_path/captures; its venue logs what it sends.

    A new file begins every second.
    """
    monkeypatch.setattr(collector_harness, "SimVenue", LoggingVenue)
    monkeypatch.setattr(recorder, "HOUR_NS", NS)

    @asynccontextmanager
    async def make() -> AsyncIterator[CollectorHarness]:
        async with running_collector(tmp_path, record=str(tmp_path / "captures")) as harness:
            yield harness

    return make


@pytest.fixture
def copied(tmp_path: Path) -> Callable[[], list[Path]]:
    """Copy all captures, with the file that is open, as a reader finds them."""

    def copy() -> list[Path]:
        target = tmp_path / "copy"
        shutil.copytree(tmp_path / "captures", target, dirs_exist_ok=True)
        return sorted(target.rglob("*.mcap*"))

    return copy
