"""The page's files: out of the package into memory, once. No path of a request meets a disk."""

import gzip
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

__all__ = ("Asset", "load", "respond")

_TYPES: Final = {
    "css": "text/css; charset=utf-8",
    "html": "text/html; charset=utf-8",
    "ico": "image/x-icon",
    "js": "text/javascript; charset=utf-8",
    "mjs": "text/javascript; charset=utf-8",
    "png": "image/png",
    "svg": "image/svg+xml",
    "txt": "text/plain; charset=utf-8",
}
_UNNAMED: Final = "txt"  # LICENSE, NOTICE


@dataclass(frozen=True, slots=True)
class Asset:
    """One file."""

    plain: bytes
    packed: bytes
    media_type: str
    etag: str


def load() -> Mapping[str, Asset]:
    """The files by their path within the page's folder."""
    found: dict[str, Asset] = {}
    _collect(resources.files("fastopts.serve") / "page", "", found)
    return found


def respond(request: Request, asset: Asset) -> Response:
    """The answer that hands *asset* over."""
    headers = {"Cache-Control": "no-cache", "ETag": asset.etag, "Vary": "Accept-Encoding"}
    if request.headers.get("if-none-match") == asset.etag:
        return Response(None, 304, headers)
    if "gzip" in request.headers.get("accept-encoding", ""):
        headers["Content-Encoding"] = "gzip"
        return Response(asset.packed, 200, headers, asset.media_type)
    return Response(asset.plain, 200, headers, asset.media_type)


def _collect(folder: Traversable, prefix: str, found: dict[str, Asset]) -> None:
    for entry in folder.iterdir():
        if isinstance(entry, Path) and entry.is_symlink():
            continue  # it may lead anywhere
        if entry.is_dir():
            _collect(entry, f"{prefix}{entry.name}/", found)
            continue
        content = entry.read_bytes()
        suffix = entry.name.rpartition(".")[2] if "." in entry.name else _UNNAMED
        if suffix in _TYPES:
            tag = f'"{hashlib.sha256(content).hexdigest()[:16]}"'
            packed = gzip.compress(content, 9, mtime=0)
            found[prefix + entry.name] = Asset(content, packed, _TYPES[suffix], tag)
