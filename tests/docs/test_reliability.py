"""RELIABILITY.md is what the results in reliability/ say."""

import runpy
from pathlib import Path

from tests.faults.catalogue import FAULTS, NOT_PROVED

ROOT = Path(__file__).parents[2]
MADE = runpy.run_path(str(ROOT / "docs" / "make_reliability.py"))


def test_the_page_is_made_of_the_results() -> None:
    page = (ROOT / "RELIABILITY.md").read_text()
    assert page == MADE["page"](), "run `python -m docs.make_reliability`"


def test_every_fault_that_applies_has_tests_that_passed() -> None:
    figures = MADE["result"]("faults")["figures"]
    assert figures["failed"] == {}
    assert figures["passed"].keys() == FAULTS.keys() - NOT_PROVED.keys()
