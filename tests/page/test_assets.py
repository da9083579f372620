"""Static checks of the page's files: forbidden constructs, references, licences and size."""

import gzip
import re
from pathlib import Path

import pytest

import fastopts

PAGE = Path(fastopts.__file__).parent / "serve" / "page"
FILES = sorted(path for path in PAGE.rglob("*") if path.is_file())
OWN = [path for path in FILES if "vendor" not in path.parts]
SCRIPTS = [path for path in OWN if path.suffix == ".js"]
DOCUMENTS = ("index.html", "api_docs.html")
BYTES_MAX = 1_000_000

# Parse strings as HTML or code, which would turn text from the network into markup; or break the
# page's content security policy.
FORBIDDEN = (
    *("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "createContextualFragment"),
    *("DOMParser", "eval(", "new Function", 'setAttribute("style"', "srcdoc"),
)


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: str(path.relative_to(PAGE)))
def test_scripts_never_parse_text_as_markup(path: Path) -> None:
    source = path.read_text()
    assert [construct for construct in FORBIDDEN if construct in source] == []


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_document_has_no_inline_script_or_style(name: str) -> None:
    text = (PAGE / name).read_text()
    assert re.findall(r"\sstyle=|\son\w+=|<style", text) == []
    assert re.findall(r"<script(?![^>]*\ssrc=)", text) == []
    assert re.search(r"javascript:", text) is None


@pytest.mark.parametrize("path", OWN, ids=lambda path: str(path.relative_to(PAGE)))
def test_no_file_refers_to_another_host(path: Path) -> None:
    text = path.read_text().replace("http://www.w3.org/2000/svg", "")
    code = re.sub(r"^\s*//.*$", "", text, flags=re.MULTILINE)
    assert re.findall(r"(?:https?:)?//[\w.-]+\.\w+", code) == []


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_referenced_file_exists(document: str) -> None:
    text = (PAGE / document).read_text()
    names = re.findall(r'(?:href|src)="page/([^"]+)"', text)
    assert names
    assert [name for name in names if not (PAGE / name).is_file()] == []
    for path in SCRIPTS:
        for name in re.findall(r'(?:from|import\()\s*"(\.[^"]+)"', path.read_text()):
            assert (path.parent / name).resolve().is_file(), (path, name)


@pytest.mark.parametrize("path", OWN, ids=lambda path: str(path.relative_to(PAGE)))
def test_every_address_is_relative(path: Path) -> None:
    """A proxy can serve the page under any path prefix."""
    absolute = (
        r"""(?:href|src|action)="/|(?:fetch|get|import|EventSource|WebSocket)\(["'`]/|url\(["']?/"""
    )
    assert re.findall(absolute, path.read_text()) == []


def test_every_import_is_used_and_exported() -> None:
    for path in SCRIPTS:
        source = path.read_text()
        for names, origin in re.findall(r'import \{([^}]+)\} from "(\.[^"]+)"', source):
            exported = (path.parent / origin).resolve().read_text()
            for name in map(str.strip, names.split(",")):
                if not name:
                    continue
                assert len(re.findall(rf"\b{name}\b", source)) > 1, f"{path.name}: {name} is unused"
                export = rf"export (?:async )?(?:function|class|const) {name}\b"
                assert re.search(export, exported), f"{origin} does not export {name}"


def test_vendored_code_comes_with_its_licence() -> None:
    vendor = {path.name for path in FILES if path.parent.name == "vendor"}
    assert {"LICENSE", "NOTICE", "LICENSE-d3"} < vendor
    assert "Apache License" in (PAGE / "vendor" / "LICENSE").read_text()
    swagger = PAGE / "vendor" / "swagger-ui"
    assert "Apache License" in (swagger / "LICENSE").read_text()
    for name in ("NOTICE", "swagger-ui-bundle.js.LICENSE.txt"):
        assert (swagger / name).is_file()


def test_vendored_code_is_of_the_version_that_the_list_names() -> None:
    versions = dict(
        line.split() for line in (PAGE / "vendor" / "VERSIONS").read_text().splitlines()
    )
    files = {
        "echarts": "echarts.common.min.js",
        "swagger-ui-dist": "swagger-ui/swagger-ui-bundle.js",
    }
    assert versions.keys() == files.keys()
    for package, name in files.items():
        assert f'"{versions[package]}"' in (PAGE / "vendor" / name).read_text(), package


def test_the_page_is_small() -> None:
    sizes = {path: len(gzip.compress(path.read_bytes(), 9)) for path in FILES}
    assert sum(sizes.values()) < BYTES_MAX
    assert sum(sizes[path] for path in OWN) < 100_000


def test_imports_point_from_views_to_widgets_to_data_to_lib() -> None:
    layers = ("lib", "data", "widgets", "views", "")
    pattern = re.compile(r'(?:^import[^"]*?from |import\()"(\.[^"]+)"', re.MULTILINE)
    for path in SCRIPTS:
        layer = layers.index(folder(path))
        for name in pattern.findall(path.read_text()):
            target = (path.parent / name).resolve()
            assert layers.index(folder(target)) <= layer, f"{path.name} imports {name}"


def folder(path: Path) -> str:
    """The name of a script's folder; "" for those at the top."""
    return "" if path.parent == PAGE else path.parent.name
