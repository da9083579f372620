"""The pages of README and docs, their examples and their tables."""

import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

__all__ = ("DEMO", "DOCS", "PAGES", "ROOT", "Example", "examples", "rows")

ROOT: Final = Path(__file__).parent.parent.parent
DOCS: Final = ROOT / "docs"
PAGES: Final = [ROOT / "README.md", *sorted(DOCS.glob("*.md"))]
URL: Final = "redis://localhost:6379"
# The demo's server, in an example that works beside the demo: tests/demo/test_demo.py
DEMO: Final = '"redis://127.0.0.1:6390", venue="sim"'
SHOWN: Final = re.compile(r"# => (.*)")


@dataclass(frozen=True)
class Example:
    """One block of code. It prints what follows `# => `, in this order; `...` is any text."""

    page: Path
    line: int
    code: str

    @property
    def shown(self) -> list[str]:
        return SHOWN.findall(self.code)

    def run(self, url: str, names: dict[str, Any]) -> None:
        """Run it against the server at *url*, with what the page has named so far."""
        # Its lines are counted as the page's, so that a traceback points there.
        pointed = "\n" * self.line + self.code.replace(URL, url).replace(DEMO, repr(url))
        exec(compile(pointed, str(self.page), "exec"), names)

    def agrees(self, printed: list[str]) -> bool:
        """Whether *printed* is what it shows."""
        forms = [re.escape(form).replace(r"\.\.\.", ".*") for form in self.shown]
        return re.fullmatch("\n".join(forms), "\n".join(printed)) is not None


def examples(page: Path, language: str) -> Iterator[Example]:
    """The blocks of *page* in *language*."""
    text = page.read_text()
    for match in re.finditer(rf"^```{language}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE):
        yield Example(page, text.count("\n", 0, match.start(1)), match[1])


def rows(page: str, first: str, number: int = 0) -> list[list[str]]:
    """The cells, without backticks, of a table of *page* whose head begins with *first*: of the
    first of these, or of the one with *number*."""
    lines = (DOCS / page).read_text().splitlines()
    heads = [place for place, line in enumerate(lines) if line.startswith(f"| {first} |")]
    body = itertools.takewhile(lambda line: line.startswith("|"), lines[heads[number] + 2 :])
    return [[cell.strip() for cell in line.replace("`", "")[1:-1].split("|")] for line in body]
