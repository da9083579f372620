"""A Redis that answers INFO and TIME with what a test wants to be said."""

import socketserver
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import hiredis

__all__ = ("talking",)

HEALTHY = {
    "redis_version": "7.2.4",
    "used_memory": "1000000",
    "maxmemory": "0",
    "maxmemory_policy": "noeviction",
    "rdb_last_bgsave_status": "ok",
    "aof_enabled": "0",
    "cluster_enabled": "0",
}


@contextmanager
def talking(ahead_s: float = 0, /, **info: str) -> Iterator[str]:
    """The URL of such a server, *ahead_s* ahead of the local clock, INFO healthy but for *info*."""
    told = "".join(f"{name}:{value}\r\n" for name, value in (HEALTHY | info).items())

    def answer(words: list[bytes]) -> bytes:
        if words[0] == b"INFO":
            return b"$%d\r\n%b\r\n" % (len(told), told.encode())
        if words[0] == b"TIME":
            return b"*2\r\n+%d\r\n+0\r\n" % round(time.time() + ahead_s)
        return b"*0\r\n"

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            reader = hiredis.Reader()
            while data := self.request.recv(65536):
                reader.feed(data)
                while (words := reader.gets()) is not False:
                    self.request.sendall(answer(words))

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"redis://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()
