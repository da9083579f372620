"""The measurements of the code's language: their definitions, and the limits of this package."""

from pathlib import Path
from typing import Final

import pytest

from tests.language.measure import Measurements, measure, sources

# Goals: fillers 0.5, comments 5, docstrings 95, function 80, file 600. The limits are recorded
# values of the package, to be tightened as it improves, never loosened.
FILLER_PERCENT_MAX: Final = 0.5
COMMENT_PERCENT_MIN: Final = 5.0
DOCSTRING_PERCENT_MIN: Final = 99.0
FUNCTION_LINES_MAX: Final = 80
FILE_LINES_MAX: Final = 600

EXAMPLE: Final = '''\
"""A module."""

import json as found  # an alias binds


class Book:
    """A class."""

    def size(self, told):
        for one in told:  # noqa: B007
            last = one
        return last

    def _private(self):
        """Private names are not counted."""


def top(x):
    # A comment.
    """Return *x*,
    which is documented."""
    return x
'''


@pytest.fixture
def example() -> Measurements:
    result = Measurements()
    result.add("example.py", EXAMPLE)
    return result


@pytest.fixture(scope="module")
def package() -> Measurements:
    return measure(sources())


def test_bindings_are_imports_arguments_loops_and_assignments(example: Measurements) -> None:
    assert example.bindings == 7  # found, self, told, one, last, self, x
    assert example.fillers == {"found": 1, "told": 1, "one": 1}
    assert example.filler_percent == pytest.approx(100 * 3 / 7)


def test_docstrings_and_comments_are_no_code(example: Measurements) -> None:
    assert (example.code, example.comments) == (9, 3)


def test_public_names_are_the_module_its_classes_functions_and_methods(
    example: Measurements,
) -> None:
    assert example.public == 4  # the module, Book, size, top
    assert example.undocumented == ["example.py:9 size"]
    assert example.docstring_percent == 75


def test_functions_and_files_are_measured_in_lines(example: Measurements) -> None:
    assert example.longest_function == (5, "example.py:18 top")
    assert example.largest_file == (22, "example.py")


def test_the_report_has_a_line_for_each_measurement(example: Measurements) -> None:
    lines = example.report().splitlines()
    assert len(lines) == 5
    assert lines[0].startswith("filler bindings   42.86 % of 7 (")


def test_sources_are_modules_of_the_package() -> None:
    names = {path.name for path in sources()}
    assert "__init__.py" in names
    assert {path.suffix for path in map(Path, names)} == {".py"}


def test_the_package_stays_within_the_limits(package: Measurements) -> None:
    assert package.filler_percent <= FILLER_PERCENT_MAX
    assert package.comment_percent >= COMMENT_PERCENT_MIN
    assert package.docstring_percent >= DOCSTRING_PERCENT_MIN
    assert package.longest_function[0] <= FUNCTION_LINES_MAX
    assert package.largest_file[0] <= FILE_LINES_MAX
