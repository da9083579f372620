"""What a plain reader loads."""

import subprocess
import sys

import pytest

import fastopts
import fastopts.reader
from tests.support.processes import environ

LATER = ("AsyncMirror", "AsyncOptionReader", "AsyncWatch", "Gap", "Mirror", "Move", "Watch")


def test_a_plain_reader_loads_neither_asyncio_nor_the_mirror() -> None:
    program = (
        "import sys, fastopts.reader as r; before = set(sys.modules);"
        "assert not {'asyncio', 'numpy', 'fastopts.reader.mirrors.mirror'} & before, before;"
        "from fastopts.reader import Gap, Mirror, Move, Watch;"
        "assert 'asyncio' not in sys.modules;"
        f"assert all(getattr(r, name).__name__ == name for name in {LATER});"
        f"assert set({LATER}) <= set(r.__all__)"
    )
    subprocess.run([sys.executable, "-c", program], check=True, env=environ(), timeout=60)


def run(program: str) -> None:
    subprocess.run([sys.executable, "-c", program], check=True, env=environ(), timeout=60)


def test_the_package_offers_the_names_of_the_reader() -> None:
    assert set(fastopts.__all__) == {*fastopts.reader.__all__, "History"}
    for name in fastopts.reader.__all__:
        assert getattr(fastopts, name) is getattr(fastopts.reader, name)
    with pytest.raises(AttributeError, match="module 'fastopts' has no attribute 'Optionreader'"):
        _ = fastopts.Optionreader  # type: ignore[attr-defined]


def test_completion_shows_the_public_names_and_no_others() -> None:
    run(
        "import fastopts, fastopts.reader.mirrors.mirror, fastopts.errors;"
        "assert dir(fastopts) == sorted([*fastopts.__all__, '__version__']), dir(fastopts);"
        "assert dir(fastopts.reader) == sorted(fastopts.reader.__all__), dir(fastopts.reader)"
    )


def test_the_package_alone_loads_nothing() -> None:
    run(
        "import sys; before = set(sys.modules); import fastopts;"
        "loaded = set(sys.modules) - before;"
        "assert loaded == {'fastopts'}, loaded;"
        "from fastopts import OptionReader;"
        "assert not {'asyncio', 'numpy'} & set(sys.modules)"
    )


def test_a_misspelled_name_is_suggested() -> None:
    with pytest.raises(AttributeError, match=r"did you mean OptionReader\?"):
        getattr(fastopts, "OptionReder")  # noqa: B009 - type checkers refuse the attribute
