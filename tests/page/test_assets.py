"""The files of the page: what they may not contain, and what they weigh. No browser is needed."""

import gzip
import re
from pathlib import Path

import pytest

import fastopts

PAGE = Path(fastopts.__file__).parent / "serve" / "page"
FILES = sorted(path for path in PAGE.rglob("*") if path.is_file())
OWN = [path for path in FILES if path.parent.name != "vendor"]
SCRIPTS = [path for path in OWN if path.suffix == ".js"]
WEIGHT_MAX = 1_000_000

# Text of the market is text: what would make markup or code of it, or what the page's policy stops.
FORBIDDEN = (
    *("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "createContextualFragment"),
    *("DOMParser", "eval(", "new Function", 'setAttribute("style"', "srcdoc"),
)


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: str(path.relative_to(PAGE)))
def test_a_script_makes_no_markup_of_text(path: Path) -> None:
    source = path.read_text()
    assert [word for word in FORBIDDEN if word in source] == []


def test_the_document_has_no_script_and_no_style_of_its_own() -> None:
    text = (PAGE / "index.html").read_text()
    assert re.findall(r"\sstyle=|\son\w+=|<style", text) == []
    assert re.findall(r"<script(?![^>]*\ssrc=)", text) == []
    assert re.search(r"javascript:", text) is None


@pytest.mark.parametrize("path", OWN, ids=lambda path: str(path.relative_to(PAGE)))
def test_nothing_is_loaded_from_elsewhere(path: Path) -> None:
    text = path.read_text().replace("http://www.w3.org/2000/svg", "")
    code = re.sub(r"^\s*//.*$", "", text, flags=re.MULTILINE)
    assert re.findall(r"(?:https?:)?//[\w.-]+\.\w+", code) == []


def test_every_reference_is_to_a_file_that_is_there() -> None:
    text = (PAGE / "index.html").read_text()
    named = re.findall(r'(?:href|src)="page/([^"]+)"', text)
    assert named
    assert [name for name in named if not (PAGE / name).is_file()] == []
    for path in SCRIPTS:
        for name in re.findall(r'(?:from|import\()\s*"(\.[^"]+)"', path.read_text()):
            assert (path.parent / name).resolve().is_file(), (path, name)


@pytest.mark.parametrize("path", OWN, ids=lambda path: str(path.relative_to(PAGE)))
def test_every_address_is_relative(path: Path) -> None:
    """A proxy may have the page under any prefix."""
    absolute = (
        r"""(?:href|src|action)="/|(?:fetch|get|import|EventSource|WebSocket)\(["'`]/|url\(["']?/"""
    )
    assert re.findall(absolute, path.read_text()) == []


def test_every_import_is_used_and_every_name_is_there() -> None:
    for path in SCRIPTS:
        source = path.read_text()
        for names, origin in re.findall(r'import \{([^}]+)\} from "(\.[^"]+)"', source):
            exported = (path.parent / origin).resolve().read_text()
            for name in map(str.strip, names.split(",")):
                if not name:
                    continue
                assert len(re.findall(rf"\b{name}\b", source)) > 1, f"{path.name}: {name} is unused"
                found = rf"export (?:async )?(?:function|class|const) {name}\b"
                assert re.search(found, exported), f"{origin} has no {name}"


def test_what_is_not_ours_comes_with_its_licence() -> None:
    vendor = {path.name for path in FILES if path.parent.name == "vendor"}
    assert {"LICENSE", "NOTICE", "LICENSE-d3"} < vendor
    assert "Apache License" in (PAGE / "vendor" / "LICENSE").read_text()


def test_the_page_is_light() -> None:
    weights = {path: len(gzip.compress(path.read_bytes(), 9)) for path in FILES}
    assert sum(weights.values()) < WEIGHT_MAX
    assert sum(weights[path] for path in OWN) < 100_000
