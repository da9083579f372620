"""Completion in the shells themselves: a line is typed, then Tab."""

import os
import pty
import re
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.processes import environ
from tests.support.store import Store

SHELLS = {
    "bash": ["bash", "--norc", "--noprofile", "-i"],
    "zsh": ["zsh", "-f", "-i"],
}
SET_UP = {
    "bash": "PS1='ready> '; bind 'set bell-style none' 'set enable-bracketed-paste off';"
    " source <(fastopts completion bash)",
    "zsh": "PS1='ready> '; bindkey -e; unsetopt beep; unset zle_bracketed_paste;"
    " autoload -U compinit && compinit -u -D; source <(fastopts completion zsh)",
}
LINES = [
    ("fastopts expi", "fastopts expiries"),
    ("fastopts scan BTC --min-mon", "fastopts scan BTC --min-moneyness"),
    ("fastopts chain BTC --settle usdc", "fastopts chain BTC --settle USDC"),
    ("fastopts chain BTC --settle=USDC", "fastopts chain BTC --settle=USDC"),
    ("fastopts track --log-format j", "fastopts track --log-format json"),
    ("fastopts chain b", "fastopts chain BTC"),
    ("fastopts chain BTC 25", "fastopts chain BTC 25DEC60"),
    ("fastopts get ETH-27NOV60-3000-C", "fastopts get ETH-27NOV60-3000-C-USDT"),
    ("fastopts export not", "fastopts export notes.csv"),
]
_CODE = re.compile(r"\x1b\[[\d;?]*[A-Za-z]|\x1b[=>]|\x07")


@pytest.fixture
def variables(tmp_path: Path, market: Store) -> dict[str, str]:
    """An environment with `fastopts` on the path and a market in its Redis."""
    program = tmp_path / "bin" / "fastopts"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m fastopts.cli "$@"\n')
    program.chmod(0o755)
    (tmp_path / "notes.csv").touch()
    path = f"{program.parent}{os.pathsep}{os.environ['PATH']}"
    return environ(
        PATH=path, FASTOPTS_REDIS_URL=market.url, HOME=str(tmp_path), TERM="xterm", COLUMNS="120"
    )


class Shell:
    """An interactive shell on a pseudo-terminal."""

    def __init__(self, terminal: int) -> None:
        self._terminal = terminal
        self._written = ""

    def type(self, keys: str) -> None:
        self._written = ""
        os.write(self._terminal, keys.encode())

    def until(self, pattern: str) -> str:
        """Wait until *pattern* is on the terminal; return all that was written since `type`."""
        deadline = time.monotonic() + 60
        while not re.search(pattern, text := _CODE.sub("", self._written)):
            assert time.monotonic() < deadline, self._written
            if select.select([self._terminal], [], [], 0.1)[0]:
                self._written += os.read(self._terminal, 65536).decode(errors="replace")
        return text


@contextmanager
def interactive(name: str, folder: Path, variables: dict[str, str]) -> Iterator[Shell]:
    if shutil.which(name) is None:
        pytest.skip(f"{name} is not installed")
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        SHELLS[name],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        cwd=folder,
        env=variables,
        start_new_session=True,
    ) as process:
        try:
            os.close(theirs)
            shell = Shell(ours)
            shell.type(f"{SET_UP[name]}; echo load''ed\n")
            shell.until(r"loaded\s[\s\S]*ready> ")
            yield shell
        finally:
            process.kill()
            os.close(ours)


@pytest.mark.parametrize("name", SHELLS)
def test_tab_completes_the_word(tmp_path: Path, variables: dict[str, str], name: str) -> None:
    with interactive(name, tmp_path, variables) as shell:
        for line, completed in LINES:
            # the start of the line, the end of the line: what Enter would run is printed instead
            shell.type(f"{line}\t\x01echo '[' \x05 ']'\n")
            shell.until(rf"(?m)^\[ {re.escape(completed)} \]")
        shell.type("fastopts s\t\t")
        listed = shell.until(r"\bsim\b")
        for command in ("status", "summary", "smile", "scan", "serve"):
            assert command in listed


@pytest.mark.parametrize(
    ("line", "candidates"),
    [
        ("fastopts expi", ["expiries"]),
        ("fastopts chain BTC --st", ["--strikes", "--stale"]),
        ("fastopts chain BTC --settle ", ["USDT", "USDC"]),
        ("fastopts chain BTC --settle=us", ["--settle=USDT", "--settle=USDC"]),
        ("fastopts chain ", ["BTC", "ETH"]),
        ("fastopts chain BTC 2", ["27NOV60", "25DEC60"]),
        ("fastopts export not", ["notes.csv"]),
    ],
)
def test_fish_completes_the_word(
    tmp_path: Path, variables: dict[str, str], line: str, candidates: list[str]
) -> None:
    if shutil.which("fish") is None:
        pytest.skip("fish is not installed")
    code = "fastopts completion fish | source; complete --do-complete $argv[1]"
    done = subprocess.run(
        ["fish", "--no-config", "-c", code, line],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=variables,
        check=True,
        timeout=60,
    )
    assert sorted(each.partition("\t")[0] for each in done.stdout.splitlines()) == sorted(
        candidates
    )
