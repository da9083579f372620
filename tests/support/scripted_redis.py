"""A server that says what a real one never would: a test may change each reply on its way back."""

import contextlib
import socket
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Self

import hiredis

from fastopts.net.redis.resp import pack

__all__ = ("CLOSE", "ODD", "ScriptedCommand", "ScriptedRedis", "honest")

CLOSE: Final = None

# Malformed replies, and replies that no client should believe.
ODD: Final[Mapping[str, bytes]] = {
    "no RESP": b"HTTP/1.1 400 Bad Request\r\n\r\n",
    "a binary mess": bytes(range(256)),
    "an aggregate of billions": b"*3333333333\r\n",
    "an aggregate that overflows": b"*9999999999999999999999\r\n",
    "a negative aggregate": b"*-2\r\n",
    "a negative length": b"$-2\r\n",
    "a text of terabytes": b"$4444444444444\r\n",
    "a text without its end": b"$3\r\nabcXY",
    "a number that is none": b":1x\r\n",
    "nesting without end": b"*1\r\n" * 100_000 + b":1\r\n",
    "a line without end": b"+" + b"x" * 200_000,
}


@dataclass(frozen=True, slots=True)
class ScriptedCommand:
    """A command that came, and the *answer* that the real server has for it."""

    connection: int  # counted from 1
    number: int  # of the command on that connection, from 0
    command: tuple[bytes, ...]
    answer: bytes

    @property
    def name(self) -> bytes:
        return self.command[0].upper()


# What goes back: any bytes, or CLOSE to hang up.
Script = Callable[[ScriptedCommand], bytes | None]


def honest(said: ScriptedCommand) -> bytes:
    """The script of a server that is as it should be."""
    return said.answer


class ScriptedRedis:
    """Stands before the server on 127.0.0.1:*target* while its `with` block runs.

    Commands reach the real server one by one, and `script`, which may be changed at any time, says
    what goes back. It is called in threads of the server's.
    """

    def __init__(self, target: int, script: Script = honest) -> None:
        self.script = script
        self.accepted = 0
        self._target = target
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._sockets: list[socket.socket] = []
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> Self:
        self._begin(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        for each in (self._listener, *self._sockets):
            _close(each)
        for thread in self._threads:
            thread.join()

    @property
    def port(self) -> int:
        port: int = self._listener.getsockname()[1]
        return port

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}"

    def _begin(self, work: Callable[[], None]) -> None:
        thread = threading.Thread(target=work, name="scripted")
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self.accepted += 1
            real = socket.create_connection(("127.0.0.1", self._target))
            self._sockets += [client, real]
            self._begin(lambda c=client, r=real, n=self.accepted: self._serve(c, r, n))  # type: ignore[misc]

    def _serve(self, client: socket.socket, real: socket.socket, connection: int) -> None:
        commands, number = hiredis.Reader(), 0
        with contextlib.suppress(OSError):
            while data := client.recv(1 << 16):
                commands.feed(data)
                while (command := commands.gets()) is not False:
                    answer = _ask(real, command)
                    reply = self.script(ScriptedCommand(connection, number, tuple(command), answer))
                    if reply is CLOSE:
                        _close(client)
                        return
                    client.sendall(reply)
                    number += 1
        _close(client)


def _ask(real: socket.socket, command: list[bytes]) -> bytes:
    """The bytes with which the real server answers."""
    real.sendall(pack(*command))
    reader, answer = hiredis.Reader(), b""
    while reader.gets() is False:
        data = real.recv(1 << 16)
        if not data:
            raise ConnectionResetError("the real server hung up")
        answer += data
        reader.feed(data)
    return answer


def _close(each: socket.socket) -> None:
    """Wake who waits in it, too."""
    with contextlib.suppress(OSError):
        each.shutdown(socket.SHUT_RDWR)
    each.close()
