import errno
import os
import shutil
from pathlib import Path
from typing import NamedTuple

import pytest

from fastopts.capture.folder import CaptureFolder, FreeSpace, captures_below
from fastopts.errors import BadInput

# 30 November 2025, 11:46:40 UTC
START_NS = 1_764_503_200_000_000_000
NO_LIMIT = FreeSpace(share=0.0, size=0)


class Usage(NamedTuple):
    total: int
    used: int
    free: int


def closed(folder: Path, name: str, size: int) -> Path:
    path = folder / "sim" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(bytes(size))
    return path


def test_names_have_venue_day_time_and_epoch(tmp_path: Path) -> None:
    folder = CaptureFolder(tmp_path / "new", "sim", 1000)
    path = folder.new_path(START_NS, epoch=7)
    assert path == tmp_path / "new" / "sim" / "2025-11-30" / "114640-7.mcap.part"
    assert path.parent.is_dir()


def test_a_venue_of_the_operators_own_has_a_portable_name(tmp_path: Path) -> None:
    path = CaptureFolder(tmp_path, "custom:10.0.0.1:80", 1000).new_path(START_NS, 1)
    assert path.parent.parent.name == "custom-10.0.0.1-80"


@pytest.mark.parametrize("taken", ["114640-7.mcap", "114640-7.mcap.part"])
def test_a_name_that_is_taken_gets_a_number(tmp_path: Path, taken: str) -> None:
    closed(tmp_path, f"2025-11-30/{taken}", 1)
    path = CaptureFolder(tmp_path, "sim", 1000).new_path(START_NS, epoch=7)
    assert path.name > taken
    assert path.name == "114640-7_02.mcap.part"


def test_the_oldest_files_are_deleted_beyond_the_limit(tmp_path: Path) -> None:
    names = ("2025-11-28/230000-1.mcap", "2025-11-29/000000-1.mcap", "2025-11-29/010000-1.mcap")
    first, second, third = [closed(tmp_path, name, 400) for name in names]
    foreign = closed(tmp_path, "2025-11-28/notes.txt", 10_000)
    others = ("2025-11-27/robot.mcap", "old/000000-1.mcap", "2025-11-27/000000-1 copy.mcap")
    kept = [closed(tmp_path, name, 10_000) for name in others]
    other = closed(tmp_path / "other", "2025-11-01/000000-1.mcap", 10_000)
    open_file = closed(tmp_path, "2025-11-29/020000-1.mcap.part", 100)
    folder = CaptureFolder(tmp_path, "sim", 1500, NO_LIMIT)
    folder.make_room(200, open_file)  # 1,200 closed, 100 open, 200 needed
    assert all(path.exists() for path in (first, second, third))
    folder.make_room(201, open_file)
    assert [path.exists() for path in (first, second, third)] == [False, True, True]
    folder.make_room(1400, open_file)
    assert [path.exists() for path in (second, third)] == [False, False]
    assert all(path.exists() for path in (foreign, other, open_file, *kept))
    assert not third.parent.exists() or third.parent == open_file.parent
    with pytest.raises(OSError, match="no older capture is left to delete") as caught:
        folder.make_room(1401, open_file)
    assert caught.value.errno == errno.ENOSPC
    assert open_file.exists()


def test_an_empty_day_is_removed(tmp_path: Path) -> None:
    path = closed(tmp_path, "2025-11-28/230000-1.mcap", 900)
    CaptureFolder(tmp_path, "sim", 1000, NO_LIMIT).make_room(101, None)
    assert not path.parent.exists()


def test_a_part_of_the_disk_stays_free(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = [closed(tmp_path, f"2025-11-28/0{hour}0000-1.mcap", 100) for hour in range(3)]

    def usage(_: object) -> Usage:
        free = 300 + 100 * sum(not path.exists() for path in paths)
        return Usage(10_000, 10_000 - free, free)

    monkeypatch.setattr(shutil, "disk_usage", usage)
    folder = CaptureFolder(tmp_path, "sim", 1_000_000, FreeSpace(share=0.05, size=1000))
    folder.make_room(0, None)  # 500 stay free: two files go
    assert [path.exists() for path in paths] == [False, False, True]
    with pytest.raises(OSError, match="disk full: no older capture is left to delete"):
        folder.make_room(101, None)
    # the smaller of both
    CaptureFolder(tmp_path, "sim", 1_000_000, FreeSpace(share=0.9, size=500)).make_room(99, None)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such modes")
def test_folders_are_for_the_owner_and_the_group(tmp_path: Path) -> None:
    path = CaptureFolder(tmp_path / "new", "sim", 1000).new_path(START_NS, 1)
    assert path.parent.stat().st_mode & 0o027 == 0


def test_parts_are_found(tmp_path: Path) -> None:
    part = closed(tmp_path, "2025-11-29/020000-1.mcap.part", 1)
    closed(tmp_path, "2025-11-29/010000-1.mcap", 1)
    assert CaptureFolder(tmp_path, "sim", 1000).parts() == [part]
    assert CaptureFolder(tmp_path, "bybit", 1000).parts() == []


def test_a_file_is_large_by_the_limit_or_by_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(8_000, 0, 8_000))
    for keep_bytes in (800, 80_000):
        folder = CaptureFolder(tmp_path, "sim", keep_bytes)
        limit = min(keep_bytes, 8_000) // 8
        assert [folder.is_large(tmp_path, size) for size in (limit, limit + 1)] == [False, True]


def test_captures_below_a_folder_are_found_in_order_of_their_names(tmp_path: Path) -> None:
    names = ["sim/2026-12-31/230000-8.mcap", "sim/2027-01-01/000000-8.mcap.part"]
    for name in [*reversed(names), "sim/2027-01-01/notes.txt"]:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert captures_below(tmp_path) == [tmp_path / name for name in names]
    (tmp_path / "empty").mkdir()
    with pytest.raises(BadInput, match="no recorded files"):
        captures_below(tmp_path / "empty")
