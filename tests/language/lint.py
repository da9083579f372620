"""Checks the prose of the repository: discouraged phrases, repeated words, proselint's rules.

    python -m tests.language.lint            what `make lint` runs
    python -m tests.language.lint --pending  the findings in the paths of pending.txt, too
    python -m tests.language.lint PATH...    these files or folders, pending or not

Spelling is checked by typos, names by ruff: see the Makefile.
"""

import argparse
import re
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from proselint.checks import __register__ as proselint_checks
from proselint.config import Config
from proselint.registry import CheckRegistry
from proselint.tools import LintFile

from tests.language.phrases import avoided
from tests.language.prose import ProsePassage, flat, is_prose, passages

ROOT: Final = Path(__file__).resolve().parents[2]
PENDING: Final = Path(__file__).with_name("pending.txt")
# This package quotes the phrases; the others are the work of other projects.
EXCLUDED: Final = ("tests/language", "fastopts/serve/page/vendor", "LICENSE")
REPEATED: Final = re.compile(r"(?<![\w-])([a-z]{2,})\s+\1(?![\w-])")
# Of proselint: not its typography, which is for print, and not its repeated words, which include
# those of tables and of successive headings.
RULES: Final = {
    **dict.fromkeys(
        (
            *("archaism", "cliches", "hedging", "malapropisms", "mixed_metaphors", "mondegreens"),
            *("needless_variants", "nonwords", "oxymorons", "redundancy", "skunked_terms"),
            *("social_awareness", "spelling", "uncomparables", "weasel_words"),
        ),
        True,
    ),
    "industrial_language.corporate_speak": True,
    "misc.back_formations": True,
    "misc.metadiscourse": True,
    "misc.pretension": True,
}
CONFIG: Final = Config(max_errors=1000, checks=RULES)


@dataclass(frozen=True, order=True)
class ProseFinding:
    """One thing to rewrite."""

    path: str
    line: int
    message: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.message}"


def files(root: Path = ROOT) -> list[Path]:
    """The files of the repository that have prose, sorted."""
    return sorted(
        path for path in root.rglob("*") if _is_ours(path.relative_to(root)) and is_prose(path)
    )


def _is_ours(path: Path) -> bool:
    hidden = path.parts[0].startswith(".") and path.parts[0] not in {".github", ".ci"}
    installed = {"__pycache__", "node_modules"} & set(path.parts)
    built = path.parts[0] in {"build", "dist", "site"} or installed
    generated = path.suffix == ".c" or path.parts[0].endswith(".egg-info")
    return not (hidden or built or generated or under(path.as_posix(), EXCLUDED))


def under(path: str, prefixes: Iterable[str]) -> bool:
    """Whether *path* is one of the files or folders, or inside one."""
    return any(path == prefix or path.startswith(f"{prefix}/") for prefix in prefixes)


def pending() -> list[str]:
    """The paths that are not clean yet, relative to the repository."""
    lines = (
        line.partition("#")[0].strip().rstrip("/") for line in PENDING.read_text().splitlines()
    )
    return [line for line in lines if line]


def findings(path: Path, root: Path = ROOT) -> list[ProseFinding]:
    """Everything to rewrite in one file."""
    name = path.relative_to(root).as_posix()
    prose = passages(path, messages=not name.startswith("tests/"))
    return sorted({ProseFinding(name, line, message) for line, message in _messages(prose)})


def _messages(prose: list[ProsePassage]) -> Iterator[tuple[int, str]]:
    for passage in prose:
        for line, phrase, instead in avoided(passage):
            yield line, f"avoid {phrase!r}; write: {instead}"
        for match in REPEATED.finditer(passage.text):
            line = passage.line + passage.text.count("\n", 0, match.start())
            yield line, f"{match[1]!r} twice"
    text = flat(prose)
    if text.strip():
        for result in LintFile("prose", text).lint(CONFIG):
            yield result.pos[0], f"{result.check_result.message} ({result.check_result.check_path})"


def main() -> int:
    """Print the findings; 1 when there are any outside the pending paths."""
    parser = argparse.ArgumentParser(prog="python -m tests.language.lint", description=__doc__)
    parser.add_argument("paths", nargs="*", type=Path)
    parser.add_argument("--pending", action="store_true", help="report the pending paths, too")
    arguments = parser.parse_args()
    CheckRegistry().register_many(proselint_checks)
    chosen = _chosen(arguments.paths) if arguments.paths else files()
    skipped = [] if arguments.paths or arguments.pending else pending()
    found = [
        finding
        for path in chosen
        if not under(path.relative_to(ROOT).as_posix(), skipped)
        for finding in findings(path)
    ]
    for finding in found:
        print(finding)
    if arguments.pending:
        _print_counts(found)
    return bool(found)


def _chosen(paths: list[Path]) -> list[Path]:
    wanted = [path.resolve().relative_to(ROOT).as_posix() for path in paths]
    return [path for path in files() if under(path.relative_to(ROOT).as_posix(), wanted)]


def _print_counts(found: list[ProseFinding]) -> None:
    """How many findings each pending path has, for those who empty the list."""
    counts = Counter(dict.fromkeys(pending(), 0))
    for finding in found:
        counts.update([entry for entry in counts if under(finding.path, [entry])])
    for entry, count in counts.most_common():
        remark = "" if (ROOT / entry).exists() else " (no such path)"
        print(f"{count:5}  {entry}{remark}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
