import os
import subprocess
import sys
from pathlib import Path

import pytest

from fastopts.capture.locks import lock

CHILD = """
import os, sys
from fastopts.capture.locks import lock
print(lock(os.open(sys.argv[1], os.O_RDONLY)))
"""


def can_lock(path: Path) -> bool:
    """Whether another process could lock *path*."""
    command = [sys.executable, "-c", CHILD, str(path)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout == "True\n"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows needs no locks")
def test_a_lock_ends_with_its_descriptor(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"")
    descriptor = os.open(path, os.O_RDONLY)
    assert lock(descriptor)
    assert not can_lock(path)
    os.close(descriptor)
    assert can_lock(path)
