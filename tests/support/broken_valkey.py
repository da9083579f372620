"""A real valkey-server that a test stops, kills, restarts, fills up, locks or demotes."""

import contextlib
import shutil
import signal
import socket
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from fastopts.embedded import EmbeddedValkey
from tests.support.ports import free_port
from tests.support.waiting import PATIENCE_S

__all__ = ("REFUSING", "BrokenValkey", "plain_client", "wait_for")

WAIT_S = PATIENCE_S


class BrokenValkey(EmbeddedValkey):
    """A server with more *options*; its port and its folder stay the same over a `restart`.

    It saves nothing by itself: `client.save()` leaves what the next start is to load.
    """

    def __init__(self, *options: str, port: int = 0, password: str | None = None) -> None:
        super().__init__(port or free_port(), password)
        self.options = list(options)
        self.folder = Path(tempfile.mkdtemp(prefix="fastopts-valkey-"))
        self._clients: list[redis.Redis] = []

    def _command(self) -> list[str]:
        more = ["--enable-debug-command", "local", "--dir", str(self.folder)]
        return [*super()._command(), *more, *self.options]

    def _answers(self) -> bool:
        """Whether it says anything: a server that loads its data does."""
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1) as connection:
                connection.sendall(b"PING\r\n")
                return bool(connection.recv(64))
        except OSError:
            return False

    def stop(self) -> None:
        for client in self._clients:
            client.close()
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def kill(self) -> None:
        """SIGKILL: nothing is saved, no client is notified."""
        if self._process is not None:
            self._process.kill()
        super().stop()

    def restart(self, *options: str) -> None:
        """Kill it and start it again, with *options* beside its own."""
        self.kill()
        own, self.options = self.options, [*self.options, *options]
        self.start()
        self.options = own

    @property
    def client(self) -> redis.Redis:
        """A client of its own, that gives text."""
        client = plain_client(self.port)
        self._clients.append(client)
        return client

    def acl(self, *words: str) -> None:
        self.client.execute_command("ACL", *words)  # type: ignore[no-untyped-call]

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """SIGSTOP meanwhile: it accepts connections and answers nothing."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._process.send_signal(signal.SIGCONT)


def plain_client(port: int, timeout_s: float = 10.0) -> redis.Redis:
    """One that gives text, and tries nothing a second time."""
    return redis.Redis(
        port=port,
        protocol=2,
        decode_responses=True,
        socket_timeout=timeout_s,
        retry=Retry(NoBackoff(), 0),
    )


def wait_for(condition: Callable[[], object], seconds: float = WAIT_S) -> None:
    """Wait until *condition* holds. Raises TimeoutError."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {seconds:g} s")
        time.sleep(0.005)


@contextmanager
def _full(server: BrokenValkey) -> Iterator[None]:
    with _configured(server, "maxmemory", "1", "0"):
        yield


@contextmanager
def _unable_to_save(server: BrokenValkey) -> Iterator[None]:
    client, dump = server.client, server.folder / "dump.rdb"
    dump.mkdir()
    client.config_set("save", "3600 1")
    client.bgsave()
    wait_for(lambda: client.info("persistence")["rdb_last_bgsave_status"] == "err")
    try:
        yield
    finally:
        client.config_set("save", "")
        dump.rmdir()


@contextmanager
def _demoted(server: BrokenValkey) -> Iterator[None]:
    server.client.replicaof("127.0.0.1", "1")
    try:
        yield
    finally:
        server.client.replicaof("NO", "ONE")


@contextmanager
def _busy(server: BrokenValkey) -> Iterator[None]:
    server.client.config_set("lua-time-limit", "20")
    script = threading.Thread(target=_loop_for_ever, args=(server.client,))
    script.start()
    probe = server.client
    wait_for(lambda: _is_busy(probe))
    try:
        yield
    finally:
        probe.script_kill()
        script.join()


@contextmanager
def _without_replicas(server: BrokenValkey) -> Iterator[None]:
    with _configured(server, "min-replicas-to-write", "1", "0"):
        yield


@contextmanager
def _narrowed(server: BrokenValkey) -> Iterator[None]:
    server.acl("SETUSER", "default", "-hset")
    try:
        yield
    finally:
        server.acl("SETUSER", "default", "+hset")


@contextmanager
def _configured(server: BrokenValkey, name: str, value: str, usual: str) -> Iterator[None]:
    server.client.config_set(name, value)
    try:
        yield
    finally:
        server.client.config_set(name, usual)


def _loop_for_ever(client: redis.Redis) -> None:
    with contextlib.suppress(redis.ResponseError):  # it was killed
        client.eval("while true do end", 0)


def _is_busy(client: redis.Redis) -> bool:
    try:
        client.ping()
    except redis.ResponseError as error:
        return str(error).startswith("BUSY")
    return False


Refusing = Callable[[BrokenValkey], Any]

# The first word of a server's refusal -> a block in which it refuses writers with that word.
REFUSING: Final[Mapping[str, Refusing]] = {
    "OOM": _full,
    "MISCONF": _unable_to_save,
    "READONLY": _demoted,
    "BUSY": _busy,
    "NOREPLICAS": _without_replicas,
    "NOPERM": _narrowed,
}
