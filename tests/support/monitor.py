"""What is asked of a server, as the server sees it."""

import shlex
import socket
import threading
from typing import Self

__all__ = ("CommandMonitor",)

Command = list[str]


class CommandMonitor:
    """Notes the commands that come to the server on *port*, but those of administrators."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=30)
        self._thread = threading.Thread(target=self._note)
        self._lines: list[str] = []

    def __enter__(self) -> Self:
        self._socket.sendall(b"MONITOR\r\n")
        assert self._socket.recv(5) == b"+OK\r\n"
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._socket.close()

    def _note(self) -> None:
        with self._socket.makefile(encoding="latin-1", newline="\r\n") as stream:
            self._lines += stream

    def commands(self, over_unix: bool = False) -> list[Command]:
        """Those that came over TCP, or over the Unix socket."""
        found = []
        for line in self._lines:
            _, _, told = line.partition(" [")
            origin, _, words = told.partition("] ")
            if origin.partition(" ")[2].startswith("unix:") == over_unix and words:
                found.append(shlex.split(words))
        return found

    def kinds(self, over_unix: bool = False) -> list[Command]:
        """One for each command and kind of key."""
        return list({_kind(one): one for one in self.commands(over_unix)}.values())


def _kind(command: Command) -> tuple[str, ...]:
    prefixes = {word.partition(":")[0] for word in command if ":" in word}
    return (*command[: 2 if command[0] in ("CLIENT", "PUBSUB") else 1], *sorted(prefixes))
