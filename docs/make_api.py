"""Writes docs/api.md out of the docstrings and signatures of `fastopts.reader`.

python -m docs.make_api
"""

import ast
import inspect
import textwrap
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

from fastopts import errors, reader
from fastopts.field_registry import FIELDS

PAGE = Path(__file__).with_name("api.md")
INTRODUCTION = """\
# The API of the reader

Written by `python -m docs.make_api` out of the docstrings: change those. [reading.md](reading.md)
shows it all by example. An `Expiry` is a text, a date or a datetime; a `Column` a numpy array.
"""
CALLED = ("OptionReader", "AsyncOptionReader")  # the others are what they return
FIRST = (*CALLED, "Option", "Chain")
# What is returned without a name in `fastopts.reader`: a class, and where it lives.
BESIDE = {"Provenance": "export.dataframes"}
HAS_ALL_OF = {"Scan": "Table", "AsyncMirror": "Mirror"}  # is told of there
INNER = ("moment", "start", "of_terms", "terms")  # for the package's own use
WIDTH = 80

Function = ast.FunctionDef | ast.AsyncFunctionDef


def page() -> str:
    """The whole page."""
    classes = [name for name in reader.__all__ if not _is_error(name)]
    named = [getattr(reader, name) for name in sorted(classes, key=_place)]
    sections = [INTRODUCTION]
    sections += ["## In `fastopts.reader`\n", *map(_section, named)]
    sections += [
        "## What goes in and comes out beside these\n",
        *map(_section, map(_beside, BESIDE)),
    ]
    return "\n".join([*sections, _errors()])


def _beside(name: str) -> Any:
    if name not in BESIDE:
        return getattr(reader, name)
    return getattr(import_module(f"fastopts.reader.{BESIDE[name]}"), name)


def _is_error(name: str) -> bool:
    return name in errors.__all__


def _place(name: str) -> tuple[int, str]:
    return (FIRST.index(name), "") if name in FIRST else (len(FIRST), name)


def _section(kind: type) -> str:
    """One class: what it is, its attributes as a table, its methods."""
    parts = [f"### {kind.__name__}\n"]
    if kind.__name__ in BESIDE:
        parts.append(f"`{kind.__module__}.{kind.__name__}`\n")
    parts.append(f"{inspect.getdoc(kind)}\n")
    if kind.__name__ in CALLED:
        parts.append(_code(_signature(kind.__name__, _source(vars(kind)["__init__"]))))
    if more := HAS_ALL_OF.get(kind.__name__):
        parts.append(f"It has what [{more}](#{more.lower()}) has.\n")
    parts += _table("attribute", _attributes(kind))
    parts += _table("method", _borrowed(kind))
    return "\n".join([*parts, *_methods(kind)])


def _table(title: str, rows: dict[str, str]) -> Iterator[str]:
    if rows:
        lines = [f"| `{name}` | {_cell(words)} |" for name, words in rows.items()]
        yield "\n".join([f"| {title} | |", "|---|---|", *lines]) + "\n"


def _cell(words: str) -> str:
    return " ".join(words.split()).replace("|", "\\|").replace("<", "&lt;")


def _attributes(kind: type) -> dict[str, str]:
    """The meaning of each; of a field of a data class, a tuple or a dictionary its type."""
    rows = {}
    for name, annotation in _fields(kind):
        meaning = str(FIELDS[name]) if name in FIELDS else ""
        rows[name] = f"`{annotation}`" + (f": {meaning}" if meaning else "")
    for name, member in _members(kind).items():
        if not inspect.isfunction(member) and name not in rows:
            rows[name] = inspect.getdoc(member) or str(FIELDS[name])
    return rows


def _fields(kind: type) -> Iterator[tuple[str, str]]:
    if not any(hasattr(kind, mark) for mark in ("__dataclass_fields__", "_fields", "__total__")):
        return
    for node in _source(kind).body:
        if isinstance(node, ast.AnnAssign):
            yield ast.unparse(node.target), _type(node.annotation)


def _members(kind: type) -> dict[str, Any]:
    """What *kind* has that users may touch, its own before its bases', as defined."""
    if hasattr(kind, "__total__"):  # a dictionary
        return {}
    more = HAS_ALL_OF.get(kind.__name__)
    told = _beside(more).__mro__ if more else (object,)
    homes = [
        one for one in kind.__mro__ if one not in told and one.__module__.startswith("fastopts")
    ]
    found: dict[str, Any] = {}
    for home in homes:
        found = found | {name: vars(home)[name] for name in vars(home) if name not in found}
    return {name: found[name] for name in found if not name.startswith("_") and name not in INNER}


def _borrowed(kind: type) -> dict[str, str]:
    """The methods that are said to be as others."""
    return {
        f"{_await(_source(member))}{name}": inspect.getdoc(member) or ""
        for name, member in _members(kind).items()
        if inspect.isfunction(member) and _is_borrowed(member)
    }


def _is_borrowed(member: Any) -> bool:
    return (inspect.getdoc(member) or "").startswith("As `")


def _methods(kind: type) -> Iterator[str]:
    for name, member in _members(kind).items():
        if inspect.isfunction(member) and not _is_borrowed(member):
            yield f"#### {kind.__name__}.{name}\n"
            yield _code(_signature(name, _source(member)))
            yield f"{inspect.getdoc(member)}\n"


def _source(what: Any) -> Any:
    return ast.parse(textwrap.dedent(inspect.getsource(what))).body[0]


def _code(text: str) -> str:
    return f"```py\n{text}\n```\n"


def _await(node: ast.AST) -> str:
    return "await " if isinstance(node, ast.AsyncFunctionDef) else ""


def _signature(name: str, node: Function) -> str:
    """A call as the source spells it, with a line for each argument where it is long."""
    words = list(_arguments(node.args))
    result = "" if node.name == "__init__" else f" -> {_type(node.returns)}"
    start = f"{_await(node)}{name}("
    line = f"{start}{', '.join(words)}){result}"
    if len(line) <= WIDTH:
        return line
    return f"{start}\n" + "".join(f"    {word},\n" for word in words) + f"){result}"


def _arguments(found: ast.arguments) -> Iterator[str]:
    positional = found.args[1:]  # without self
    without = [None] * (len(positional) - len(found.defaults))
    for one, default in zip(positional, [*without, *found.defaults], strict=True):
        yield _argument(one, default)
    if found.kwonlyargs:
        yield "*"
    for one, default in zip(found.kwonlyargs, found.kw_defaults, strict=True):
        yield _argument(one, default)
    if found.kwarg:
        yield f"**{_argument(found.kwarg, None)}"


def _argument(one: ast.arg, default: ast.expr | None) -> str:
    given = f" = {_text(default)}" if default is not None else ""
    return f"{one.arg}: {_type(one.annotation)}{given}"


def _type(node: ast.expr | None) -> str:
    """An annotation; one in quotes without them."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    return "" if node is None else _text(node)


def _text(node: ast.expr) -> str:
    return ast.unparse(node).replace("'", '"')


def _errors() -> str:
    tree = inspect.cleandoc(errors.__doc__ or "").partition("\n\n")[2]
    rows = {
        name: inspect.getdoc(getattr(errors, name)) or ""
        for name in filter(_is_error, reader.__all__)
    }
    [told] = _table("in `fastopts.reader`", rows)
    return f"""## Errors

{told}
All of the package's, in `fastopts.errors`, by who has to act:

```text
{tree}
```
"""


if __name__ == "__main__":
    PAGE.write_text(page())
