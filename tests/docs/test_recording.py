"""The examples of docs/recording.md read what a recorder writes; its tables list what there is."""

import asyncio
import json
import re
from pathlib import Path
from typing import Any

import pytest

from fastopts.capture import contents
from fastopts.collector.operation.recording import build_recorder
from fastopts.config import Settings
from fastopts.venues.bybit.ticker_table import new_table
from tests.capture.judge import files, read
from tests.capture.recorder_harness import RecorderHarness, ticker_payload
from tests.docs.pages import DOCS, examples, rows

PAGE = DOCS / "recording.md"
ROOT = DOCS.parent


def test_the_examples_run_and_print_what_they_say(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def record() -> None:
        async with RecorderHarness(Path("captures")) as world:
            world.receive(ticker_payload(1), ticker_payload(2))

    monkeypatch.chdir(tmp_path)
    asyncio.run(record())
    [path] = files(Path("captures"))
    cut = path.with_name("cut.mcap.part")  # without its summary
    cut.write_bytes(path.read_bytes()[:-100])
    names: dict[str, Any] = {}
    for example in examples(PAGE, "python"):
        example.run("", names)
        printed = capsys.readouterr().out
        assert example.agrees(printed.splitlines()), printed


def test_the_topics_are_those_of_the_page() -> None:
    listed = {topic: encoding for topic, encoding, _ in rows("recording.md", "topic")}
    assert listed == {
        "in/N": contents.JSON,
        "out/N": contents.JSON,
        contents.REST: contents.JSON,
        contents.CONTROL: contents.JSON,
        contents.CLOCK: contents.JSON,
        contents.FEED: contents.JSON,
        contents.INSTRUMENTS: contents.JSON,
        contents.FEED: contents.JSON,
        contents.STATE: contents.STATE_ENCODING,
    }


def test_the_events_are_those_that_the_code_records() -> None:
    listed = {name for cells in rows("recording.md", "event") for name in cells[0].split()}
    sources = [
        path.read_text()
        for folder in ("capture", "collector")
        for path in (ROOT / "fastopts" / folder).rglob("*.py")
    ]
    pattern = re.compile(r"(?:\.event|_record)\(\s*\"(\w+)\"")
    assert listed == {name for source in sources for name in pattern.findall(source)}


async def test_a_file_starts_with_the_values_that_the_page_names(tmp_path: Path) -> None:
    settings = Settings(venue="sim", record=str(tmp_path))
    recorder = build_recorder(settings, "sim", "fastopts/1.2.3", new_table(), {})
    assert recorder is not None
    async with recorder:
        recorder.message(1, b"{}", 0)
    [path] = files(tmp_path)
    started = json.loads(read(path).of("control")[0].data)
    [cells] = [cells for cells in rows("recording.md", "event") if cells[0] == "started"]
    assert started.keys() - {"event"} == {
        name for name in started if re.search(rf"\b{name}\b", cells[1])
    } - {"event"}
    assert (started["version"], started["venue"], started["level"]) == ("1.2.3", "sim", "raw")
