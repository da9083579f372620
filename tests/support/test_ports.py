"""Free ports for tests."""

import subprocess
import sys
from pathlib import Path

from tests.support.ports import free_port

OTHER_PROCESS = f"""
import sys
sys.path.insert(0, {str(Path(__file__).parents[2])!r})
from tests.support import ports
ports._ports = iter([*map(int, sys.argv[1:]), ports.FIRST_PORT + 5])
print(ports.free_port())
"""


def test_a_port_is_given_once() -> None:
    ports = [free_port() for _ in range(20)]
    assert len(set(ports)) == 20


def test_another_process_does_not_get_it() -> None:
    mine = [str(free_port()) for _ in range(3)]
    command = [sys.executable, "-c", OTHER_PROCESS, *mine]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    # Whether the last one is free or not, none of these is taken.
    assert done.stdout.strip() not in mine
    assert done.returncode == 0 or "no free port" in done.stderr
