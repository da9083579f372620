"""The processes behind the view; they end with it, however it ends."""

import os
import re
import subprocess
import sys
import threading
from typing import Any, Self

import orjson

from fastopts.embedded import EmbeddedValkey, end_with_parent
from fastopts.errors import FastoptsError

__all__ = ("Processes",)

STOP_TIMEOUT_S = 5.0
_OF_THE_PACKAGE = ("FASTOPTS_PURE", "FASTOPTS_BUILD")  # not settings: which code runs
_PAGE = re.compile(r"http://127\.0\.0\.1:\d+/")
_URLS = re.compile(r"REST (http\S+); WebSocket (ws\S+)")


def _environment() -> dict[str, str]:
    """Ours without the settings of another collector: the demo runs beside production, and shares
    neither server nor password, port or file with it."""
    kept = {
        name: text
        for name, text in os.environ.items()
        if name in _OF_THE_PACKAGE or not name.startswith(("FASTOPTS_", "REDIS_"))
    }
    return kept | {"FASTOPTS_CONFIG": os.devnull}


class Processes:
    """Simulated venue, collector and server around a private Valkey, while the `with` block runs.

    `status` is the collector's newest status, as it logs it; `said` the newest other line of those
    that log; `page_url` is where the server's page is.
    """

    def __init__(self, symbols: int, rate: float, seed: int) -> None:
        self.status: dict[str, Any] = {}
        self.said = ""
        self.valkey = EmbeddedValkey()
        self._sim_options = ["--symbols", str(symbols), "--rate", str(rate), "--seed", str(seed)]
        self._children: list[subprocess.Popen[str]] = []
        self.page_url = ""
        self._listeners: list[threading.Thread] = []

    def __enter__(self) -> Self:
        try:
            self.valkey.start()
            rest_url, ws_url = self._start_sim()
            self._start_collector(rest_url, ws_url)
            self._start_server()
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._stop()

    def check(self) -> None:
        """Raise FastoptsError when a process has ended by itself."""
        for child in self._children:
            if child.poll() is not None:
                raise FastoptsError(f"a process ended: {self.said or 'it did not say why'}")

    def _start_sim(self) -> tuple[str, str]:
        child = self._start("fastopts.sim", "--port", "0", *self._sim_options, out=True)
        assert child.stdout is not None
        line = child.stdout.readline()
        found = _URLS.search(line)
        if found is None:
            raise FastoptsError(f"the simulated venue did not start: {line.strip()}")
        return found[1], found[2]

    def _start_collector(self, rest_url: str, ws_url: str) -> None:
        child = self._start(
            "fastopts.track",
            *("--venue", "sim", "--rest-url", rest_url, "--ws-url", ws_url),
            *("--redis-url", self.valkey.url, "--log-format", "json", "--status-s", "1"),
            *("--coins", "BTC,ETH,SOL,XRP", "--cache-file", os.devnull),
        )
        self._listen_to(child)

    def _start_server(self) -> None:
        child = self._start(
            *("fastopts.cli", "serve", "--port", "0"),
            *("--redis-url", self.valkey.url, "--venue", "sim"),
            FASTOPTS_LOG_FORMAT="json",
        )
        assert child.stderr is not None
        line = child.stderr.readline()
        found = _PAGE.search(line)
        if found is None:
            raise FastoptsError(f"the server did not start: {line.strip()}")
        self.page_url = found[0]
        self._listen_to(child)

    def _listen_to(self, child: subprocess.Popen[str]) -> None:
        thread = threading.Thread(target=self._listen, args=(child,), daemon=True)
        thread.start()
        self._listeners.append(thread)

    def _start(
        self, module: str, *options: str, out: bool = False, **variables: str
    ) -> subprocess.Popen[str]:
        child = subprocess.Popen(
            [sys.executable, "-m", module, *options],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE if out else subprocess.DEVNULL,
            stderr=subprocess.STDOUT if out else subprocess.PIPE,
            text=True,
            env=_environment() | variables,
            # Ctrl-C is the view's to hear: it ends the others in order.
            start_new_session=True,
            preexec_fn=end_with_parent,  # noqa: PLW1509
        )
        self._children.append(child)
        return child

    def _listen(self, child: subprocess.Popen[str]) -> None:
        assert child.stderr is not None
        for line in child.stderr:
            try:
                record = orjson.loads(line)
            except orjson.JSONDecodeError:
                self.said = line.strip()
                continue
            self.status = record.get("status") or self.status
            if record["level"] != "INFO":
                self.said = record["message"]

    def _stop(self) -> None:
        for child in reversed(self._children):
            child.terminate()
            try:
                child.wait(STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
        for thread in self._listeners:
            thread.join()
        for child in self._children:
            for pipe in (child.stdout, child.stderr):
                if pipe is not None:
                    pipe.close()
        self.valkey.stop()
