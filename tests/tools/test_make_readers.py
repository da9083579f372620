"""The generated readers: up to date, and with the signatures of their source."""

import inspect
from pathlib import Path

import pytest

from fastopts.reader import Mirror, OptionReader
from tools import make_readers


@pytest.mark.parametrize(
    ("path", "text"), make_readers.files().items(), ids=("reader", "mirror", "past")
)
def test_a_generated_file_is_up_to_date(path: Path, text: str) -> None:
    assert path.read_text() == text, "run `python -m tools.make_readers`"


@pytest.mark.parametrize("name", make_readers.MIRROR_METHODS)
def test_a_mirror_has_the_signature_of_the_reader(name: str) -> None:
    of_mirror, of_reader = getattr(Mirror, name), getattr(OptionReader, name)
    assert inspect.signature(of_mirror) == inspect.signature(of_reader)
    assert of_mirror.__doc__ == of_reader.__doc__


def test_no_await_is_left() -> None:
    for path, text in make_readers.files().items():
        code = text.replace("with `await`", "").replace("and no `await`", "")
        assert "await" not in code, path
        assert "Async" not in code.replace("`AsyncOptionReader` is the same", ""), path


def test_a_phrase_that_is_not_in_the_source_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"not once in asynchronous\.py"):
        make_readers.blocking_reader("class AsyncOptionReader: ...")
