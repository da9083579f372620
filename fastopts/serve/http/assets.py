"""The page's files: out of the package into memory, once. No path of a request meets a disk."""

import functools
import gzip
import hashlib
import html
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from fastopts.serve.http.negotiation import coding
from fastopts.serve.http.problems import Problem
from fastopts.serve.http.response import tags

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


def respond(request: Request, asset: Asset, base: str = "") -> Response:
    """The answer with *asset*'s content; a document gets *base* as its base address."""
    headers = {"Cache-Control": "no-cache", "Vary": "Accept-Encoding"}
    chosen = coding(request.headers.get("accept-encoding"), "gzip")
    if chosen is None:
        detail = "this is sent with the encodings gzip and identity"
        return Problem(406, "NotAcceptable", detail, {"Vary": "Accept-Encoding"})
    if base and asset.media_type.startswith("text/html"):
        asset = _based(asset, base)
    # A proxy that compresses makes a tag weak; for a cache that is as good.
    known = [tag.removeprefix("W/") for tag in tags(request.headers.get("if-none-match", ""))]
    tag = asset.etag if chosen == "identity" else f'{asset.etag[:-1]}-gzip"'
    headers["ETag"] = tag
    if tag in known or "*" in known:
        return Response(None, 304, headers)
    if chosen == "identity":
        return Response(asset.plain, 200, headers, asset.media_type)
    headers["Content-Encoding"] = chosen
    return Response(asset.packed, 200, headers, asset.media_type)


def _asset(content: bytes, media_type: str) -> Asset:
    tag = f'"{hashlib.sha256(content).hexdigest()[:16]}"'
    return Asset(content, gzip.compress(content, 9, mtime=0), media_type, tag)


@functools.lru_cache(8)
def _based(document: Asset, base: str) -> Asset:
    element = f'<head>\n<base href="{html.escape(base)}/">'.encode()
    return _asset(document.plain.replace(b"<head>", element, 1), document.media_type)


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
            found[prefix + entry.name] = _asset(content, _TYPES[suffix])
