"""The examples of README and docs run and print what they say; the docs list what there is."""

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from fastopts.cli import commands as cli_commands
from fastopts.config import DEFAULT_COINS, SETTINGS
from tests.docs.announcer import Announcer
from tests.docs.market import list_market
from tests.processes import environ
from tests.store import Store

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
URL = "redis://localhost:6379"
SHOWN = re.compile(r"#> (.*)")


@dataclass(frozen=True)
class Example:
    """One block of code. What follows `#> ` is printed, in this order; `...` stands for any text."""

    page: Path
    line: int
    code: str

    @property
    def shown(self) -> list[str]:
        return SHOWN.findall(self.code)

    def run(self, url: str, names: dict[str, Any]) -> None:
        """Run it against the server at *url*, with what the page has named so far."""
        # Its lines are counted as the page's, so that a traceback points there.
        pointed = "\n" * self.line + self.code.replace(URL, url)
        exec(compile(pointed, str(self.page), "exec"), names)


def examples(page: Path, language: str) -> Iterator[Example]:
    text = page.read_text()
    for match in re.finditer(rf"^```{language}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE):
        yield Example(page, text.count("\n", 0, match.start(1)), match[1])


WITH_EXAMPLES = [page for page in PAGES if any(examples(page, "python"))]


@pytest.mark.parametrize("page", WITH_EXAMPLES, ids=lambda page: page.name)
def test_the_examples_of_a_page_run_and_print_what_they_say(
    page: Path,
    store: Store,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    skew_ms = list_market(store)
    names: dict[str, Any] = {"__name__": "example"}
    with Announcer(store, skew_ms):
        for example in examples(page, "python"):
            example.run(store.url, names)
            printed = capsys.readouterr().out.splitlines()
            if example.shown:
                where = f"{page.name}:{example.line}"
                assert _shorten(printed, example.shown) == example.shown, where


def _shorten(printed: list[str], shown: list[str]) -> list[str]:
    """Each line as the page shows it, where they agree."""
    pairs = zip(printed, shown, strict=False)
    agreed = [form if _agree(line, form) else line for line, form in pairs]
    return agreed + printed[len(agreed) :]


def _agree(line: str, form: str) -> bool:
    return re.fullmatch(re.escape(form).replace(r"\.\.\.", ".*"), line) is not None


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_what_redis_cli_is_told_is_understood(page: Path, store: Store) -> None:
    list_market(store)
    for example in examples(page, "sh"):
        for line in re.findall("^redis-cli (.*)", example.code, re.MULTILINE):
            assert store.client.execute_command(*shlex.split(line, comments=True)), line


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_that_reads_runs(command: str, store: Store, tmp_path: Path) -> None:
    list_market(store)
    program = f"set -o pipefail; {sys.executable} -m fastopts.cli"
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
    page = (ROOT / "docs" / "collector.md").read_text()
    rows = re.findall(r"^\| `--([a-z-]+)[^`]*` \| `FASTOPTS_([A-Z_]+)", page, re.MULTILINE)
    assert {option.replace("-", "_") for option, _ in rows} == set(SETTINGS)
    assert {name.lower() for _, name in rows} == set(SETTINGS)
    assert ", ".join(DEFAULT_COINS) in page


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
