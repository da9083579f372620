"""The examples of README and docs run, and what the docs list is what there is."""

import re
from pathlib import Path

import pytest

from fastopts.config import DEFAULT_COINS, SETTINGS
from tests.store import Store

ROOT = Path(__file__).parent.parent
QUOTE = "1205.0 1230.0 0.4883 0.39"
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
EXAMPLES = [
    pytest.param(match[1], id=f"{page.name}-{number}")
    for page in PAGES
    for number, match in enumerate(re.finditer(r"```python\n(.*?)```", page.read_text(), re.DOTALL))
]


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
