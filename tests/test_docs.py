"""The examples of README and docs run and print what they say; the docs list what there is."""

import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from fastopts.cli import command_list as cli_commands
from fastopts.config import KNOWN_COINS, SETTINGS
from tests.docs.announcer import MovingAnnouncer
from tests.docs.market import list_market
from tests.docs.pages import DOCS, PAGES, examples
from tests.support.processes import environ
from tests.support.store import Store

# Examples that need more than a store: tests/docs/test_serving.py, tests/docs/test_recording.py
APART = ("serving.md", "recording.md", "history.md")
WITH_EXAMPLES = [page for page in PAGES if page.name not in APART and any(examples(page, "python"))]

# Commands that need no more than a store; top is the subject of tests/cli/top/.
READING = "status|summary|expiries|chain|smile|get|scan|watch|export"
COMMANDS = [
    line
    for example in examples(DOCS / "command.md", "sh")
    for line in re.findall(rf"^fastopts (?:{READING}) ?.*", example.code, re.MULTILINE)
]


@pytest.mark.parametrize("page", WITH_EXAMPLES, ids=lambda page: page.name)
def test_the_examples_of_a_page_run_and_print_what_they_say(
    page: Path,
    store: Store,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {"__name__": "example"}
    with MovingAnnouncer(store, list_market(store)):
        for example in examples(page, "python"):
            example.run(store.url, names)
            printed = capsys.readouterr().out
            assert example.agrees(printed.splitlines()), (
                f"{page.name}, line {example.line}, prints\n{printed}"
            )


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_redis_cli_examples_have_an_answer(page: Path, store: Store) -> None:
    list_market(store)
    for example in examples(page, "sh"):
        for line in re.findall("^redis-cli (.*)", example.code, re.MULTILINE):
            assert _ask(store, line), line


def _ask(store: Store, line: str) -> Any:
    return store.client.execute_command(*shlex.split(line, comments=True))  # type: ignore[no-untyped-call]


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_that_reads_runs(command: str, store: Store, tmp_path: Path) -> None:
    program = f"set -o pipefail; {sys.executable} -m fastopts.cli"
    with MovingAnnouncer(store, list_market(store)):
        done = subprocess.run(
            ["bash", "-c", command.replace("fastopts", program, 1)],
            capture_output=True,
            text=True,
            cwd=tmp_path,
            env=environ(FASTOPTS_REDIS_URL=store.url),
            check=False,
        )
    assert done.returncode == 0, done.stderr
    assert done.stdout or list(tmp_path.iterdir())


def test_every_command_is_in_the_docs() -> None:
    page = (DOCS / "command.md").read_text()
    titles = ", ".join(re.findall(r"^## (.*)", page, re.MULTILINE))
    assert set(cli_commands.COMMANDS) <= set(titles.split(", "))
    assert {command.split()[1] for command in COMMANDS} == set(READING.split("|"))


def test_every_setting_is_in_the_docs_and_no_other() -> None:
    page = (DOCS / "collector.md").read_text()
    rows = re.findall(r"^\| `--([a-z-]+)[^`]*` \| `FASTOPTS_([A-Z_]+)", page, re.MULTILINE)
    assert {option.replace("-", "_") for option, _ in rows} == set(SETTINGS)
    assert {name.lower() for _, name in rows} == set(SETTINGS)
    assert ", ".join(KNOWN_COINS) in page


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_within_the_repository_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?:)([^)]+)\)", page.read_text()):
        name, _, anchor = target.partition("#")
        led_to = page.parent / name if name else page
        assert led_to.exists(), target
        assert not anchor or anchor in _anchors(led_to), target


def _anchors(page: Path) -> set[str]:
    """The names under which a page's headings can be linked to."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", one).strip().lower().replace(" ", "-") for one in headings}
