"""Ports that stay free until a test binds them."""

import fcntl
import itertools
import os
import random
import socket
import tempfile
from pathlib import Path
from typing import Final

# Below the range from which Linux takes the ports of outgoing connections and of `bind(0)` (32768
# to 60999): in that range another test can get the port before it is bound here.
FIRST_PORT: Final = 20_000
LAST_PORT: Final = 32_000

_ports = itertools.cycle(range(FIRST_PORT, LAST_PORT))
for _ in range(random.Random(os.getpid()).randrange(LAST_PORT - FIRST_PORT)):
    next(_ports)
# The byte at a port's offset is locked until this process ends: a server that a test restarts on
# its port must find neither another worker's server there, nor one of another run of the tests.
_locks = os.open(Path(tempfile.gettempdir(), "fastopts-test-ports"), os.O_RDWR | os.O_CREAT, 0o666)


def free_port(host: str = "127.0.0.1") -> int:
    """Return a port of *host* on which nobody listens, for this process alone."""
    for port in itertools.islice(_ports, LAST_PORT - FIRST_PORT):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                fcntl.lockf(_locks, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, port)
                probe.bind((host, port))
            except OSError:
                continue
            return port
    message = f"no free port of {host} from {FIRST_PORT} to {LAST_PORT}"
    raise OSError(message)
