"""CSV tables, entity tags, and the choice of the format."""

from types import SimpleNamespace
from typing import Any

import pytest
from starlette.requests import Request

from fastopts.errors import FeedDown
from fastopts.serve.http.response import (
    FORMAT,
    ResponseContent,
    csv_table,
    entity_tags,
    etag,
    respond,
)

ROW = {"symbol": "BTC-1", "expiry_ms": 86_400_000, "live": True, "mark_iv": 0.5, "bid_iv": None}
CONTENT = ResponseContent(body={"a": 1}, rows=[ROW], names=list(ROW), file_name="scan")


def mirror_of(problem: Exception | None = None) -> Any:
    return SimpleNamespace(
        problem=problem, sequence=(7, 12), feed=lambda: SimpleNamespace(muted=[2, 3])
    )


def request(headers: dict[str, str], suffix: str | None = None) -> Request:
    raw_headers = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    scope: dict[str, Any] = {"type": "http", "headers": raw_headers}
    return Request(scope if suffix is None else {**scope, FORMAT: suffix})


async def answer(asked: Request, mirror: Any, calls: list[int] | None = None) -> Any:
    async def make() -> ResponseContent:
        if calls is not None:
            calls.append(1)
        return CONTENT

    return await respond(asked, mirror, make)


def test_a_table_has_iso_times_and_empty_cells() -> None:
    header, row = csv_table(list(ROW), [ROW]).decode().splitlines()
    assert header == "symbol,expiry,live,mark_iv,bid_iv"
    assert row == "BTC-1,1970-01-02T00:00:00.000Z,true,0.5,"


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        (float("nan"), ""),
        (float("inf"), ""),
        (False, "false"),
        (0, "0"),
        ("=1+1", "'=1+1"),
        ("a,b", '"a,b"'),
    ],
)
def test_a_cell_is_written_for_a_spreadsheet(value: object, cell: str) -> None:
    assert csv_table(["other", "x"], [{"x": value, "other": "o"}]).decode().splitlines()[1] == (
        f"o,{cell}"
    )


def test_the_last_millisecond_of_the_calendar_is_a_time() -> None:
    table = csv_table(["ts_ms", "a"], [{"ts_ms": 2**63 - 1, "a": 1}]).decode()
    assert table.splitlines()[1].startswith("9999-12-31T")


def test_a_tag_names_the_state_and_the_format() -> None:
    assert etag(mirror_of(), is_csv=False) == 'W/"7-12-2.3-json"'
    assert etag(mirror_of(), is_csv=True) == 'W/"7-12-2.3-csv"'
    assert etag(mirror_of(FeedDown("down")), is_csv=False) is None


async def test_a_known_state_is_not_read_again() -> None:
    calls: list[int] = []
    known = request({"If-None-Match": '"x", W/"7-12-2.3-json"'})
    response = await answer(known, mirror_of(), calls)
    assert (response.status_code, response.body, calls) == (304, b"", [])
    assert (await answer(known, mirror_of(FeedDown("down")), calls)).status_code == 200
    assert calls == [1]


async def test_the_suffix_wins_over_the_header() -> None:
    for asked, media_type in (
        (request({}), "application/json"),
        (request({"Accept": "text/csv"}), "text/csv; charset=utf-8"),
        (request({"Accept": "text/csv"}, "json"), "application/json"),
        (request({}, "csv"), "text/csv; charset=utf-8"),
    ):
        response = await answer(asked, mirror_of())
        assert response.headers["content-type"] == media_type
    assert response.headers["content-disposition"] == 'attachment; filename="scan.csv"'


def test_tags_are_split() -> None:
    assert entity_tags('"a", W/"b"') == ['"a"', 'W/"b"']
