"""The documentation as a site: its navigation, its links, and the check of the built pages."""

import re
from pathlib import Path

import pytest

from docs.make_site import ROOT, absolute_links, broken_links, copy_pages, navigation


def test_every_page_is_in_the_navigation_once() -> None:
    pages = navigation()
    assert len(pages) == len(set(pages))
    written = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]
    assert {path.relative_to(ROOT).as_posix() for path in written} <= set(pages)


@pytest.mark.parametrize(
    ("link", "expected"),
    [
        ("[a](reading.md)", "[a](reading.md)"),
        ("[a](../README.md#use)", "[a](../README.md#use)"),
        ("![a](page-chain.png)", "![a](page-chain.png)"),
        ("[a](#here)", "[a](#here)"),
        ("[a](https://example.org/x)", "[a](https://example.org/x)"),
        ("[a](../deploy/)", "[a](https://github.com/fastopts/fastopts/blob/main/deploy)"),
        ("[a](../Makefile#x)", "[a](https://github.com/fastopts/fastopts/blob/main/Makefile#x)"),
    ],
)
def test_links_out_of_the_site_are_absolute(link: str, expected: str) -> None:
    assert absolute_links(link, "docs/api.md", ["docs/reading.md", "README.md"]) == expected


def test_the_pages_are_copied_with_their_pictures(tmp_path: Path) -> None:
    copy_pages(tmp_path)
    copies = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.md")}
    assert copies == set(navigation())
    for name in copies:
        for picture in re.findall(r"!\[[^]]*\]\(([^)]+)\)", (tmp_path / name).read_text()):
            assert (tmp_path / name).parent.joinpath(picture).is_file(), (name, picture)


def test_a_broken_link_of_a_built_page_is_found(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "index.html").write_text('<h1 id="top">A</h1><a href="../">up</a>')
    (tmp_path / "index.html").write_text(
        '<a href="a/#top">1</a><a href="a/#none">2</a><a href="b/">3</a>'
        '<a href="#">4</a><a href="https://example.org/">5</a><img src="c.png">'
    )
    assert broken_links(tmp_path) == [
        "index.html: a/#none",
        "index.html: b/",
        "index.html: c.png",
    ]
