"""A replay of a recorded collector is what the collector was."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from fastopts.capture.recorder import Recorder
from fastopts.core.pure.replay import ROW
from fastopts.errors import CaptureError
from fastopts.model import RECORD, RECORD_HEAD
from fastopts.replay.chunks import Damage
from fastopts.replay.engine import Comparison, Event, FeedWritten, FileStarted, Replay, Rows
from fastopts.venues.bybit.fields import TICKER_FIELDS
from tests.capture import judge
from tests.replay.conftest import MakeHarness
from tests.support.collector_harness import CollectorHarness, until


async def record_everything(make: MakeHarness, root: Path) -> CollectorHarness:
    """Record over several files what changes a table: ticks, REST rows, suspects, reconnects."""
    async with make() as harness:
        await harness.covered()
        await files_become(root, 3)
        # Nothing ticks until the next file has begun: the marks are still there then.
        harness.venue.pause()
        await until(lambda: harness.collector.table.pending == 0)
        for symbol in harness.venue.symbols[:3]:
            harness.collector.table.mark_suspect(symbol)
        count = captures(root)
        await files_become(root, count + 2)
        harness.venue.resume()
        await harness.covered()
        await harness.venue.drop()
        await until(lambda: harness.collector.connections.reconnects > 0)
        await harness.covered()
        await files_become(root, count + 4)
    return harness


async def files_become(root: Path, count: int) -> None:
    await until(lambda: captures(root) >= count)


def captures(root: Path) -> int:
    """The number of closed files."""
    return len(list(root.rglob("*.mcap")))


async def test_the_table_equals_the_recorded_one_at_each_boundary_of_files(
    recording_collector: MakeHarness, tmp_path: Path
) -> None:
    await record_everything(recording_collector, tmp_path / "captures")
    comparisons = Replay([tmp_path / "captures"]).comparisons()
    assert len(comparisons) >= 5
    assert all(each.symbols > 50 for each in comparisons[1:])
    assert all(each.is_complete for each in comparisons)
    assert [each.differences for each in comparisons] == [()] * len(comparisons)


async def test_a_change_that_is_not_recorded_is_a_difference(
    recording_collector: MakeHarness, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Recorder, "_note_amended", lambda recorder: None)
    harness = await record_everything(recording_collector, tmp_path / "captures")
    comparisons = Replay([tmp_path / "captures"]).comparisons()
    differences = [each for step in comparisons for each in step.differences]
    assert {each.symbol for each in differences} >= set(harness.venue.symbols[:3])
    for each in differences:
        assert each.recorded is not None
        assert each.replayed != each.recorded


async def test_each_tick_is_a_row_with_the_record_after_it(
    recording_collector: MakeHarness, tmp_path: Path
) -> None:
    harness = await record_everything(recording_collector, tmp_path / "captures")
    replay = Replay([tmp_path / "captures"], collects_rows=True)
    rows = [row for step in replay.steps() if isinstance(step, Rows) for row in parsed(step)]
    times = [log_ns for log_ns, _, _ in rows]
    assert times == sorted(times)
    sent = Counter(
        tick
        for path in judge.files(tmp_path / "captures")
        for _, message in judge.read(path).frames()
        if (tick := identity(message.data)) is not None
    )
    replayed = Counter(
        (symbol, record["ts_ms"], record["numbers"])
        for _, symbol, record in rows
        if record["conn"]  # not a REST row
    )
    assert len(sent) > 1000
    # Suspects and the records with which the recording begins are rows, too.
    assert sent - replayed == Counter()
    assert set(replayed) == set(sent)
    assert harness.venue.symbols[0] in {symbol for _, symbol, _ in rows}


async def test_events_come_in_their_places(
    recording_collector: MakeHarness, tmp_path: Path
) -> None:
    await record_everything(recording_collector, tmp_path / "captures")
    replay = Replay([tmp_path / "captures"])
    steps = list(replay.steps())
    started = [step for step in steps if isinstance(step, FileStarted)]
    assert [step.continues for step in started] == [False] + [True] * (len(started) - 1)
    feeds = [step.fields for step in steps if isinstance(step, FeedWritten)]
    assert len(feeds) >= len(started) - 1
    assert all(fields["venue"] == "sim" for fields in feeds)
    assert {"dialled", "opened", "closed", "stopped"} <= {
        step.values["event"] for step in steps if isinstance(step, Event)
    }
    assert len(replay.instruments) > 50
    assert set(replay.table) == set(replay.instruments)


async def test_after_damage_a_comparison_is_not_complete(
    recording_collector: MakeHarness, tmp_path: Path
) -> None:
    await record_everything(recording_collector, tmp_path / "captures")
    files = judge.files(tmp_path / "captures")
    damaged = files[-4]
    content = bytearray(damaged.read_bytes())
    content[content.rindex(b"\4\0\0\0zstd", 0, content.index(b"closed")) + 40] ^= 0x40
    damaged.write_bytes(content)
    replay = Replay(files)
    steps = list(replay.steps())
    [damage] = [step for step in steps if isinstance(step, Damage)]
    assert damage.path == damaged
    comparisons = {step.path: step for step in steps if isinstance(step, Comparison)}
    assert not comparisons[files[-3]].is_complete
    # The records at the start of the file that follows have everything again.
    assert comparisons[files[-2]].is_complete
    assert comparisons[files[-2]].differences == ()
    assert comparisons[files[-1]].differences == ()


async def test_other_files_are_damage_and_everything_else_is_replayed(
    recording_collector: MakeHarness, tmp_path: Path
) -> None:
    root = tmp_path / "captures"
    async with recording_collector() as harness:
        await harness.covered()
        await files_become(root, 2)
    expected = Replay([root]).comparisons()
    assert expected
    (root / "sim" / "empty.mcap").touch()
    (root / "text.mcap").write_bytes(b"a text")
    steps = list(Replay([root]).steps())
    damages = [step for step in steps if isinstance(step, Damage)]
    assert {(damage.path.name, damage.size) for damage in damages} == {
        ("empty.mcap", 0),
        ("text.mcap", 6),
    }
    assert all(damage.reason == "not an MCAP file" for damage in damages)
    assert [step for step in steps if isinstance(step, Comparison)] == expected


async def test_recordings_of_two_runs_are_not_compared(
    recording_collector: MakeHarness, tmp_path: Path
) -> None:
    root = tmp_path / "captures"
    for runs in (1, 2):
        async with recording_collector() as harness:
            await harness.covered()
            await files_become(root, captures(root) + 2)
        steps = list(Replay([root]).steps())
        started = [step for step in steps if isinstance(step, FileStarted)]
        assert [step.continues for step in started].count(False) == runs
        comparisons = [step for step in steps if isinstance(step, Comparison)]
        assert len(comparisons) == len(started) - runs
        assert all(not each.differences for each in comparisons)


async def test_captures_of_two_venues_are_refused(
    recording_collector: MakeHarness, tmp_path: Path
) -> None:
    root = tmp_path / "captures"
    async with recording_collector() as harness:
        await harness.covered()
    first = judge.files(root)[0]
    other = first.with_name("999999-1.mcap")
    content = first.read_bytes()
    # The opening is in front of the chunks, and no checksum covers it.
    other.write_bytes(content.replace(b"\3\0\0\0sim", b"\3\0\0\0moo", 1))
    with pytest.raises(CaptureError, match="captures of sim and of moo"):
        Replay([first, other]).comparisons()


def parsed(rows: Rows) -> list[tuple[int, str, dict[str, Any]]]:
    return [
        (log_ns, symbol.rstrip(b"\0").decode(), fields_of(record))
        for log_ns, symbol, record in ROW.iter_unpack(rows.data)
    ]


def fields_of(record: bytes) -> dict[str, Any]:
    values = RECORD.unpack(record)
    fields: dict[str, Any] = dict(zip(RECORD_HEAD, values, strict=False))
    # NaN, which is absent, is not equal to itself.
    fields["numbers"] = tuple(None if v != v else v for v in values[len(RECORD_HEAD) :])
    return fields


def identity(payload: bytes) -> tuple[str, int, tuple[float | None, ...]] | None:
    """Symbol, exchange time and numbers of a ticker, parsed by other means than the core's."""
    message = json.loads(payload)
    if not str(message.get("topic", "")).startswith("tickers."):
        return None
    data = message["data"]
    texts = {index: data.get(name, "") for name, index in TICKER_FIELDS.items()}
    numbers = tuple(float(texts[i]) if texts[i] else None for i in range(len(texts)))
    return data["symbol"], message["ts"], numbers
