"""The page of the API is what the docstrings say."""

import runpy
from pathlib import Path

from fastopts import reader

ROOT = Path(__file__).parent.parent.parent
PAGE = (ROOT / "docs" / "api.md").read_text()


def test_the_page_is_what_is_made_of_the_docstrings() -> None:
    made: str = runpy.run_path(str(ROOT / "docs" / "make_api.py"))["page"]()
    assert made == PAGE, "run `python -m docs.make_api`"


def test_every_public_name_has_its_place() -> None:
    for name in reader.__all__:
        assert f"\n### {name}\n" in PAGE or f"\n| `{name}` | " in PAGE, name
