"""A recorded collector, the history made of it, and what the readers of both say."""

import json
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from fastopts import History
from fastopts.errors import BadInput
from fastopts.history import make as maker
from fastopts.history import verify
from fastopts.reader import Option, OptionReader
from tests.capture.venue import LoggingVenue
from tests.cli.process import Done, fastopts_process
from tests.support import collector_harness
from tests.support.collector_harness import CollectorHarness, running_collector, until

JUDGE = Path(__file__).with_name("judge.py")


@dataclass
class MarketSeen:
    """What a reader of Redis returned at a moment at which nothing ticked."""

    at: datetime
    options: dict[str, Option] = field(default_factory=dict)


@pytest.fixture
def recording_collector(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Callable[[], AbstractAsyncContextManager[CollectorHarness]]:
    monkeypatch.setattr(collector_harness, "SimVenue", LoggingVenue)

    @asynccontextmanager
    async def make() -> AsyncIterator[CollectorHarness]:
        async with running_collector(tmp_path, record=str(tmp_path / "captures")) as harness:
            yield harness

    return make


async def received_become(harness: CollectorHarness, count: int) -> None:
    await until(lambda: harness.collector.table.received >= count)


async def look(harness: CollectorHarness) -> MarketSeen:
    """Read everything while the venue is paused and all ticks are written."""
    harness.venue.pause()
    await until(lambda: harness.collector.table.pending == 0)
    with OptionReader(harness.valkey.url, venue="sim") as reader:
        symbols = list(harness.venue.symbols)
        options = reader.get_many(symbols, require_live=False)
        seen = MarketSeen(datetime.fromtimestamp(time.time(), UTC))
    seen.options = {option.symbol: option for option in options if isinstance(option, Option)}
    assert len(seen.options) > 50
    harness.venue.resume()
    return seen


async def test_the_history_is_what_a_reader_of_redis_saw(
    recording_collector: Callable[[], AbstractAsyncContextManager[CollectorHarness]],
    tmp_path: Path,
) -> None:
    root = tmp_path / "captures"
    moments: list[MarketSeen] = []
    async with recording_collector() as harness:
        for _ in range(3):
            await harness.covered()
            received = harness.collector.table.received
            await received_become(harness, received + 300)
            moments.append(await look(harness))
        await harness.venue.drop()
        await until(lambda: harness.collector.connections.reconnects > 0)
        await harness.covered()
        moments.append(await look(harness))
        assert isinstance(harness.venue, LoggingVenue)
        log = [payload for connection in harness.venue.log for _, payload in connection]
    hours = make_all(root)
    assert sum(hour.rows for hour in hours) > 1000
    assert all(hour.inexact_numbers == 0 for hour in hours)
    history = History(root)
    for seen in moments:
        past = history.at(seen.at)
        options = past.get_many(list(seen.options), require_live=False)
        for option in options:
            assert isinstance(option, Option), option
            live = seen.options[option.symbol]
            assert (option.record, option.live) == (live.record, live.live)
            assert option.instrument == live.instrument
    verdict = judged(log, root / "history" / "v1" / "sim", tmp_path / "sent.jsonl")
    assert verdict["rows"] > 1000
    assert verdict["never_sent"] == []
    assert verdict["missing"] == []


def judged(log: list[bytes], folder: Path, sent: Path) -> dict[str, Any]:
    """The verdict of the judge, which has nothing of this package: json and DuckDB."""
    sent.write_bytes(b"\n".join(log))
    command = [sys.executable, "-I", str(JUDGE), str(sent), str(folder)]
    done = subprocess.run(command, check=True, capture_output=True)
    verdict: dict[str, Any] = json.loads(done.stdout)
    return verdict


def make_all(root: Path, *, again: bool = False) -> list[maker.MadeHour]:
    """Make the history; fail if a capture is damaged or can't be used."""
    made = []
    for folder in maker.venue_folders(root):
        plan = maker.plan(folder, again=again)
        assert plan.is_good, plan.notes
        for step in maker.make(root, plan):
            assert isinstance(step, maker.MadeHour), step
            made.append(step)
    for day in verify.day_folders(root):
        assert verify.verify_day(day).problems == []
    return made


@pytest.fixture
async def recorded(
    recording_collector: Callable[[], AbstractAsyncContextManager[CollectorHarness]],
    tmp_path: Path,
) -> Path:
    root = tmp_path / "captures"
    async with recording_collector() as harness:
        await harness.covered()
        # The first file is of the time before the lease.
        await until(lambda: len(captures(root)) == 1)
        recorder = harness.collector.recorder
        assert recorder is not None
        chunk = recorder.status().recorded
        for _ in range(3):
            await until(lambda: recorder.status().recorded > chunk)  # noqa: B023
            chunk = recorder.status().recorded
    return root


def captures(recorded: Path) -> list[Path]:
    """The closed captures, the oldest first."""
    return sorted(recorded.rglob("*.mcap"))


async def test_an_hour_is_made_once_and_again_on_request(recorded: Path) -> None:
    first = make_all(recorded)
    assert len(first) in (1, 2)
    assert make_all(recorded) == []
    again = make_all(recorded, again=True)
    assert [(hour.hour, hour.rows) for hour in again] == [(hour.hour, hour.rows) for hour in first]


async def test_an_hour_is_made_again_with_a_capture_that_came_later(recorded: Path) -> None:
    *earlier, last = captures(recorded)
    assert earlier
    last.rename(recorded / "aside")
    make_all(recorded)
    (recorded / "aside").rename(last)
    assert make_all(recorded)


async def test_an_hour_whose_capture_was_deleted_stays(recorded: Path) -> None:
    last = make_all(recorded)[-1]  # a test can begin in one hour and end in the next
    captures(recorded)[-1].unlink()
    [folder] = maker.venue_folders(recorded)
    plan = maker.plan(folder, again=True)
    assert last.hour.timestamp() * 1e9 not in plan.sources
    assert any("was deleted" in note for note in plan.notes)


async def test_hours_with_an_open_capture_wait(recorded: Path) -> None:
    last = captures(recorded)[0]
    last.rename(last.with_name(f"{last.name}.part"))
    [folder] = maker.venue_folders(recorded)
    plan = maker.plan(folder)
    assert plan.sources == {}
    assert any("open captures" in note for note in plan.notes)


async def test_a_damaged_capture_is_reported_and_the_rest_is_used(recorded: Path) -> None:
    last = captures(recorded)[-1]
    content = bytearray(last.read_bytes())
    content[content.rindex(b"\4\0\0\0zstd", 0, content.index(b"closed")) + 40] ^= 0x40
    last.write_bytes(content)
    [folder] = maker.venue_folders(recorded)
    steps = list(maker.make(recorded, maker.plan(folder)))
    [damage] = [step for step in steps if not isinstance(step, maker.MadeHour)]
    assert str(last) in str(damage)
    assert sum(step.rows for step in steps if isinstance(step, maker.MadeHour)) > 50


async def test_foreign_files_and_captures_of_another_venue_are_reported(recorded: Path) -> None:
    folder = captures(recorded)[0].parent
    (folder / "000000-1.mcap").write_bytes(b"PAR1 something else")
    [venue] = maker.venue_folders(recorded)
    plan = maker.plan(venue)
    assert not plan.is_good
    assert any("not an MCAP file" in note for note in plan.notes)
    assert plan.sources
    (folder / "000000-1.mcap").unlink()
    venue.rename(venue.with_name("bybit"))
    plan = maker.plan(venue.with_name("bybit"))
    assert not plan.is_good
    assert plan.sources == {}
    assert any("a capture of sim, not of bybit" in note for note in plan.notes)


async def test_the_command_makes_checks_and_reports(recorded: Path, tmp_path: Path) -> None:
    def run(*words: str) -> Done:
        # In a process of its own: it lowers its priority.
        return fastopts_process("history", *words, str(recorded), cwd=tmp_path)

    made = run("make", "--json")
    assert made.code == 0, made.err
    rows = sum(json.loads(line)["rows"] for line in made.out.splitlines())
    assert rows > 50
    again = run("make")
    assert (again.code, again.out) == (0, "")
    assert "nothing to make" in again.err
    assert f"{rows:,} rows" in run("make", "--again").out
    checked = run("verify")
    assert (checked.code, f"{rows:,} rows: all as in the manifest" in checked.out) == (0, True)
    assert "only for fastopts history make" in run("verify", "--again").err
    (recorded / "sim" / "2020-01-01").mkdir()
    (recorded / "sim" / "2020-01-01" / "000000-1.mcap").write_bytes(b"PAR1")
    foreign = run("make")
    assert foreign.code == 1
    assert "not an MCAP file" in foreign.err


async def test_a_folder_without_captures_is_refused(recorded: Path) -> None:
    (recorded / "empty").mkdir()
    with pytest.raises(BadInput, match="no captures"):
        maker.venue_folders(recorded / "empty")
    with pytest.raises(BadInput, match="name the folder above"):
        maker.venue_folders(recorded / "sim")
