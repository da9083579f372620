"""Measurements of the code's language, by fixed definitions: python -m tests.language.measure.

filler bindings    names bound to a value (by assignment, loop, call, `with`, `except` or import)
                   that are one of FILLERS, as a share of all bindings
comments           lines that are a comment or end with one, as a share of the lines of code
docstrings         public modules, classes, functions and methods with a docstring, as a share
longest function   lines of a function, with its decorators, docstring and nested functions
largest file       lines of a file

A line of code has something other than a comment or a docstring. Directives (`# noqa`) count as
comments, and overloads and setters need no docstring.
"""

import ast
import io
import sys
import tokenize
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
PRODUCT: Final = ROOT / "fastopts"
FILLERS: Final = frozenset(
    (
        *("asked", "came", "chosen", "done", "found", "gave", "given", "gone", "got", "had"),
        *("heard", "held", "here", "kept", "left", "looked", "made", "meant", "near"),
        *("one", "ones", "other", "others", "ours", "put", "said", "same", "so", "spoken"),
        *("stood", "such", "taken", "tell", "that", "them", "there", "these", "they", "thing"),
        *("things", "this", "those", "told", "took", "tried", "turned", "wanted", "what"),
        *("which", "who", "whole", "whose", "word", "words"),
    )
)
# Tokens without a sign of their own on the line.
LAYOUT: Final = {
    tokenize.NL,
    tokenize.NEWLINE,
    tokenize.INDENT,
    tokenize.DEDENT,
    tokenize.ENDMARKER,
}

Function = ast.FunctionDef | ast.AsyncFunctionDef
Documented = ast.Module | ast.ClassDef | Function


@dataclass
class Measurements:
    """Counts over some files, and the largest things in them."""

    bindings: int = 0
    fillers: Counter[str] = field(default_factory=Counter)
    code: int = 0
    comments: int = 0
    public: int = 0
    undocumented: list[str] = field(default_factory=list)
    longest_function: tuple[int, str] = (0, "")
    largest_file: tuple[int, str] = (0, "")

    @property
    def filler_percent(self) -> float:
        """Filler names per 100 bindings."""
        return 100 * self.fillers.total() / max(self.bindings, 1)

    @property
    def comment_percent(self) -> float:
        """Lines with a comment per 100 lines of code."""
        return 100 * self.comments / max(self.code, 1)

    @property
    def docstring_percent(self) -> float:
        """Public names with a docstring per 100 public names."""
        return 100 * (1 - len(self.undocumented) / max(self.public, 1))

    def add(self, name: str, text: str) -> None:
        """Count one file of Python."""
        tree = ast.parse(text)
        lines = len(text.splitlines())
        self.largest_file = max(self.largest_file, (lines, name))
        names = list(_bound(tree))
        self.bindings += len(names)
        self.fillers.update(each for each in names if each.strip("_") in FILLERS)
        code, comments = _lines(text, tree)
        self.code += code
        self.comments += comments
        for where, node in _public(tree, name):
            self.public += 1
            if ast.get_docstring(node) is None:
                self.undocumented.append(where)
        for each in ast.walk(tree):
            if isinstance(each, Function):
                self.longest_function = max(self.longest_function, _length(each, name))

    def report(self) -> str:
        """One line for each measurement."""
        common = ", ".join(f"{name} {count}" for name, count in self.fillers.most_common(12))
        return "\n".join(
            (
                f"filler bindings   {self.filler_percent:5.2f} % of {self.bindings} ({common})",
                f"comments          {self.comment_percent:5.2f} % of {self.code} lines of code",
                f"docstrings        {self.docstring_percent:5.2f} % of {self.public} public names",
                f"longest function  {self.longest_function[0]:5} lines: {self.longest_function[1]}",
                f"largest file      {self.largest_file[0]:5} lines: {self.largest_file[1]}",
            )
        )


def measure(paths: Iterable[Path], root: Path = ROOT) -> Measurements:
    """Measure these files of Python."""
    result = Measurements()
    for path in paths:
        result.add(path.relative_to(root).as_posix(), path.read_text())
    return result


def sources(folder: Path = PRODUCT) -> list[Path]:
    """The modules of the package, sorted."""
    return sorted(folder.rglob("*.py"))


def _bound(tree: ast.AST) -> Iterator[str]:
    """Every name that is bound to a value, once for each place that binds it."""
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=name, ctx=ast.Store()) | ast.arg(arg=name):
                yield name
            case ast.ExceptHandler(name=str(name)) | ast.alias(asname=str(name)):
                yield name
            case ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
                yield name


def _public(tree: ast.Module, name: str) -> Iterator[tuple[str, Documented]]:
    """The module, and its classes, functions and methods without a leading underscore."""
    yield name, tree
    yield from _public_in(tree, name)


def _public_in(parent: ast.Module | ast.ClassDef, name: str) -> Iterator[tuple[str, Documented]]:
    for node in parent.body:
        if isinstance(node, ast.ClassDef | Function) and not node.name.startswith("_"):
            if not _is_overload(node):
                yield f"{name}:{node.lineno} {node.name}", node
            if isinstance(node, ast.ClassDef):
                yield from _public_in(node, name)


def _is_overload(node: ast.ClassDef | Function) -> bool:
    names = {ast.unparse(each).rpartition(".")[2] for each in node.decorator_list}
    return bool(names & {"overload", "setter"})


def _length(node: Function, name: str) -> tuple[int, str]:
    first = min((each.lineno for each in node.decorator_list), default=node.lineno)
    lines = (node.end_lineno or node.lineno) - first + 1
    return lines, f"{name}:{node.lineno} {node.name}"


def _lines(text: str, tree: ast.Module) -> tuple[int, int]:
    """How many lines have code, and how many a comment."""
    code: set[int] = set()
    comments = set()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            comments.add(token.start[0])
        elif token.type not in LAYOUT:
            code.update(range(token.start[0], token.end[0] + 1))
    return len(code - _docstring_lines(tree)), len(comments)


def _docstring_lines(tree: ast.Module) -> set[int]:
    lines: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, Documented) and ast.get_docstring(node, clean=False) is not None:
            lines.update(range(node.body[0].lineno, (node.body[0].end_lineno or 0) + 1))
    return lines


if __name__ == "__main__":
    folder = Path(sys.argv[1]).resolve() if len(sys.argv) > 1 else PRODUCT
    print(measure(sources(folder), folder.parent).report())
