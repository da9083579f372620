"""The examples of docs/history.md run on histories, and print what they say."""

from pathlib import Path
from typing import Any

import pytest

from tests.docs.pages import DOCS, examples
from tests.history.files import market
from tests.history.market import CALL, NS, START_NS, MadeHistory, feed

PAGE = DOCS / "history.md"
FILES = "captures/history"  # in queries without fastopts


def test_the_examples_run_and_print_what_they_say(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    history = MadeHistory(tmp_path / "captures")
    history.begin(START_NS)
    history.builder.feed(START_NS, feed(START_NS))
    for second in range(61):
        at_ns = START_NS + second * NS
        history.builder.feed(at_ns, feed(at_ns))
        history.tick(at_ns + 1000, CALL, {"mark_price": "5000.25"})
    history.publish()
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    for example in (each for each in examples(PAGE, "python") if FILES in each.code):
        example.run("", names)
        printed = capsys.readouterr().out
        assert example.agrees(printed.splitlines()), printed


def test_the_examples_of_the_past_run_and_print_what_they_say(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    market().write(tmp_path / "captures")
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    for example in (each for each in examples(PAGE, "python") if FILES not in each.code):
        example.run("", names)
        printed = capsys.readouterr().out
        assert example.agrees(printed.splitlines()), printed
