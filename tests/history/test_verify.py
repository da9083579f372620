"""Damage to a history is named, with its file; gaps are the times without messages."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import compute, parquet

from fastopts.errors import BadInput
from fastopts.history import schema
from fastopts.history.manifest import DayManifest, sha256
from fastopts.history.verify import day_folders, gaps, verify_day
from tests.history.market import CALL, NS, PUT, START_NS, VENUE, MadeHistory, feed

MINUTE = 60 * NS
NAME = "BTC/2027-01-15/08.parquet"


@pytest.fixture
def day(tmp_path: Path) -> Path:
    """The folder of a day with two minutes, and a restart behind them."""
    history = MadeHistory(tmp_path)
    history.begin(START_NS)
    history.builder.feed(START_NS, feed(START_NS))
    history.tick(START_NS + NS, CALL, {"delta": "0.5"})
    history.tick(START_NS + NS, PUT, {"delta": "-0.5"})
    history.tick(START_NS + MINUTE + NS, CALL, {"delta": "0.6"})
    dropped = {"frames": 7, "start_ns": START_NS + 5 * NS, "end_ns": START_NS + 6 * NS}
    for frames in (3, 7):  # it grows
        gap = {"event": "gap", "reason": "the disk is too slow", **dropped, "frames": frames}
        history.builder.event(START_NS + 2 * MINUTE, gap)
    history.begin(START_NS + 20 * MINUTE)
    history.tick(START_NS + 20 * MINUTE + NS, CALL, {"delta": "0.7"})
    history.publish()
    return schema.day_folder(tmp_path, VENUE, START_NS // NS)


def replace(day: Path, change: Callable[[Any], Any]) -> None:
    """Rewrite the rows as *change* has them, and the manifest with their hash."""
    path = day.parent / NAME
    file = parquet.ParquetFile(path)
    groups = [change(file.read_row_group(index)) for index in range(file.num_row_groups)]
    with parquet.ParquetWriter(path, groups[0].schema) as writer:
        for group in groups:
            writer.write_table(group)
    manifest = DayManifest.load(day)
    entry = manifest.files[NAME]
    entry |= {"bytes": path.stat().st_size, "sha256": sha256(path)}
    entry["rows"] = sum(len(group) for group in groups)
    manifest.save(VENUE)


def test_a_whole_day_has_no_problems(day: Path) -> None:
    report = verify_day(day)
    assert report.problems == []
    assert (report.venue, report.day, report.files, report.rows) == (VENUE, "2027-01-15", 4, 8)


def test_a_flipped_bit_is_noticed(day: Path) -> None:
    path = day.parent / NAME
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    [problem] = verify_day(day).problems
    assert problem == f"{path}: its hash is not that of the manifest"


def test_missing_and_cut_files_are_noticed(day: Path) -> None:
    (day / schema.FEED).unlink()
    path = day.parent / NAME
    path.write_bytes(path.read_bytes()[:-1])
    problems = "\n".join(verify_day(day).problems)
    assert f"{day / schema.FEED}: missing" in problems
    assert f"{path}: {path.stat().st_size} bytes, and" in problems


def test_files_that_no_manifest_names_are_noticed(day: Path) -> None:
    part = (day.parent / NAME).with_name("09.parquet.part")
    part.write_bytes(b"")
    assert verify_day(day).problems == [f"{part}: not in the manifest"]


def test_an_incomplete_keyframe_is_noticed(day: Path) -> None:
    def without_put(rows: Any) -> Any:
        is_it = compute.and_(compute.equal(rows["symbol"], PUT), rows["keyframe"])
        return rows.filter(compute.invert(is_it))

    replace(day, without_put)
    [problem] = verify_day(day).problems
    assert problem.endswith(f"08:01: no keyframe of {PUT}")


def test_other_columns_are_noticed(day: Path) -> None:
    def as_doubles(rows: Any) -> Any:
        index = rows.schema.get_field_index("delta")
        return rows.set_column(index, "delta", rows["delta"].cast(pa.float64()))

    replace(day, as_doubles)
    [problem] = verify_day(day).problems
    assert problem.endswith("its columns are not those of this version")


def test_added_columns_are_accepted(day: Path) -> None:
    replace(day, lambda rows: rows.append_column("later", pa.array([1] * len(rows))))
    assert verify_day(day).problems == []


def test_gaps_are_those_of_recorders_and_between_captures(day: Path) -> None:
    def at(seconds: int) -> datetime:
        return datetime.fromtimestamp(START_NS // NS + seconds, UTC)

    assert [(gap.start, gap.end, gap.frames, gap.reason) for gap in gaps([day])] == [
        (at(5), at(6), 7, "the disk is too slow"),
        (at(120), at(1200), None, "nothing was recorded"),
    ]


def test_a_folder_without_history_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no history below"):
        day_folders(tmp_path)
