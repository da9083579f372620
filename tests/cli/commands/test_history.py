"""`fastopts history` on files as a recorder leaves them, and on a history."""

import re
from datetime import datetime
from pathlib import Path

import pytest

from fastopts.capture.recovery import recover
from tests.capture.writing import new_file, write_capture, write_chunk
from tests.cli.process import fastopts
from tests.cli.terminal import on_terminal
from tests.history.market import CALL, NS, START_NS, MadeHistory

START = "2025-11-30T10:53:20"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder with a closed file, a recovered one, and one that is not closed."""
    day = tmp_path / "captures" / "sim" / "2025-11-30"
    day.mkdir(parents=True)
    file = new_file(day / "105320-5.mcap.part")
    write_chunk(file, range(100), is_first=True)
    file.close({"frames_received": "93", "frames_recorded": "90", "frames_not_recorded": "3"})
    write_capture(day / "115320-5.mcap.part", chunks=1)
    recover(day / "115320-5.mcap.part")
    write_capture(day / "125320-5.mcap.part", chunks=2)
    return tmp_path / "captures"


def test_each_file_has_a_row(root: Path) -> None:
    done = fastopts("history", "info", str(root), cwd=Path())
    assert (done.code, done.err) == (0, "")
    heads, closed, recovered, part = done.rows
    assert heads == [
        *("file", "venue", "state", "from (UTC)", "to (UTC)", "frames", "not recorded"),
        *("sent", "REST", "MB"),
    ]
    assert closed[0].endswith("/105320-5.mcap")
    assert closed[1:7] == [
        *("sim", "closed", "2025-11-30 10:53:20", "2025-11-30 10:53:20", "90", "3"),
    ]
    assert (recovered[2], recovered[5:7]) == ("recovered", ["45", "-"])
    assert (part[2], part[5:7]) == ("not closed", ["90", "-"])


def test_the_table_fits_a_narrow_terminal(root: Path) -> None:
    for columns in (60, 80):
        lines = on_terminal(
            "history", "info", str(root), columns=columns, NO_COLOR="1"
        ).splitlines()
        assert len(lines) == 4
        assert max(map(len, lines)) <= columns
        assert "not recorded" in lines[0]
        assert re.search(r"/105320-5\.mcap +.*closed +.*90 +3\b", lines[1])


def test_json_has_the_same(root: Path) -> None:
    closed, recovered, part = fastopts("history", "info", str(root), "--json", cwd=Path()).objects
    assert closed["start"].startswith(START)
    assert datetime.fromisoformat(closed["start"]) < datetime.fromisoformat(closed["end"])
    assert (closed["frames"], closed["frames_not_recorded"], closed["state"]) == (90, 3, "closed")
    assert closed["size_bytes"] == Path(closed["file"]).stat().st_size
    assert recovered["frames_not_recorded"] is None
    assert (part["state"], part["venue"], part["connections"]) == ("not closed", "sim", 1)


def test_single_files_can_be_named(root: Path) -> None:
    [path] = root.rglob("105320*")
    [row] = fastopts("history", "info", str(path), "--json", cwd=Path()).objects
    assert row["file"] == str(path)


def test_damage_is_said_and_the_rest_is_shown(root: Path) -> None:
    [path] = root.rglob("105320*")
    path.write_bytes(path.read_bytes()[:-100])
    foreign = root / "notes.mcap"
    foreign.write_text("text")
    done = fastopts("history", "info", str(root), "--json", cwd=Path())
    assert done.code == 1
    states = [row["state"] for row in done.objects]
    assert states == ["damaged", "recovered", "not closed"]
    assert done.err == f"fastopts: {foreign}: not an MCAP file\n"


def test_what_is_not_there_is_one_line(tmp_path: Path) -> None:
    done = fastopts("history", "info", str(tmp_path / "missing"), cwd=Path())
    assert (done.code, done.out) == (1, "")
    assert done.err == f"fastopts: {tmp_path / 'missing'}: No such file or directory\n"
    done = fastopts("history", "info", str(tmp_path), cwd=Path())
    assert (done.code, done.out) == (2, "")
    assert "no recorded files (*.mcap) in this folder or below" in done.err


def test_another_action_is_refused(tmp_path: Path) -> None:
    done = fastopts("history", "replay", str(tmp_path), cwd=Path())
    assert done.code == 2
    assert "choose info" in done.err


@pytest.fixture
def history(tmp_path: Path) -> Path:
    """The folder of captures whose history has a minute, then a gap of a minute."""
    made = MadeHistory(tmp_path)
    for start_ns in (START_NS, START_NS + 120 * NS):
        made.begin(start_ns)
        made.tick(start_ns + NS, CALL, {"delta": "0.5"})
        made.builder.advance(start_ns + 60 * NS)
    made.publish()
    return tmp_path


def test_a_whole_history_is_verified(history: Path) -> None:
    done = fastopts("history", "verify", str(history), cwd=Path())
    assert (done.code, done.err) == (0, "")
    assert done.out == "sim 2027-01-15: 4 files, 4 rows: all as in the manifest\n"


def test_a_damaged_history_is_an_error(history: Path) -> None:
    [path] = history.rglob("08.parquet")
    path.write_bytes(path.read_bytes()[:-1])
    done = fastopts("history", "verify", str(history), cwd=Path())
    assert done.code == 1
    assert done.err.startswith(f"fastopts: {path}: ")
    [report] = fastopts("history", "verify", str(history), "--json", cwd=Path()).objects
    assert len(report["problems"]) == 1


def test_gaps_have_times_and_reasons(history: Path) -> None:
    done = fastopts("history", "gaps", str(history), cwd=Path())
    assert done.rows == [
        ["venue", "from (UTC)", "to (UTC)", "seconds", "frames", "reason"],
        [
            *("sim", "2027-01-15 08:01:00", "2027-01-15 08:02:00", "60.0", "-"),
            "nothing was recorded",
        ],
    ]


def test_a_folder_without_history_is_one_line(tmp_path: Path) -> None:
    done = fastopts("history", "verify", str(tmp_path), cwd=Path())
    assert (done.code, done.out) == (2, "")
    assert "no history below (history/v1/VENUE/YYYY-MM-DD): run `fastopts history make`" in done.err
