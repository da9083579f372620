"""Write the blocking reader and the methods of mirrors and history out of the asyncio reader.

    python -m tools.make_readers

`fastopts/reader/asynchronous.py` is the one definition of what a reader can be asked: arguments,
defaults, types and docstrings. This writes plain code from it, which editors and type checkers read
like any other:

    reader/reader.py         OptionReader: the same without `async` and `await`
    reader/mirrors/reads.py  MirrorReads: the queries that a replica can answer
    history/reads.py         PastReads: those that the recorded market can answer

It replaces whole tokens and a few phrases, as unasync does, and knows no more Python than that. A
test compares the files with what this writes.
"""

import ast
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

PACKAGE: Final = Path(__file__).parents[1] / "fastopts"
READER: Final = PACKAGE / "reader"
SOURCE: Final = READER / "asynchronous.py"

# What the blocking reader has in place of each name. Longer names first: `async_mirror` contains
# no other, but `AsyncMirror` must not be reached by way of `Async`.
NAMES: Final = {
    "AsyncOptionReader": "OptionReader",
    "AsyncMirror": "Mirror",
    "AsyncWatch": "Watch",
    "async_mirror": "mirror",
    "async_watch": "watch",
    "__aenter__": "__enter__",
    "__aexit__": "__exit__",
    "ReconnectingConnection": "BlockingConnection",
    "reconnecting": "blocking",
    "async def": "def",
}
PHRASES: Final = {
    '''"""`AsyncOptionReader`: the reader for asyncio; and the source of the blocking one.

`python -m tools.make_readers` writes `reader.py` (without `await`), `mirrors/reads.py` (the methods
of mirrors) and `history/reads.py` from this file: change signatures and docstrings here, and run
it.
"""
''': '''"""`OptionReader`: the blocking reader. `AsyncOptionReader` is the same with `await`."""

# Written by `python -m tools.make_readers` from asynchronous.py: change that file.
''',
    """Reads one venue's options from the Redis at *url*, for the tasks of one event loop.

    It has the methods of `OptionReader`, with the same arguments, rules and errors, to be awaited.
    `watch`, `watch_moves` and `mirror` may also be entered: `async with reader.watch("BTC") as
    watch`. In another event loop than the first they raise RuntimeError.
    """: """Reads one venue's options from the Redis at *url*. Threads may share it.

    Reads are strict: a value that is not live raises a StaleData; `require_live=False` returns it,
    with `live` false. Every method raises WrongVenue for another
    venue's data, StoreUnavailable if the server does not reply within *timeout_s* seconds, and
    StoreError if it refuses a command. It connects at the first read; a forked child opens a
    connection of its own.
    """,
    "kept current by a\n        task of its own": "kept current by a\n        thread of its own",
    "from fastopts.reader.mirrors.opening import CLOSED, Closed, opening\n": "",
    '''    def close(self) -> Closed:
        """Close the connection; the next read opens another. It may be awaited, and need not."""
        self._connection.close()
        return CLOSED

    async def aclose(self) -> None:
        """Close the connection; the next read opens another."""
        self._connection.close()
''': '''    def close(self) -> None:
        """Close the connection; the next read opens another."""
        self._connection.close()
''',
    "The task that keeps it": "The thread that keeps it",
}

MIRROR_METHODS: Final = (
    *("get", "get_many", "chain", "chains"),
    *("expiries", "instruments", "scan", "table"),
)
# Single options are decoded without a query: a `get` takes less than 2 µs in all.
MIRROR_FAST: Final = {"get": "_get", "get_many": "_get_many"}
MIRROR_HEAD: Final = '''\
"""`MirrorReads`: the methods of a reader that a mirror has, answered from its replica."""

# Written by `python -m tools.make_readers` from ../asynchronous.py: change that file.

from collections.abc import Iterable
from typing import TYPE_CHECKING, TypeVar

from fastopts.model import Instrument
from fastopts.reader.freshness.requirements import Requirements
from fastopts.reader.objects.absent import Absent
from fastopts.reader.objects.chain import Chain
from fastopts.reader.objects.expiry import Expiry
from fastopts.reader.objects.option import Option
from fastopts.reader.objects.universe import Series
from fastopts.reader.queries import Queries, Query
from fastopts.reader.selection.signatures import lists_bounds

if TYPE_CHECKING:
    from typing import Unpack

    from fastopts.reader.export.table import Table
    from fastopts.reader.selection.bounds import Bounds
    from fastopts.reader.selection.scan import Scan

__all__ = ("MirrorReads",)

T = TypeVar("T")


class MirrorReads:
    """Methods of `OptionReader` that a mirror has. They need no round trip, and no `await`."""

    _queries: Queries

    def _run(self, query: Query[T]) -> T:
        raise NotImplementedError

    def _get(self, symbol: str, requirements: Requirements) -> Option:
        raise NotImplementedError

    def _get_many(
        self, symbols: Iterable[str], requirements: Requirements, strict: bool
    ) -> list[Option | Absent]:
        raise NotImplementedError
'''

PAST_METHODS: Final = (
    *MIRROR_METHODS,
    *("scan_high_iv", "snapshot", "to_pandas", "to_polars", "to_arrow", "export"),
)
PAST_HEAD: Final = '''\
"""`PastReads`: the methods of a reader, answered from the market as it was recorded."""

# Written by `python -m tools.make_readers` from ../reader/asynchronous.py: change that file.

from collections.abc import Iterable
from typing import TYPE_CHECKING, TypeVar

from fastopts.model import Instrument
from fastopts.reader.freshness.requirements import Requirements
from fastopts.reader.local_source import run_local
from fastopts.reader.objects.absent import Absent
from fastopts.reader.objects.chain import Chain
from fastopts.reader.objects.expiry import Expiry
from fastopts.reader.objects.option import Option
from fastopts.reader.objects.universe import Series
from fastopts.reader.queries import Queries, Query
from fastopts.reader.selection.signatures import lists_bounds

if TYPE_CHECKING:
    from os import PathLike
    from typing import Unpack

    import pandas
    import polars
    import pyarrow

    from fastopts.reader.export.table import Table
    from fastopts.reader.objects.market import Column
    from fastopts.reader.selection.bounds import Bounds
    from fastopts.reader.selection.scan import Scan

__all__ = ("PastReads",)

T = TypeVar("T")


class PastReads:
    """Methods of `OptionReader` that a moment of the past has."""

    _queries: Queries

    def _run(self, query: Query[T]) -> T:
        return run_local(query)
'''


def blocking_reader(source: str) -> str:
    """Return the text of reader.py."""
    for phrase, replacement in PHRASES.items():
        if source.count(phrase) != 1:
            raise ValueError(f"not once in {SOURCE.name}: {phrase!r}")
        source = source.replace(phrase, replacement)
    return _sorted_imports(_without_await(source.replace("    @opening\n", "")))


def mirror_reads(source: str) -> str:
    """Return the text of mirrors/reads.py."""
    text = _methods(source, MIRROR_METHODS)
    for name, fast in MIRROR_FAST.items():
        call = rf"self\._run\(self\._queries\.{name}\((.*)\)\)"
        text = re.sub(call, rf"self.{fast}(\1)", text)
    return MIRROR_HEAD + text


def past_reads(source: str) -> str:
    """Return the text of history/reads.py."""
    return PAST_HEAD + _methods(source, PAST_METHODS)


def _methods(source: str, names: Iterable[str]) -> str:
    """The text of the blocking methods *names*, with a blank line before each."""
    lines = source.splitlines()
    [reader] = [node for node in ast.parse(source).body if isinstance(node, ast.ClassDef)]
    methods = {node.name: node for node in reader.body if isinstance(node, ast.AsyncFunctionDef)}
    text = ""
    for name in names:
        node = methods[name]
        first = node.decorator_list[0] if node.decorator_list else node
        text += "\n" + _without_await("\n".join(lines[first.lineno - 1 : node.end_lineno])) + "\n"
    return text


def _without_await(text: str) -> str:
    return _replaced(text.replace("await ", ""), NAMES)


def _replaced(text: str, names: Mapping[str, str]) -> str:
    pattern = "|".join(rf"\b{re.escape(name)}\b" for name in names)
    return re.sub(pattern, lambda match: names[match[0]], text)


def _sorted_imports(text: str) -> str:
    """Sort each run of import lines again: replaced names have other places in the alphabet."""
    run = re.compile(r"(?:^ *from fastopts\S* import .*\n)+", re.MULTILINE)
    return run.sub(lambda match: "".join(sorted(match[0].splitlines(keepends=True))), text)


def files() -> dict[Path, str]:
    """Return what each generated file should hold."""
    source = SOURCE.read_text()
    return {
        READER / "reader.py": blocking_reader(source),
        READER / "mirrors" / "reads.py": mirror_reads(source),
        PACKAGE / "history" / "reads.py": past_reads(source),
    }


if __name__ == "__main__":
    for path, text in files().items():
        path.write_text(text)
