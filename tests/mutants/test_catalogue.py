"""The catalogue fits the source, and the runner distinguishes caught mutants from survivors."""

from pathlib import Path

import pytest

from tests.mutants import runner
from tests.mutants.catalogue import ABSENT, MUTANTS, Edit, Mutant
from tests.mutants.runner import Uncatchable

ROOT = Path(__file__).parents[2]
TREE = {
    "rule.py": "def double(x):\n    return 2 * x\n",
    "test_rule.py": "from rule import double\n\ndef test_double():\n    assert double(2) == 4\n",
}


def test_each_replaces_what_is_there_exactly_once() -> None:
    assert runner.check(ROOT, MUTANTS) == []


def test_each_of_the_twenty_has_its_place() -> None:
    assert {m.number for m in MUTANTS} | ABSENT.keys() == set(range(1, 21))


def test_the_tests_that_must_fail_are_there() -> None:
    assert not [
        test for m in MUTANTS for test in m.tests if not (ROOT / test.split("::")[0]).exists()
    ]


def tree(path: Path) -> Path:
    copy = path / "copy"
    copy.mkdir()
    for name, text in TREE.items():
        (copy / name).write_text(text)
    return copy


@pytest.mark.parametrize(
    ("new", "caught"), [("return 3 * x", "test_rule.py::test_double"), ("return x + x", "")]
)
def test_a_mutant_is_caught_when_a_test_fails(tmp_path: Path, new: str, caught: str) -> None:
    mutant = Mutant(1, "x", (Edit("rule.py", "return 2 * x", new),), ("test_rule.py",))
    assert runner.mutate(tree(tmp_path), tmp_path / "1", mutant) == caught
    assert not (tmp_path / "1").exists()


def test_tests_that_are_not_there_catch_nothing(tmp_path: Path) -> None:
    mutant = Mutant(1, "x", (Edit("rule.py", "return 2 * x", "return 0"),), ("test_none.py",))
    with pytest.raises(Uncatchable, match="no test ran"):
        runner.mutate(tree(tmp_path), tmp_path / "1", mutant)


def test_a_text_that_is_gone_is_a_fault(tmp_path: Path) -> None:
    mutant = Mutant(1, "x", (Edit("rule.py", "return 4", "return 0"),), ("test_rule.py",))
    assert "holds 0 times" in runner.check(tree(tmp_path), (mutant,))[0]
