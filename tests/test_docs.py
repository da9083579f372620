"""The examples of README and docs run, and what the docs list is what there is."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from fastopts.cli import commands as cli_commands
from fastopts.config import DEFAULT_COINS, SETTINGS
from tests.processes import environ
from tests.store import Store

ROOT = Path(__file__).parent.parent
QUOTE = "1205.0 1230.0 0.4883 0.39"
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
EXAMPLES = [
    pytest.param(match[1], id=f"{page.name}-{number}")
    for page in PAGES
    for number, match in enumerate(re.finditer(r"```python\n(.*?)```", page.read_text(), re.DOTALL))
]

# Commands that need no more than a store; top is the subject of tests/cli/test_top.py.
READING = "status|summary|expiries|chain|smile|get|scan|export"
COMMANDS = [
    line
    for block in re.findall(
        r"```sh\n(.*?)```", (ROOT / "docs" / "command.md").read_text(), re.DOTALL
    )
    for line in re.findall(rf"^fastopts (?:{READING}) ?.*", block, re.MULTILINE)
]
OPTION = re.compile(r"BTC-25JUN27-\d+-[CP]-USDT")


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_runs(example: str, store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    symbols = re.findall(r"[A-Z]+-\d+[A-Z]{3}\d\d-\d+-[CP](?:-USDT)?", example)
    assert symbols
    for symbol in symbols:
        store.tick(symbol)
    pointed = example.replace("redis://localhost:6379", store.url)
    assert pointed != example
    exec(compile(pointed, "example", "exec"), {})
    printed = capsys.readouterr().out
    # An example says what it prints in comments of their own.
    for line in re.findall(r"^# (.+)$", example, re.MULTILINE) or [QUOTE]:
        assert line in printed


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_that_reads_runs(command: str, store: Store, tmp_path: Path) -> None:
    for symbol in OPTION.findall(" ".join(COMMANDS)):
        store.option(symbol.replace("JUN27", "JUN60"))
    store.feed(heartbeat_limit_ms=60_000, watchdog_limit_ms=60_000)
    program = f"set -o pipefail; {sys.executable} -m fastopts.cli"
    # as long as the page is read, its expiry is to come
    ran = command.replace("fastopts", program, 1).replace("JUN27", "JUN60")
    done = subprocess.run(
        ["bash", "-c", ran],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=environ(FASTOPTS_REDIS_URL=store.url),
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout or list(tmp_path.iterdir())


def test_every_command_is_in_the_docs() -> None:
    page = (ROOT / "docs" / "command.md").read_text()
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
    for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", page.read_text()):
        assert (page.parent / target).exists(), target
