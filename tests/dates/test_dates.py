"""The recipe of `make dates` must shift what it is for, and nothing else."""

import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.dates.__main__ import LEFT_OUT
from tests.dates.shift import environ
from tests.support.programs import missing

YEAR_S = 366 * 86_400
SCRIPT = """
import datetime, os, socket, ssl, time
import redis
from fastopts import config
from fastopts.embedded import EmbeddedValkey
from tests.support.certificates import client_context, server_context

assert config.load({}, os.environ, {}).remarks == ()
began = time.monotonic()
time.sleep(0.01)
with EmbeddedValkey() as server, redis.Redis.from_url(server.url) as client:
    print(time.time(), datetime.datetime.now(datetime.UTC).timestamp(), client.time()[0])
print(began, time.monotonic())
ours, theirs = socket.socketpair()
incoming, outgoing, back = ssl.MemoryBIO(), ssl.MemoryBIO(), ssl.MemoryBIO()
server = server_context().wrap_bio(incoming, outgoing, server_side=True)
client = client_context().wrap_bio(outgoing, incoming, server_hostname="localhost")
for _ in range(4):
    for side in (client, server):
        try:
            side.do_handshake()
        except ssl.SSLWantReadError:
            pass
print(client.version())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="preloads a library on Linux")
@pytest.mark.skipif(shutil.which("cc") is None, reason=missing("cc"))
def test_clock_certificates_and_children_are_shifted_but_not_what_measures_time(
    tmp_path: Path,
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        env=environ(YEAR_S, tmp_path),
        capture_output=True,
        text=True,
        check=True,
    )
    clocks, steady, version = done.stdout.splitlines()
    for seconds in map(float, clocks.split()):
        assert abs(seconds - time.time() - YEAR_S) < 600
    before, after = map(float, steady.split())
    assert before < after <= time.monotonic()
    assert version.startswith("TLSv1")


def test_what_is_left_out_is_there() -> None:
    tests = Path(__file__).parents[1]
    assert [name for name in LEFT_OUT if not (tests / name).exists()] == []
