"""The encoding and the media type of a response."""

import gzip

import pytest

from fastopts.serve.http.negotiation import choose_coding, weights
from tests.serve.http_server import HttpServerThread


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (None, "identity"),
        ("", "identity"),
        ("gzip", "gzip"),
        ("GZIP, deflate, br", "gzip"),
        ("deflate, gzip;q=1.0, *;q=0.5", "gzip"),
        ("gzip;q=0", "identity"),
        ("gzip; q=0.0", "identity"),
        ("br, gzip ;q=0.000", "identity"),
        ("br", "identity"),
        ("*", "gzip"),
        ("*;q=0.1", "gzip"),
        ("gzip;q=0, *", "identity"),
        ("identity, gzip;q=0.5", "identity"),
        ("identity;q=0.2, gzip;q=0.5", "gzip"),
        ("identity;q=0, gzip", "gzip"),
        ("*;q=0, gzip;q=0.1", "gzip"),
        ("*;q=0, identity", "identity"),
        ("identity;q=0", None),
        ("*;q=0", None),
        ("gzip;q=0, *;q=0", None),
        ("x-gzip", "identity"),
        ("notgzip", "identity"),
        ("gzip;q=none", "gzip"),
    ],
)
def test_a_coding_is_chosen_by_its_weight(header: str | None, expected: str | None) -> None:
    assert choose_coding(header, "gzip") == expected


def test_weights_are_found_behind_other_parameters() -> None:
    header = "text/csv;charset=utf-8;q=0.3, application/json;q=0.2, */*;q=2"
    assert weights(header) == {"text/csv": 0.3, "application/json": 0.2, "*/*": 1.0}


def test_the_page_is_sent_in_the_accepted_coding(http_server: HttpServerThread) -> None:
    plain = http_server.get("/", {"Accept-Encoding": "gzip;q=0, identity"})
    packed = http_server.get("/", {"Accept-Encoding": "gzip"})
    assert (plain["content-encoding"], packed["content-encoding"]) == (None, "gzip")
    assert gzip.decompress(packed.body) == plain.body
    assert plain["etag"] != packed["etag"]
    for answer, accepted in ((plain, "gzip;q=0"), (packed, "gzip")):
        tag = answer["etag"] or ""
        for known in (tag, f"W/{tag}", f'"other", {tag}', "*"):
            headers = {"Accept-Encoding": accepted, "If-None-Match": known}
            assert http_server.get("/", headers).status == 304
    refused = http_server.get("/", {"Accept-Encoding": "identity;q=0"})
    assert (refused.status, refused.reason) == (406, "NotAcceptable")


def test_csv_is_sent_only_if_it_is_preferred(http_server: HttpServerThread) -> None:
    json_type = "application/json"
    for accepted, expected in {
        "text/csv;q=0": json_type,
        "text/csv;q=0.2, application/json;q=0.1": "text/csv; charset=utf-8",
        "text/csv;header=present;q=0.2, application/json": json_type,
    }.items():
        assert http_server.get("/v1/instruments", {"Accept": accepted})["content-type"] == expected
