"""The dashboard's files in memory, without a server."""

import gzip
from typing import Any

from starlette.requests import Request

from fastopts.serve.http.assets import Asset, load, respond


def request(**headers: str) -> Request:
    raw_headers = [
        (name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()
    ]
    return Request({"type": "http", "headers": raw_headers})


def ask(asset: Asset, base: str = "", **headers: str) -> Any:
    return respond(request(**headers), asset, base)


def test_every_file_has_a_type_a_tag_and_its_compressed_form() -> None:
    files = load()
    assert {"index.html", "main.js", "style.css"} <= files.keys()
    for name, asset in files.items():
        assert gzip.decompress(asset.packed) == asset.plain, name
        assert asset.etag.strip('"').isalnum(), name
    tags = {asset.etag for asset in files.values()}
    assert len(tags) == len({asset.plain for asset in files.values()})


def test_loading_twice_gives_the_same_bytes_and_tags() -> None:
    assert load() == load()


def test_a_base_is_written_into_documents_alone() -> None:
    files = load()
    page = ask(files["index.html"], '/a"<b')
    assert b'<head>\n<base href="/a&quot;&lt;b/">' in page.body
    assert page.headers["etag"] != files["index.html"].etag
    assert ask(files["main.js"], "/desk").body == files["main.js"].plain


def test_a_known_tag_is_answered_304_for_its_own_coding() -> None:
    script = load()["main.js"]
    packed = ask(script, accept_encoding="gzip")
    assert packed.headers["content-encoding"] == "gzip"
    tag = packed.headers["etag"]
    assert ask(script, accept_encoding="gzip", if_none_match=f"W/{tag}").status_code == 304
    assert ask(script, if_none_match=tag).status_code == 200
    assert ask(script, if_none_match=script.etag).status_code == 304
    assert ask(script, if_none_match="*").status_code == 304
