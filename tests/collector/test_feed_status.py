"""The state of the connections as published to readers."""

import pytest

from fastopts.collector.store.feed_status import FeedStatus


@pytest.fixture
def feed() -> FeedStatus:
    made = FeedStatus("sim", 12_000)
    made.server.add(5_000_000.0, 0.0, 0.0)
    made.opened(1)
    made.opened(2)
    made.delivered(2, 30.0)
    return made


def shown(feed: FeedStatus) -> tuple[str, str]:
    fields = feed.fields(7, "run:1", 31.0)
    return fields["conn:1"], fields["conn:2"]


def test_a_conn_shows_when_it_last_delivered(feed: FeedStatus) -> None:
    assert shown(feed) == ("0", "5030000")


def test_while_a_backlog_is_unwritten_no_conn_counts_as_delivering(feed: FeedStatus) -> None:
    feed.is_behind = True
    assert shown(feed) == ("0", "0")
    feed.delivered(1, 30.5)
    assert shown(feed) == ("0", "0")
    feed.is_behind = False
    assert shown(feed) == ("5030500", "5030000")


def test_lags_are_published_once_the_clock_of_the_venue_is_known(feed: FeedStatus) -> None:
    assert feed.set_lag(1, 2001) is False  # as unknown, so late: readers refuse both
    assert feed.set_lag(2, 2000) is True
    fields = feed.fields(7, "run:1", 31.0)
    assert (fields["late_limit_ms"], fields["skew_ms"], fields["skew_error_ms"]) == ("2000", "", "")
    assert not [name for name in fields if name.startswith("lag:")]
    feed.exchange.add(5_031_100, 30_900, 31_000)
    fields = feed.fields(7, "run:1", 31.0)
    assert (fields["lag:1"], fields["lag:2"]) == ("2001", "2000")
    # between 5,031,100 - 31,000 and 5,031,101 - 30,900 ahead of us; the server is 5,000,000 ahead
    assert (fields["skew_ms"], fields["skew_error_ms"]) == ("150", "52")
    assert feed.set_lag(1, 1500) is True
    feed.closed(2)
    assert "lag:2" not in feed.fields(7, "run:1", 31.0)


def test_a_skew_is_off_by_what_either_clock_may_be_off(feed: FeedStatus) -> None:
    feed.server.clear()
    feed.server.add(5_000_000.0, 0.0, 40.0)
    feed.exchange.add(5_031_100, 30_900, 31_000)
    skew = feed.skew(31.0)
    assert skew is not None
    assert skew.error_ms == 72  # 50.5 + 20.5, half a ms for the rounding, and the drift
