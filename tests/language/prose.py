"""The parts of a source file that a person reads: comments, docstrings, messages, Markdown."""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

MESSAGE_WORDS: Final = 3  # a shorter string is a key or a name, hardly a message

PYTHON: Final = re.compile(
    r"""(?P<comment>\#[^\n]*)
      | (?P<prefix>(?:\b[rbuf]{1,2})?)
        (?P<quote>\"{3}|'{3}|"|') (?P<text>(?:\\.|(?!(?P=quote))[^\\])*) (?P=quote)""",
    re.DOTALL | re.VERBOSE | re.IGNORECASE,
)
# A quote only opens a string where a value may stand: `/"/` is a regular expression.
SCRIPT: Final = re.compile(
    r"""(?P<block>/\*.*?\*/)
      | (?P<line>(?<![:\\/"'])//[^\n]*)
      | (?<![/\\\w]) (?P<quote>["'`]) (?P<text>(?:\\.|(?!(?P=quote))[^\n\\])*) (?P=quote)""",
    re.DOTALL | re.VERBOSE,
)
HASH_COMMENT: Final = re.compile(r"(?:^|(?<=\s))\#(?!!)[^\n]*", re.MULTILINE)
DESCRIPTION: Final = re.compile(
    r"^[ -]*(?:summary|description|label|about|title|value): "
    r"(?P<text>\|\n(?: {6,}[^\n]*\n)+|[^\n]*)",
    re.MULTILINE,
)
FENCE: Final = re.compile(r"^(?P<fence>```|~~~).*?^(?P=fence)", re.DOTALL | re.MULTILINE)
# What Markdown and docstrings set as code is quoted, not said.
QUOTED: Final = re.compile(
    r"``[^`]+``|`[^`]+`|\]\([^)\s]+\)|<!--.*?-->|</?[a-z][^<>]*>|https?://\S+|\$?\{[^{}]*\}",
    re.DOTALL,
)
# The prompts of a doctest, and tables or drawings set with spaces.
DOCTEST: Final = re.compile(r"^[ \t]*(?:>>>|\.\.\.)[^\n]*", re.MULTILINE)


@dataclass(frozen=True)
class ProsePassage:
    """One continuous text and the line of the file on which it begins."""

    line: int
    text: str


def passages(path: Path, *, messages: bool = True) -> list[ProsePassage]:
    """The prose of the file at *path*, in order; nothing for a file of another kind.

    Without *messages*, the strings of Python code are left out, except docstrings: those of a test
    are data.
    """
    extract = EXTRACTORS.get(path.suffix) or NAMES.get(path.name)
    if extract is None:
        return []
    if extract is _python and not messages:
        extract = _python_without_messages
    return [ProsePassage(each.line, _without_code(each.text)) for each in extract(path.read_text())]


def is_prose(path: Path) -> bool:
    """Whether `passages` knows how to read a file of this name."""
    return path.suffix in EXTRACTORS or path.name in NAMES


def flat(prose: Iterable[ProsePassage]) -> str:
    """The passages of a file at their own lines, everything else left blank."""
    lines: list[str] = []
    for each in prose:
        texts = each.text.split("\n")
        lines += [""] * (each.line + len(texts) - 1 - len(lines))
        for number, text in enumerate(texts, each.line - 1):
            lines[number] = f"{lines[number]} {text}".strip()
    return "\n".join(lines) + "\n"


def _without_code(text: str) -> str:
    return DOCTEST.sub(_blank, QUOTED.sub(_blank, text))


def _blank(match: re.Match[str]) -> str:
    """As many lines as the match has, so that the others keep their numbers."""
    return "_" + "\n" * match[0].count("\n")


def _python(text: str) -> Iterator[ProsePassage]:
    return _joined(_python_parts(text))


def _python_parts(text: str) -> Iterator[ProsePassage]:
    for match in PYTHON.finditer(text):
        line = text.count("\n", 0, match.start()) + 1
        if match["comment"]:
            yield ProsePassage(line, match["comment"].lstrip("#: "))
        elif "b" not in match["prefix"].lower() and _is_message(match, text):
            yield ProsePassage(line, _unescaped(match["text"]))


def _python_without_messages(text: str) -> Iterator[ProsePassage]:
    return _joined(
        ProsePassage(
            text.count("\n", 0, match.start()) + 1,
            match["comment"].lstrip("#: ") if match["comment"] else match["text"],
        )
        for match in PYTHON.finditer(text)
        if match["comment"] or _begins_line(match, text)
    )


def _is_message(match: re.Match[str], text: str) -> bool:
    return _begins_line(match, text) or _is_sentence(match["text"])


def _begins_line(match: re.Match[str], text: str) -> bool:
    """Whether a string is a docstring: nothing before it on its line, and three quotes."""
    before = text[text.rfind("\n", 0, match.start()) + 1 : match.start()]
    return not before.strip() and len(match["quote"]) == 3


def _is_sentence(text: str) -> bool:
    return len(re.findall(r"(?<![\w./_-])[A-Za-z][a-z']*(?![\w/_-])", text)) >= MESSAGE_WORDS


def _unescaped(text: str) -> str:
    return text.replace("\\n", "  ").replace("\\\n", "\n")


def _script(text: str) -> Iterator[ProsePassage]:
    return _joined(_script_parts(text))


def _script_parts(text: str) -> Iterator[ProsePassage]:
    for match in SCRIPT.finditer(text):
        line = text.count("\n", 0, match.start()) + 1
        if match["text"] is None:
            comment = match["block"] or match["line"]
            yield ProsePassage(line, re.sub(r"(?m)^\s*(?://+|/\*+|\*)|\*/$", " ", comment))
        elif _is_sentence(match["text"]):
            yield ProsePassage(line, _unescaped(match["text"]))


def _markup(text: str) -> Iterator[ProsePassage]:
    """HTML: what stands between the tags, and what the tags say to a reader."""
    spoken = re.sub(r"<(script|style)\b.*?</\1>", _blank, text, flags=re.DOTALL)
    spoken = re.sub(r"""(?:title|placeholder|aria-label|alt)="([^"]*)\"""", r">\1<", spoken)
    yield ProsePassage(1, re.sub(r"<[^<>]*>", _blank, spoken))


def _markdown(text: str) -> Iterator[ProsePassage]:
    yield ProsePassage(1, FENCE.sub(_blank, text))


def _hash_comments(text: str) -> Iterator[ProsePassage]:
    return _joined(
        ProsePassage(text.count("\n", 0, match.start()) + 1, match[0].lstrip("# "))
        for match in HASH_COMMENT.finditer(text)
    )


def _yaml(text: str) -> Iterator[ProsePassage]:
    """Comments, and the values that are sentences for a person."""
    yield from _hash_comments(text)
    for match in DESCRIPTION.finditer(text):
        yield ProsePassage(text.count("\n", 0, match.start("text")) + 1, match["text"])


def _joined(parts: Iterator[ProsePassage]) -> Iterator[ProsePassage]:
    """Comments on successive lines are one passage: a phrase may wrap."""
    lines: list[str] = []
    first = 0
    for part in parts:
        if lines and part.line != first + len(lines):
            yield ProsePassage(first, "\n".join(lines))
            lines = []
        if not lines:
            first = part.line
        lines += part.text.split("\n")
    if lines:
        yield ProsePassage(first, "\n".join(lines))


Extractor = Callable[[str], Iterator[ProsePassage]]
EXTRACTORS: Final[dict[str, Extractor]] = {
    ".py": _python,
    ".pyi": _python,
    ".pyx": _python,
    ".pxd": _python,
    ".js": _script,
    ".mjs": _script,
    ".css": _script,
    ".html": _markup,
    ".md": _markdown,
    ".yml": _yaml,
    ".yaml": _yaml,
    ".toml": _hash_comments,
    ".service": _hash_comments,
    ".in": _hash_comments,
}
NAMES: Final[dict[str, Extractor]] = {
    "Makefile": _hash_comments,
    "Dockerfile": _hash_comments,
    "run": _hash_comments,
}
