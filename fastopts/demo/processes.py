"""The processes behind the view: started in order, and stopped with it, however it ends."""

import importlib.util
import os
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any, Final, Self

import orjson

from fastopts.embedded import EmbeddedValkey, end_with_parent
from fastopts.errors import FastoptsError, StoreUnavailable

__all__ = ("PAGE_PORT", "REDIS_PORT", "Processes")

# Fixed, so that a bookmark and a pasted line work again tomorrow; beside those of `fastopts serve`
# and of a Redis, which may run on the same machine.
PAGE_PORT: Final = 8060
REDIS_PORT: Final = 6390
_PORT_ATTEMPTS: Final = 20
_SERVER_MODULE: Final = "uvicorn"  # of the extra `serve`

STOP_TIMEOUT_S: Final = 5.0
STATUS_S: Final = 1
STATUS_MAX_AGE_S: Final = 5.0  # as long as a heartbeat counts

# These choose which code runs, compiled or pure, and are no settings of a collector.
_BUILD_VARIABLES: Final = ("FASTOPTS_PURE", "FASTOPTS_BUILD")

_PAGE: Final = re.compile(r"http://127\.0\.0\.1:\d+/")
_URLS: Final = re.compile(r"REST (http\S+); WebSocket (ws\S+)")


class Processes:
    """Simulated venue, collector and server around a private Valkey, while the `with` block runs.

    `status` is the newest status in the collector's log, `log_line` the newest warning of collector
    and server, `page_url` the address of the dashboard, "" without the extra `serve`.
    """

    def __init__(
        self, symbols: int, rate: float, seed: int, page_port: int = 0, redis_port: int = 0
    ) -> None:
        """Simulate about *symbols* options with *rate* messages per second.

        A port that is taken gives way to the next free one; 0 selects any free port.
        """
        self._status: dict[str, Any] = {}
        self._status_at_s = 0.0
        self.log_line = ""
        self.page_url = ""
        self.valkey = EmbeddedValkey(redis_port)
        self._page_port = page_port
        self._sim_options = ["--symbols", str(symbols), "--rate", str(rate), "--seed", str(seed)]
        self._children: list[subprocess.Popen[str]] = []
        self._log_threads: list[threading.Thread] = []

    def __enter__(self) -> Self:
        try:
            self._start_valkey()
            rest_url, ws_url = self._start_sim()
            self._start_collector(rest_url, ws_url)
            self._start_server()
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._stop()

    @property
    def status(self) -> dict[str, Any]:
        """The collector's newest status; {} before the first, and once it has sent none for long.

        A collector that is suspended reports nothing, and its last numbers are no longer true.
        """
        return self._status if time.monotonic() - self._status_at_s < STATUS_MAX_AGE_S else {}

    def check(self) -> None:
        """Raise FastoptsError when a process has ended by itself."""
        for child in self._children:
            if (code := child.poll()) is not None:
                reason = self.log_line or f"exit code {code}"
                raise FastoptsError(f"a process of the demo ended: {reason}")

    def _start_valkey(self) -> None:
        for port in _ports_from(self.valkey.port):
            self.valkey = EmbeddedValkey(port)
            try:
                self.valkey.start()
            except StoreUnavailable:
                # another program has taken the port in this moment, or there is another reason
                if _is_free(port):
                    raise
            else:
                return

    def _start_sim(self) -> tuple[str, str]:
        options = ["--port", "0", *self._sim_options]
        child = self._start("fastopts.sim", options, has_stdout=True)
        assert child.stdout is not None
        line = child.stdout.readline()
        match = _URLS.search(line)
        if match is None:
            raise FastoptsError(f"the simulated venue did not start: {line.strip()}")
        return match[1], match[2]

    def _start_collector(self, rest_url: str, ws_url: str) -> None:
        options = [
            *("--venue", "sim", "--rest-url", rest_url, "--ws-url", ws_url),
            *("--redis-url", self.valkey.url, "--log-format", "json", "--status-s", str(STATUS_S)),
            # A cache file would carry the universe of one demo into the next.
            *("--coins", "BTC,ETH,SOL,XRP", "--cache-file", os.devnull),
        ]
        self._follow_log(self._start("fastopts.track", options))

    def _start_server(self) -> None:
        if importlib.util.find_spec(_SERVER_MODULE) is None:
            return  # everything else works without the extra
        redis_options = ["--redis-url", self.valkey.url, "--venue", "sim"]
        for port in _ports_from(self._page_port):
            options = ["serve", "--port", str(port), *redis_options]
            child = self._start("fastopts.cli", options, FASTOPTS_LOG_FORMAT="json")
            assert child.stderr is not None
            line = child.stderr.readline()
            match = _PAGE.search(line)
            if match is not None:
                self.page_url = match[0]
                self._follow_log(child)
                return
            if _is_free(port):
                raise FastoptsError(f"the server did not start: {line.strip()}")
            self._children.remove(child)  # another program has taken the port in this moment
            _end(child)
            _close_pipes(child)

    def _start(
        self, module: str, options: list[str], *, has_stdout: bool = False, **variables: str
    ) -> subprocess.Popen[str]:
        """Start `python -m` *module*, whose log is on stderr, or on stdout with *has_stdout*."""
        child = subprocess.Popen(
            # -P: not the folder `fastopts` of the current directory, a checkout that is not built
            [sys.executable, "-P", "-m", module, *options],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE if has_stdout else subprocess.DEVNULL,
            stderr=subprocess.STDOUT if has_stdout else subprocess.PIPE,
            text=True,
            env=_environment() | variables,
            # Ctrl-C signals the whole foreground session; only the view should get it, which then
            # stops the others in order.
            start_new_session=True,
            preexec_fn=end_with_parent,  # noqa: PLW1509
        )
        self._children.append(child)
        return child

    def _follow_log(self, child: subprocess.Popen[str]) -> None:
        thread = threading.Thread(target=self._read_log, args=(child,), daemon=True)
        thread.start()
        self._log_threads.append(thread)

    def _read_log(self, child: subprocess.Popen[str]) -> None:
        # Unread, a full pipe would stop the child at its next log line.
        assert child.stderr is not None
        for line in child.stderr:
            try:
                record = orjson.loads(line)
            except orjson.JSONDecodeError:
                self.log_line = line.strip()
                continue
            if status := record.get("status"):
                self._status, self._status_at_s = status, time.monotonic()
            if record["level"] != "INFO":
                self.log_line = record["message"]

    def _stop(self) -> None:
        for child in reversed(self._children):
            _end(child)
        for thread in self._log_threads:
            thread.join()
        for child in self._children:
            _close_pipes(child)
        self.valkey.stop()


def _end(child: subprocess.Popen[str]) -> None:
    child.terminate()
    try:
        child.wait(STOP_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


def _close_pipes(child: subprocess.Popen[str]) -> None:
    for pipe in (child.stdout, child.stderr):
        if pipe is not None:
            pipe.close()


def _ports_from(first: int) -> Iterator[int]:
    """*first* and the ports after it that are free, then 0 for any; only 0 if *first* is."""
    if first:
        yield from filter(_is_free, range(first, min(first + _PORT_ATTEMPTS, 65536)))
    yield 0


def _is_free(port: int) -> bool:
    """Whether a server could listen on *port* of loopback now; 0 always."""
    with socket.socket() as probe:
        # as servers do: a port whose former connections are still closing is free
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _environment() -> dict[str, str]:
    """This process's environment without settings of another collector.

    The demo may run beside production: it must not share a server, a password, a port or a file
    with it, nor read its configuration file.
    """
    variables = {
        name: value
        for name, value in os.environ.items()
        if name in _BUILD_VARIABLES or not name.startswith(("FASTOPTS_", "REDIS_"))
    }
    return variables | {"FASTOPTS_CONFIG": os.devnull}
