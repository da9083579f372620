"""Errors carry what a caller acts on."""

import importlib
import pkgutil
from collections.abc import Iterator

import fastopts
from fastopts import errors
from fastopts.errors import (
    CLIP,
    BadInput,
    ConnectionLost,
    FastoptsError,
    HandshakeRefused,
    StoreError,
    VenueBanned,
    VenueError,
    clipped,
    one_line,
)


def test_an_error_carries_what_to_act_on() -> None:
    refused = HandshakeRefused("HTTP 429", 429, 3.5)
    assert isinstance(refused, ConnectionLost)
    assert (str(refused), refused.status, refused.retry_after_s) == ("HTTP 429", 429, 3.5)
    banned = VenueBanned("shut out", 600.0)
    assert isinstance(banned, VenueError)
    assert (str(banned), banned.retry_after_s) == ("shut out", 600.0)
    assert StoreError("OOM: refused", "OOM command not allowed").reply == "OOM command not allowed"
    assert StoreError("no answer").reply == ""


def test_a_message_speaks_of_text_where_values_are_text() -> None:
    error = BadInput("expiry: write a date", arguments=("expiry",), as_text="expiry: write 27MAR26")
    assert error.worded("python") == str(error) == "expiry: write a date"
    assert error.worded("http") == "expiry: write 27MAR26"
    assert error.worded("command") == "--expiry: write 27MAR26"


def test_what_a_peer_sent_forges_no_line_and_moves_no_terminal() -> None:
    assert one_line("a\r\nb\x1b[2Jé") == "a\\r\\nb\\x1b[2Jé"


def test_a_long_text_is_clipped_and_shows_no_password() -> None:
    assert clipped("short") == "short"
    told = clipped("redis://user:hunter2@host/ " + "x" * 10_000)
    assert told.startswith("redis://***@host/ xxx")
    assert told == clipped(told.removesuffix("...") + "y" * 10)
    assert (told.endswith("x..."), len(told)) == (True, CLIP + 3)


def drawn() -> Iterator[tuple[str, str]]:
    """The classes of the tree in the docstring, each with its base."""
    assert errors.__doc__ is not None
    path: list[str] = []
    for line in errors.__doc__.splitlines():
        name = line.strip().partition(" ")[0]
        if name.isidentifier() and line[:1] in ("F", " "):
            depth = (len(line) - len(line.lstrip())) // 4
            path[depth:] = [name]
            yield name, path[depth - 1] if depth else "Exception"


def subclasses(cls: type) -> Iterator[tuple[str, str]]:
    """*cls* and everything below it, each with its first base."""
    yield cls.__name__, cls.__bases__[0].__name__
    children: list[type] = cls.__subclasses__()
    for below in children:
        if below.__module__.startswith("fastopts."):
            yield from subclasses(below)


def test_the_tree_in_the_docstring_is_complete() -> None:
    for module in pkgutil.walk_packages(fastopts.__path__, "fastopts."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    assert sorted(drawn()) == sorted(subclasses(FastoptsError))


def test_every_error_is_exported_and_documented() -> None:
    for name, cls in vars(errors).items():
        if isinstance(cls, type) and issubclass(cls, FastoptsError):
            assert name in errors.__all__
            assert cls.__doc__
