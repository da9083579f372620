"""The feed at one instant of the server's clock."""

import math
import pickle

from fastopts.errors import FeedDown
from fastopts.reader.freshness.feed import Feed
from fastopts.reader.freshness.feed_state import FeedState
from fastopts.reader.freshness.moment import Moment
from tests.reader.options import terms
from tests.support.store import CALL, PUT

NOW_MS = 1_000_000
FIELDS = {
    b"venue": b"sim",
    b"epoch": b"7",
    b"heartbeat_ms": b"999000",
    b"heartbeat_limit_ms": b"5000",
    b"watchdog_limit_ms": b"12000",
    b"late_limit_ms": b"2000",
    b"skew_ms": b"1500",
    b"skew_error_ms": b"20",
    b"coverage": b"41/42",
    b"never": b"1",
    b"conn:3": b"999500",
    b"lag:3": b"40",
    b"conn:1": b"0",
    b"lag:1": b"0",
    b"conn:2": b"999000",
    b"lag:2": b"2001",
}


def test_ages_follow_the_venues_clock() -> None:
    moment = Moment(Feed(FIELDS), NOW_MS, {})
    assert moment.venue_ms == NOW_MS + 1500
    assert moment.age_s(NOW_MS) == 1.5
    assert moment.error_s == 0.02
    assert Moment(Feed({b"skew_error_ms": b""}), NOW_MS, {}).error_s == math.inf


def test_a_problem_makes_everything_stale() -> None:
    feed, problem = Feed(FIELDS), FeedDown("lost")
    assert Moment(feed, NOW_MS, {}).live_conns == {3}
    assert Moment(feed, NOW_MS, {}).down is None
    assert Moment(feed, NOW_MS, {}, problem).live_conns == frozenset()
    assert Moment(feed, NOW_MS, {}, problem).down is problem


def test_a_pickled_moment_has_a_copy_of_its_terms() -> None:
    known = {CALL: terms(CALL), PUT: terms(PUT)}
    moment = pickle.loads(pickle.dumps(Moment(Feed(FIELDS), NOW_MS, known)))
    assert (moment.now_ms, moment.venue_ms, moment.terms) == (NOW_MS, NOW_MS + 1500, known)
    assert moment.with_terms({}).terms == {}


def test_the_state_of_the_feed_is_that_of_the_moment() -> None:
    state = FeedState(Moment(Feed(FIELDS), NOW_MS, {}))
    assert (state.alive, state.down, state.venue, state.epoch) == (True, None, "sim", 7)
    assert (state.covered, state.wanted, state.never) == (41, 42, 1)
    assert (state.now_ms, state.venue_ms) == (NOW_MS, NOW_MS + 1500)
    assert state.heartbeat_age_s == 1.0
    assert state.conns == (1, 2, 3)
    assert state.silence_s == {3: 0.5, 2: 1.0}
    assert state.lag_s == {1: 0.0, 2: 2.001, 3: 0.04}
    assert (state.late, state.muted) == ((2,), (1, 2))
    assert state.skew_is_large
    assert repr(state) == "<FeedState sim, 41 of 42 symbols, 1.0 s old>"


def test_the_state_of_a_dead_feed_has_its_reason() -> None:
    state = FeedState(Moment(Feed({}), NOW_MS, {}))
    assert not state.alive
    assert state.heartbeat_age_s is None
    assert "down: no collector has ever written" in repr(state)
