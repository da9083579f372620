"""Token buckets on a clock that the test moves."""

import pytest

from fastopts.serve.http.rate_limit import CLIENTS_MAX, RateLimiter, TokenBucket


class StepClock:
    """A clock that stands still until it is advanced."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def test_a_burst_then_the_rate() -> None:
    clock = StepClock()
    bucket = TokenBucket(2.0, 3.0, clock)
    assert [bucket.take() for _ in range(4)] == [True, True, True, False]
    clock.now_s += 0.5
    assert [bucket.take() for _ in range(2)] == [True, False]
    clock.now_s += 60
    assert [bucket.take() for _ in range(4)] == [True, True, True, False]


def test_reading_a_bucket_does_not_change_it() -> None:
    clock = StepClock()
    bucket = TokenBucket(4.0, 1.0, clock)
    assert (bucket.is_empty, bucket.wait_s) == (False, 0.0)
    assert bucket.take()
    for _ in range(3):
        assert bucket.is_empty
        assert bucket.wait_s == pytest.approx(0.25)
    clock.now_s += 0.125
    assert bucket.wait_s == pytest.approx(0.125)
    clock.now_s += 0.125
    assert not bucket.is_empty
    assert bucket.take()


def test_each_client_has_a_bucket_and_the_least_recently_used_is_dropped() -> None:
    limiter = RateLimiter(lambda: TokenBucket(0.001, 1.0))
    assert limiter.bucket_of("first").take()
    assert not limiter.bucket_of("first").take()
    assert limiter.bucket_of("second").take()
    for number in range(CLIENTS_MAX - 2):
        limiter.bucket_of(f"client {number}")
    assert not limiter.bucket_of("first").take()  # used again: "second" is the oldest now
    limiter.bucket_of("one more")
    assert len(limiter) == CLIENTS_MAX
    assert not limiter.bucket_of("first").take()
    assert limiter.bucket_of("second").take()  # a new bucket, and full
