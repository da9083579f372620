"""Queries over any source; the rules that every read has are tested with the readers."""

import pytest

from fastopts.clock import steady_s
from fastopts.errors import FeedDown, StoreUnavailable, Unknown
from fastopts.reader import Absent
from fastopts.reader.local_source import run_local
from fastopts.reader.queries import Query, Ready, check_elapsed, raise_absent, single

ABSENT = Absent("A", Unknown("no such option"))


def test_a_ready_query_returns_without_a_request() -> None:
    def query() -> Query[list[int]]:
        first = yield from Ready(1)
        second = yield from Ready(2)
        return [first, second]

    assert run_local(query()) == [1, 2]


def test_an_error_thrown_into_a_ready_query_comes_out() -> None:
    with pytest.raises(FeedDown):
        Ready(1).throw(FeedDown("down"))


def test_a_query_over_a_replica_that_asks_a_server_is_a_bug() -> None:
    def query() -> Query[None]:
        yield None  # type: ignore[misc]

    with pytest.raises(AssertionError, match="sends no request"):
        run_local(query())


def test_a_late_result_is_refused() -> None:
    check_elapsed(steady_s(), 1.0)
    with pytest.raises(StoreUnavailable, match=r"processed 5\.\d s late"):
        check_elapsed(steady_s() - 5, 1.0)


def test_the_first_absent_result_is_raised() -> None:
    assert raise_absent([1, 2]) == [1, 2]
    with pytest.raises(Unknown):
        raise_absent([1, ABSENT])
    assert single([1]) == 1
    with pytest.raises(Unknown):
        single([ABSENT])
