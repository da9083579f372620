"""Commands and virtual environments outside of this checkout."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

__all__ = ("CommandFailed", "Environment", "environment", "run", "wheel_in")

TIMEOUT_S: Final = 1800
# Variables that would lead back into the checkout, or into a running collector.
PRIVATE: Final = ("FASTOPTS_", "PYTHON", "PYTEST", "COVERAGE", "VIRTUAL_ENV", "CONDA")


class CommandFailed(Exception):
    """A command ended with an exit code other than 0; the message has its output."""


def run(command: list[str | Path], folder: Path, **variables: str) -> str:
    """Run a command in *folder* and return what it printed. Raises CommandFailed."""
    environ = {name: text for name, text in os.environ.items() if not name.startswith(PRIVATE)}
    process = subprocess.run(
        command,
        cwd=folder,
        env=environ | variables,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=TIMEOUT_S,
    )
    if process.returncode:
        line = " ".join(map(str, command))
        raise CommandFailed(f"{line}: exit code {process.returncode}\n{process.stdout}")
    return process.stdout


def wheel_in(folder: Path) -> Path:
    """The only wheel in *folder*."""
    [wheel] = folder.glob("fastopts-*.whl")
    return wheel.resolve()


@dataclass(frozen=True)
class Environment:
    """A virtual environment with pip, outside of the checkout."""

    folder: Path

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return self.folder / "bin" / "python"

    def run(self, *arguments: str | Path, **variables: str) -> str:
        """Run its interpreter with these arguments, in its own folder."""
        return run([self.python, *arguments], self.folder, **variables)

    def check(self) -> None:
        """Run `pip check`. Raises CommandFailed with the conflicts."""
        self.run("-m", "pip", "check")

    def versions(self) -> dict[str, str]:
        """The installed packages."""
        lines = self.run("-m", "pip", "list", "--format=freeze").splitlines()
        return dict(line.split("==", 1) for line in lines if "==" in line)

    def demonstrate(self) -> None:
        """Use the package: simulated venue, embedded Valkey, collector and reader for seconds."""
        self.run("-m", "fastopts.cli", "--version")
        self.run("-m", "fastopts.demo", "--symbols=200", "--rate=200", "--duration=3", TERM="dumb")


@contextmanager
def environment(uv: str) -> Iterator[Environment]:
    """An empty environment of this Python, removed at the end."""
    folder = Path(tempfile.mkdtemp(prefix="fastopts-"))
    try:
        run([uv, "venv", "--quiet", "--clear", "--seed", folder], folder)
        yield Environment(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
