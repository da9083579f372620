"""An hour is part of the history once its manifest names it, and not before."""

from pathlib import Path

import orjson
import pyarrow as pa
import pytest
from pyarrow import parquet

from fastopts.errors import CaptureError
from fastopts.history import manifest, schema
from fastopts.history.builder import HOUR_NS
from fastopts.history.verify import verify_day
from tests.history.market import CALL, NS, START_NS, VENUE, MadeHistory, feed
from tests.support.disks import full_after


def day_of(root: Path) -> Path:
    return schema.day_folder(root, VENUE, START_NS // NS)


def write(root: Path, hours: int = 1, ticks: int = 1) -> None:
    """A history of *hours*, with *ticks* and a feed in each."""
    history = MadeHistory(root, hours)
    history.begin(START_NS)
    for hour in range(hours):
        start_ns = START_NS + hour * HOUR_NS
        history.builder.feed(start_ns + 1, feed(start_ns + 1))
        for number in range(ticks):
            history.tick(start_ns + NS + number, CALL, {"delta": "0.5"})
    history.publish()


def test_a_manifest_describes_its_files(tmp_path: Path) -> None:
    write(tmp_path)
    content = orjson.loads((day_of(tmp_path) / schema.MANIFEST).read_bytes())
    assert (content["version"], content["venue"], content["day"]) == (1, VENUE, "2027-01-15")
    entry = content["files"]["BTC/2027-01-15/08.parquet"]
    path = tmp_path / "history/v1/sim/BTC/2027-01-15/08.parquet"
    assert entry["sha256"] == manifest.sha256(path)
    assert (entry["rows"], entry["keyframes"], entry["bytes"]) == (1, 0, path.stat().st_size)
    assert entry["first"] == "2027-01-15T08:00:01.000000Z"
    assert content["hours"]["08"] == {
        "sources": {"080000-5.mcap": 100},
        "recorded": [["2027-01-15T08:00:00.000000Z", "2027-01-15T08:00:01.000000Z"]],
        "gaps": [],
    }


def test_an_hour_that_is_made_again_replaces_its_rows_only(tmp_path: Path) -> None:
    write(tmp_path, hours=2)
    feeds = parquet.read_table(day_of(tmp_path) / schema.FEED)
    write(tmp_path, hours=1, ticks=3)
    assert parquet.read_table(day_of(tmp_path) / schema.FEED).equals(feeds)
    content = orjson.loads((day_of(tmp_path) / schema.MANIFEST).read_bytes())
    rows = {name: entry["rows"] for name, entry in content["files"].items() if "asset" in entry}
    assert rows["BTC/2027-01-15/08.parquet"] == 3
    assert sorted(content["hours"]) == ["08", "09"]
    assert verify_day(day_of(tmp_path)).problems == []


def test_a_full_disk_leaves_nothing_that_is_taken_for_whole(tmp_path: Path) -> None:
    history = MadeHistory(tmp_path)
    history.begin(START_NS)
    for number in range(500):
        history.tick(START_NS + number, CALL, {"delta": f"0.{number}", "gamma": f"{number}.7"})
    with full_after(500), pytest.raises(OSError):  # noqa: PT011 - whichever the disk gives
        history.publish()
    history.builder.discard()
    assert not [path for path in tmp_path.rglob("*.*") if path.is_file()]
    write(tmp_path)
    assert verify_day(day_of(tmp_path)).problems == []


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"format":"fastopts-history","version":2}'])
def test_a_foreign_manifest_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / schema.MANIFEST).write_text(text)
    with pytest.raises(CaptureError, match="manifest"):
        manifest.DayManifest.load(tmp_path)


def test_files_name_their_format(tmp_path: Path) -> None:
    write(tmp_path)
    for path in tmp_path.rglob("*.parquet"):
        metadata: pa.Schema = parquet.read_schema(path)
        assert metadata.metadata[b"format"] == b"fastopts-history", path
        assert metadata.metadata[b"version"] == b"1"
