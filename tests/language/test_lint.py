"""The linter of prose: what it finds, where, and the paths that it leaves out."""

from pathlib import Path

import pytest
from proselint.checks import __register__ as proselint_checks
from proselint.registry import CheckRegistry

from tests.language import lint
from tests.language.lint import ProseFinding, files, findings, under
from tests.language.phrases import PHRASES, avoided
from tests.language.prose import ProsePassage


@pytest.fixture(scope="module", autouse=True)
def _registered() -> None:
    CheckRegistry().register_many(proselint_checks)


def lint_text(folder: Path, text: str) -> list[ProseFinding]:
    path = folder / "page.md"
    path.write_text(text)
    return findings(path, folder)


def test_a_discouraged_phrase_is_found_over_the_end_of_a_line(tmp_path: Path) -> None:
    [finding] = lint_text(tmp_path, "# Title\n\nValues are handed\nover.\n")
    assert (finding.path, finding.line) == ("page.md", 3)
    assert finding.message.startswith("avoid 'handed over'; write: pass")


def test_a_repeated_word_is_found(tmp_path: Path) -> None:
    [finding] = lint_text(tmp_path, "It reads the\nthe reply.\n")
    assert str(finding) == "page.md:1: 'the' twice"


def test_the_rules_of_proselint_are_applied(tmp_path: Path) -> None:
    [finding] = lint_text(tmp_path, "One.\n\nThe result is more unique.\n")
    assert finding.line == 3
    assert finding.message.endswith("(uncomparables)")


def test_quoted_code_is_left_alone(tmp_path: Path) -> None:
    assert lint_text(tmp_path, "Call `told`:\n\n```\ntold told\n```\n") == []


@pytest.mark.parametrize(
    "text", ["a bear market", "told apart", "a standby", "a Bearer token", "the whole book"]
)
def test_terms_of_the_field_are_allowed(text: str) -> None:
    assert list(avoided(ProsePassage(1, text))) == []


def test_every_phrase_has_a_replacement_and_stands_once() -> None:
    assert all(phrase.instead for phrase in PHRASES)
    assert len({phrase.pattern for phrase in PHRASES}) == len(PHRASES)


def test_what_is_linted_are_the_projects_own_files() -> None:
    names = {path.relative_to(lint.ROOT).as_posix() for path in files()}
    assert {"README.md", "fastopts/model.py", "fastopts/serve/page/index.html"} <= names
    assert not [name for name in names if "vendor" in name or name.startswith((".venv", "build"))]


def test_a_prefix_covers_whole_names_only() -> None:
    assert under("docs/api.md", ["docs"])
    assert under("docs", ["docs"])
    assert not under("docs2/api.md", ["docs"])
