"""What the terminal must be; test_command.py presses its keys."""

import os

import pytest

from fastopts.cli.top import terminal
from fastopts.errors import ConfigError


def test_without_a_terminal_it_names_the_other_command() -> None:
    # standard input and output of a test are no terminal
    with (
        pytest.raises(ConfigError, match="top needs a terminal; fastopts scan prints"),
        terminal.keys(),
    ):
        pass


@pytest.mark.parametrize("name", ["", "dumb", "unknown"])
def test_a_terminal_must_move_its_cursor(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    monkeypatch.setenv("TERM", name)
    with pytest.raises(ConfigError, match="set TERM"), terminal.keys():
        pass


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ("q", ["q"]),
        ("ab", ["a", "b"]),
        ("\x1b[D\x1b[C", [terminal.LEFT, terminal.RIGHT]),
        ("\x1b", [terminal.ESCAPE]),
        ("\x1b[1;5Dx", ["\x1b[1;5D", "x"]),
        ("\x1bOPé", ["\x1bOP", "é"]),
    ],
)
def test_an_escape_sequence_is_one_key(text: str, keys: list[str]) -> None:
    assert terminal._KEY.findall(text) == keys


@pytest.mark.parametrize(
    ("text", "key"),
    [
        *(("\x1bOA", terminal.UP), ("\x1bOB", terminal.DOWN), ("\x1b[1~", terminal.HOME)),
        *(("\x1bOH", terminal.HOME), ("\x1b[4~", terminal.END), ("\x1b[8~", terminal.END)),
        *(("\x1b[5~", terminal.PAGE_UP), ("\x1b[6~", terminal.PAGE_DOWN)),
    ],
)
def test_terminals_spell_a_key_in_several_ways(text: str, key: str) -> None:
    reading, writing = os.pipe()
    os.write(writing, text.encode())
    assert terminal._read(reading, 1) == [key]
    os.close(reading)
    os.close(writing)
