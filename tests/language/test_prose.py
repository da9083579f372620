"""The prose of each kind of file, at its own lines."""

from pathlib import Path

import pytest

from tests.language.prose import ProsePassage, flat, is_prose, passages

PYTHON = '''\
"""A module's docstring, it's `code` here."""

LIMIT = 3  # a comment
# on two lines
KEY = "not a message"[0:3]
PATTERN = b"bytes are no message at all"


def send() -> None:
    """Send it.

    >>> send()
    """

    raise ValueError(f"the value {LIMIT} is too "
                     "large for this")
'''


def prose(folder: Path, name: str, text: str, *, messages: bool = True) -> list[ProsePassage]:
    path = folder / name
    path.write_text(text)
    return passages(path, messages=messages)


def test_python_has_comments_docstrings_and_messages(tmp_path: Path) -> None:
    assert prose(tmp_path, "a.py", PYTHON) == [
        ProsePassage(1, "A module's docstring, it's _ here."),
        ProsePassage(3, "a comment\non two lines\nnot a message"),
        ProsePassage(10, "Send it.\n\n_\n    "),
        ProsePassage(15, "the value _ is too \nlarge for this"),
    ]


def test_the_strings_of_tests_are_data(tmp_path: Path) -> None:
    assert [each.line for each in prose(tmp_path, "a.py", PYTHON, messages=False)] == [1, 3, 10]


def test_escaped_quotes_and_unclosed_ones_end_no_sentence_early(tmp_path: Path) -> None:
    text = r"""x = "one \" two three"  # it's fine""" + "\n" + "y = 'a b c\n"
    assert [each.text for each in prose(tmp_path, "a.py", text)] == [
        r"one \" two three",
        "it's fine",
    ]


def test_javascript_has_comments_and_messages(tmp_path: Path) -> None:
    text = """\
/** Draw the smile. */

const url = "https://example.org/a//b"; // the path
const quote = /"/g;
note(`no connection to ${host} yet`);
"""
    assert [(each.line, each.text.split()) for each in prose(tmp_path, "a.js", text)] == [
        (1, ["Draw", "the", "smile."]),
        (3, ["the", "path"]),
        (5, ["no", "connection", "to", "_", "yet"]),
    ]


def test_markdown_is_read_without_its_code(tmp_path: Path) -> None:
    text = "# Title\n\n```sh\ntold\n```\nSee `told` and [this](told.md).\n"
    [passage] = prose(tmp_path, "a.md", text)
    assert "told" not in passage.text
    assert passage.text.split("\n")[5] == "See _ and [this_."


def test_html_has_its_texts_and_titles(tmp_path: Path) -> None:
    text = '<p title="Of it all">Hello\n<b>you</b></p><script>told</script>'
    [passage] = prose(tmp_path, "a.html", text)
    assert passage.text.replace("_", " ").split() == ["Of", "it", "all", "Hello", "you"]


def test_yaml_has_comments_and_descriptions(tmp_path: Path) -> None:
    text = (
        "run: told told  # a comment\ndescription: It is late.\nvalue: |\n      Two\n      lines\n"
    )
    assert [(each.line, each.text.split()) for each in prose(tmp_path, "a.yml", text)] == [
        (1, ["a", "comment"]),
        (2, ["It", "is", "late."]),
        (3, ["|", "Two", "lines"]),
    ]


@pytest.mark.parametrize("name", ["a.toml", "Makefile", "Dockerfile"])
def test_other_files_have_comments(tmp_path: Path, name: str) -> None:
    text = "#!/bin/sh\nx = 1  # why it is one\ny#z = 2\n"
    assert prose(tmp_path, name, text) == [ProsePassage(2, "why it is one")]


def test_a_file_of_another_kind_has_none(tmp_path: Path) -> None:
    assert prose(tmp_path, "a.png", "told") == []
    assert not is_prose(tmp_path / "a.png")


def test_flat_prose_keeps_the_lines() -> None:
    assert (
        flat([ProsePassage(2, "a\nb"), ProsePassage(3, "c"), ProsePassage(6, "d")])
        == "\na\nb c\n\n\nd\n"
    )
