"""What readers are told of the connections."""

import pytest

from fastopts.collector.feed import NEVER, Feed


@pytest.fixture
def feed() -> Feed:
    made = Feed("sim", 12_000)
    made.server.add(5_000_000.0, 0.0, 0.0)
    made.opened(1)
    made.opened(2)
    made.delivered(2, 30.0)
    return made


def shown(feed: Feed) -> tuple[str, str]:
    fields = feed.fields(7, "run:1", 31.0)
    return fields["conn:1"], fields["conn:2"]


def test_a_conn_shows_when_it_last_delivered(feed: Feed) -> None:
    assert shown(feed) == ("0", "5030000")


def test_what_is_not_written_yet_is_not_delivered_yet(feed: Feed) -> None:
    feed.behind_since = 20.5
    assert shown(feed) == ("0", "5020500")
    feed.behind_since = 30.5
    assert shown(feed) == ("0", "5030000")


def test_a_server_that_may_have_forgotten_holds_nothing(feed: Feed) -> None:
    feed.behind_since = NEVER
    assert shown(feed) == ("0", "0")
