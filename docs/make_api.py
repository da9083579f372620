"""Write docs/api.md from the docstrings and signatures of `fastopts.reader`.

    python -m docs.make_api

Methods that have docstring and arguments of a method of `OptionReader` are listed with a reference
to it, so that the page explains each method once.
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

Written by `python -m docs.make_api` from the docstrings: change those. [reading.md](reading.md)
shows it all by example. An `Expiry` is a text, a date or a datetime; a `Column` a numpy array.
"""
# Classes that users construct; the others are returned by their methods.
CONSTRUCTED = ("OptionReader", "AsyncOptionReader")
FIRST = (*CONSTRUCTED, "Option", "Chain")
# Returned classes without a name in `fastopts.reader`, and the module of each.
UNEXPORTED = {"Provenance": "export.dataframes"}
# Classes that have all methods of another one, and whose own methods only are shown.
EXTENDS = {"Scan": "Table", "AsyncMirror": "Mirror"}
INTERNAL = ("moment", "start", "of_terms", "terms")  # without an underscore, yet not for users
REFERENCE = "OptionReader"
WIDTH = 80

Function = ast.FunctionDef | ast.AsyncFunctionDef


def page() -> str:
    """Return the whole page."""
    names = [name for name in reader.__all__ if not _is_error(name)]
    classes = [getattr(reader, name) for name in sorted(names, key=_order)]
    sections = [INTRODUCTION]
    sections += ["## In `fastopts.reader`\n", *map(_section, classes)]
    sections += [
        "## What goes in and comes out beside these\n",
        *map(_section, map(_class, UNEXPORTED)),
    ]
    return "\n".join([*sections, _errors()])


def _class(name: str) -> Any:
    if name not in UNEXPORTED:
        return getattr(reader, name)
    return getattr(import_module(f"fastopts.reader.{UNEXPORTED[name]}"), name)


def _is_error(name: str) -> bool:
    return name in errors.__all__


def _order(name: str) -> tuple[int, str]:
    return (FIRST.index(name), "") if name in FIRST else (len(FIRST), name)


def _section(kind: type) -> str:
    """Return the section of one class: docstring, table of attributes, methods."""
    parts = [f"### {kind.__name__}\n"]
    if kind.__name__ in UNEXPORTED:
        parts.append(f"`{kind.__module__}.{kind.__name__}`\n")
    parts.append(f"{inspect.getdoc(kind)}\n")
    if kind.__name__ in CONSTRUCTED:
        parts.append(_code(_signature(kind.__name__, _node(vars(kind)["__init__"]))))
    if base := EXTENDS.get(kind.__name__):
        parts.append(f"It has what [{base}](#{base.lower()}) has.\n")
    parts += _table("attribute", _attributes(kind))
    parts += _table("method", _references(kind))
    return "\n".join([*parts, *_methods(kind)])


def _table(title: str, rows: dict[str, str]) -> Iterator[str]:
    if rows:
        lines = [f"| `{name}` | {_cell(text)} |" for name, text in rows.items()]
        yield "\n".join([f"| {title} | |", "|---|---|", *lines]) + "\n"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")


def _attributes(kind: type) -> dict[str, str]:
    """Return the meaning of each attribute; for fields of data classes also the type."""
    rows = {}
    for name, annotation in _fields(kind):
        meaning = str(FIELDS[name]) if name in FIELDS else ""
        rows[name] = f"`{annotation}`" + (f": {meaning}" if meaning else "")
    for name, member in _members(kind).items():
        if not inspect.isfunction(member) and name not in rows:
            rows[name] = inspect.getdoc(member) or str(FIELDS[name])
    return rows


def _fields(kind: type) -> Iterator[tuple[str, str]]:
    """Yield the annotated fields of a data class, named tuple or typed dictionary."""
    if not any(hasattr(kind, mark) for mark in ("__dataclass_fields__", "_fields", "__total__")):
        return
    for node in _node(kind).body:
        if isinstance(node, ast.AnnAssign):
            yield ast.unparse(node.target), _type(node.annotation)


def _members(kind: type) -> dict[str, Any]:
    """Return the public members of *kind*, its own before those of its bases."""
    if hasattr(kind, "__total__"):  # a typed dictionary
        return {}
    base = EXTENDS.get(kind.__name__)
    shown_there = _class(base).__mro__ if base else (object,)
    members: dict[str, Any] = {}
    for owner in kind.__mro__:
        if owner not in shown_there and owner.__module__.startswith("fastopts"):
            members = members | {n: vars(owner)[n] for n in vars(owner) if n not in members}
    return {
        name: member
        for name, member in members.items()
        if not name.startswith("_") and name not in INTERNAL
    }


def _references(kind: type) -> dict[str, str]:
    """Return the methods that are explained elsewhere, each with a reference."""
    return {
        f"{_await(_node(member))}{name}": reference
        for name, member in _members(kind).items()
        if inspect.isfunction(member) and (reference := _reference(kind, name, member))
    }


def _reference(kind: type, name: str, member: Any) -> str:
    """Return "As `Class.method`." if that is what *member* is, else nothing."""
    text = inspect.getdoc(member) or ""
    if text.startswith("As `"):
        return text
    original = getattr(_class(REFERENCE), name, None)
    if kind.__name__ == REFERENCE or original is None:
        return ""
    is_same = inspect.signature(original).parameters == inspect.signature(member).parameters
    if kind.__name__ != f"Async{REFERENCE}":  # whose docstrings speak of tasks
        is_same &= inspect.getdoc(original) == text
    return f"As `{REFERENCE}.{name}`." if is_same else ""


def _methods(kind: type) -> Iterator[str]:
    for name, member in _members(kind).items():
        if inspect.isfunction(member) and not _reference(kind, name, member):
            yield f"#### {kind.__name__}.{name}\n"
            yield _code(_signature(name, _node(member)))
            yield f"{inspect.getdoc(member)}\n"


def _node(source: Any) -> Any:
    """Return the syntax tree of a class or function."""
    return ast.parse(textwrap.dedent(inspect.getsource(source))).body[0]


def _code(text: str) -> str:
    return f"```py\n{text}\n```\n"


def _await(node: ast.AST) -> str:
    return "await " if isinstance(node, ast.AsyncFunctionDef) else ""


def _signature(name: str, node: Function) -> str:
    """Return a call as the source spells it; with a line for each argument if it is long."""
    arguments = list(_arguments(node.args))
    result = "" if node.name == "__init__" else f" -> {_type(node.returns)}"
    start = f"{_await(node)}{name}("
    line = f"{start}{', '.join(arguments)}){result}"
    if len(line) <= WIDTH:
        return line
    return f"{start}\n" + "".join(f"    {each},\n" for each in arguments) + f"){result}"


def _arguments(arguments: ast.arguments) -> Iterator[str]:
    positional = arguments.args[1:]  # without self
    required = [None] * (len(positional) - len(arguments.defaults))
    for argument, default in zip(positional, [*required, *arguments.defaults], strict=True):
        yield _argument(argument, default)
    if arguments.kwonlyargs:
        yield "*"
    for argument, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
        yield _argument(argument, default)
    if arguments.kwarg:
        yield f"**{_argument(arguments.kwarg, None)}"


def _argument(argument: ast.arg, default: ast.expr | None) -> str:
    assigned = f" = {_text(default)}" if default is not None else ""
    return f"{argument.arg}: {_type(argument.annotation)}{assigned}"


def _type(node: ast.expr | None) -> str:
    """Return an annotation, without the quotes of a postponed one."""
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
    [table] = _table("in `fastopts.reader`", rows)
    return f"""## Errors

{table}
All errors of the package, in `fastopts.errors`, by the party that has to act:

```text
{tree}
```
"""


if __name__ == "__main__":
    PAGE.write_text(page())
