"""The dashboard's files, loaded into memory at start: no request path ever reaches the disk."""

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

from fastopts.serve.http.negotiation import choose_coding
from fastopts.serve.http.problems import Problem
from fastopts.serve.http.response import entity_tags
from fastopts.serve.protocol import Reason

__all__ = ("Asset", "load", "respond")

_MEDIA_TYPES: Final = {
    "css": "text/css; charset=utf-8",
    "html": "text/html; charset=utf-8",
    "ico": "image/x-icon",
    "js": "text/javascript; charset=utf-8",
    "mjs": "text/javascript; charset=utf-8",
    "png": "image/png",
    "svg": "image/svg+xml",
    "txt": "text/plain; charset=utf-8",
}
_WITHOUT_SUFFIX: Final = "txt"  # LICENSE, NOTICE


@dataclass(frozen=True, slots=True)
class Asset:
    """A file of the dashboard, plain and compressed with gzip."""

    plain: bytes
    packed: bytes
    media_type: str
    etag: str


def load() -> Mapping[str, Asset]:
    """Load the dashboard's files, by path within its folder."""
    files: dict[str, Asset] = {}
    _collect(resources.files("fastopts.serve") / "page", "", files)
    return files


def respond(request: Request, asset: Asset, base: str = "") -> Response:
    """Respond with *asset*; an HTML document gets the path *base* as its base address."""
    headers = {"Cache-Control": "no-cache", "Vary": "Accept-Encoding"}
    coding = choose_coding(request.headers.get("accept-encoding"), "gzip")
    if coding is None:
        detail = "this file is served with the encodings gzip and identity"
        return Problem(406, Reason.NOT_ACCEPTABLE, detail, {"Vary": "Accept-Encoding"})
    if base and asset.media_type.startswith("text/html"):
        asset = _with_base(asset, base)
    # A proxy that compresses makes a tag weak. RFC 9110, section 13.1.2, compares If-None-Match
    # weakly, so the W/ does not count.
    known_tags = entity_tags(request.headers.get("if-none-match", ""))
    known_tags = [tag.removeprefix("W/") for tag in known_tags]
    tag = asset.etag if coding == "identity" else f'{asset.etag[:-1]}-gzip"'
    headers["ETag"] = tag
    if tag in known_tags or "*" in known_tags:
        return Response(None, 304, headers)
    if coding == "identity":
        return Response(asset.plain, 200, headers, asset.media_type)
    headers["Content-Encoding"] = coding
    return Response(asset.packed, 200, headers, asset.media_type)


def _make_asset(content: bytes, media_type: str) -> Asset:
    tag = f'"{hashlib.sha256(content).hexdigest()[:16]}"'
    # mtime=0 makes the compressed bytes a function of the content alone, as the tag says they are.
    packed = gzip.compress(content, 9, mtime=0)
    return Asset(plain=content, packed=packed, media_type=media_type, etag=tag)


# The prefix comes from a trusted proxy, which has one or a few of them.
@functools.lru_cache(8)
def _with_base(document: Asset, base: str) -> Asset:
    element = f'<head>\n<base href="{html.escape(base)}/">'.encode()
    return _make_asset(document.plain.replace(b"<head>", element, 1), document.media_type)


def _collect(folder: Traversable, prefix: str, files: dict[str, Asset]) -> None:
    for entry in folder.iterdir():
        if isinstance(entry, Path) and entry.is_symlink():
            continue  # it may point outside the package
        if entry.is_dir():
            _collect(entry, f"{prefix}{entry.name}/", files)
            continue
        content = entry.read_bytes()
        suffix = entry.name.rpartition(".")[2] if "." in entry.name else _WITHOUT_SUFFIX
        if suffix in _MEDIA_TYPES:
            files[prefix + entry.name] = _make_asset(content, _MEDIA_TYPES[suffix])
