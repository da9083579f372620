"""What a plain reader loads."""

import subprocess
import sys

from tests.support.processes import environ

LATER = ("AsyncMirror", "AsyncOptionReader", "AsyncWatch", "Gap", "Mirror", "Move", "Watch")


def test_a_plain_reader_loads_neither_asyncio_nor_the_mirror() -> None:
    program = (
        "import sys, fastopts.reader as r; before = set(sys.modules);"
        "assert not {'asyncio', 'numpy', 'fastopts.reader.mirrors.mirror'} & before, before;"
        "from fastopts.reader import Gap, Mirror, Move, Watch;"
        "assert 'asyncio' not in sys.modules;"
        f"assert all(getattr(r, name).__name__ == name for name in {LATER});"
        f"assert set({LATER}) <= set(r.__all__)"
    )
    subprocess.run([sys.executable, "-c", program], check=True, env=environ(), timeout=60)
