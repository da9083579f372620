"""Build the documentation as a site in build/site, from the Markdown files of the repository.

python -m docs.make_site

The pages are copied to build/pages in the folders that they have here, so that the links between
them stay as they are; links to other files of the repository lead to where it is hosted. Zensical
reads mkdocs.yml and checks all links in strict mode; the built pages are checked once more.
"""

import html.parser
import posixpath
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any, Final
from urllib.parse import unquote, urlsplit

import yaml

ROOT: Final = Path(__file__).resolve().parents[1]
CONFIG: Final = ROOT / "mkdocs.yml"
PICTURES: Final = (".png", ".svg")
LINK: Final = re.compile(r"(?<=\]\()(?![a-z]+:|#)(?P<path>[^)#\s]+)(?P<anchor>#[^)\s]*)?(?=\))")


def navigation() -> list[str]:
    """The pages of the site, in the order of the navigation."""
    return list(_pages(_configuration()["nav"]))


def _configuration() -> dict[str, Any]:
    configuration: dict[str, Any] = yaml.safe_load(CONFIG.read_text())
    return configuration


def _pages(entries: list[dict[str, Any]]) -> Iterator[str]:
    for entry in entries:
        for value in entry.values():
            if isinstance(value, str):
                yield value
            else:
                yield from _pages(value)


def copy_pages(target: Path) -> None:
    """Copy the pages and their pictures to *target*, with links out of the site made absolute."""
    shutil.rmtree(target, ignore_errors=True)
    names = navigation()
    for name in names:
        page = target / name
        page.parent.mkdir(parents=True, exist_ok=True)
        page.write_text(absolute_links((ROOT / name).read_text(), name, names))
    for picture in sorted((ROOT / "docs").iterdir()):
        if picture.suffix in PICTURES:
            shutil.copy(picture, target / "docs" / picture.name)


def absolute_links(text: str, name: str, names: list[str]) -> str:
    """Lead the links of a page that do not end at a page or picture to the hosted repository."""
    base = f"{_configuration()['repo_url']}/blob/main/"

    def replace(match: re.Match[str]) -> str:
        path = posixpath.normpath((PurePosixPath(name).parent / match["path"]).as_posix())
        if path in names or path.endswith(PICTURES):
            return match[0]
        return f"{base}{path}{match['anchor'] or ''}"

    return LINK.sub(replace, text)


class _Page(html.parser.HTMLParser):
    """The links and the anchors of one built page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.anchors: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Collect `href`, `src` and `id`."""
        for key, value in attrs:
            if key == "id" and value:
                self.anchors.add(value)
            elif key in {"href", "src"} and value and tag != "base":
                self.links.append(value)


def broken_links(site: Path) -> list[str]:
    """The links within the built site that lead nowhere, each with its page."""
    pages = {path: _Page(path.read_text()) for path in sorted(site.rglob("*.html"))}
    return [
        f"{path.relative_to(site)}: {link}"
        for path, page in pages.items()
        if path.name != "404.html"  # its links begin at the root of the host
        for link in page.links
        if not _leads_somewhere(link, path, pages)
    ]


def _leads_somewhere(link: str, path: Path, pages: dict[Path, _Page]) -> bool:
    parts = urlsplit(link)
    if parts.scheme or parts.netloc:
        return True
    target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
    if target.is_dir():
        target /= "index.html"
    if not parts.fragment or target not in pages:
        return target.is_file()
    return unquote(parts.fragment) in pages[target].anchors or parts.fragment.startswith("__")


def main() -> int:
    """Build and check; 1 when there are broken links, or what Zensical returned."""
    configuration = _configuration()
    copy_pages(ROOT / configuration["docs_dir"])
    site = ROOT / configuration["site_dir"]
    shutil.rmtree(site, ignore_errors=True)
    command = [sys.executable, "-m", "zensical", "build", "--clean", "--strict", "-f", str(CONFIG)]
    process = subprocess.run(command, cwd=ROOT, check=False)
    if process.returncode:
        return process.returncode
    broken = broken_links(site.resolve())
    sys.stdout.writelines(f"broken link: {line}\n" for line in broken)
    sys.stdout.write(f"{len(list(site.rglob('*.html')))} pages in {site.relative_to(ROOT)}\n")
    return bool(broken)


if __name__ == "__main__":
    sys.exit(main())
