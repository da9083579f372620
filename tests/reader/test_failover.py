"""When a connection is given up because its feed is down, and how a replica is recognised."""

import pytest

from fastopts.errors import FeedDown, StoreError, Unknown
from fastopts.reader.redis.failover import FailoverTimer, jitter, master_of, with_master


def kept_s(timer: FailoverTimer, since: float) -> float:
    """How long the connection opened at *since* is kept, to a tenth of a second."""
    tenths = next(n for n in range(1000) if timer.is_over(since + n / 10))
    return tenths / 10


def test_connections_are_kept_for_longer_up_to_a_limit_while_none_helps() -> None:
    timer = FailoverTimer()
    assert not timer.is_over(1e9), "no connection was opened yet"
    timer.begin(0.0)
    now, times_s = 0.0, []
    for _ in range(8):
        times_s.append(kept_s(timer, now))
        now += times_s[-1]
        timer.given_up(now)
    ceilings_s = [4.0, 8.0, 16.0, *[30.0] * 5]
    for kept, ceiling_s in zip(times_s, ceilings_s, strict=True):
        assert ceiling_s / 2 - 0.1 <= kept <= ceiling_s + 0.1


def test_a_live_feed_starts_again_from_the_first_limit() -> None:
    timer = FailoverTimer()
    timer.begin(0.0)
    for now in (10.0, 50.0, 100.0):
        timer.given_up(now)
    timer.alive(200.0)
    assert kept_s(timer, 200.0) <= timer.FIRST_S + 0.1


def test_jitter_is_between_a_half_and_one() -> None:
    factors = [jitter() for _ in range(1000)]
    assert 0.5 <= min(factors) < 0.55
    assert 0.95 < max(factors) <= 1


@pytest.mark.parametrize(
    ("reply", "master"),
    [
        ("role:slave\r\nmaster_host:10.0.0.1\r\nmaster_port:6380\r\n", "10.0.0.1:6380"),
        (b"# Replication\r\nrole:slave\r\nmaster_host:db\r\nmaster_port:1\r\n", "db:1"),
        ("role:slave\r\n", "?:?"),
        ("role:master\r\nconnected_slaves:2\r\n", None),
        ("", None),
        (StoreError("NOPERM", "NOPERM"), None),
        (None, None),
    ],
)
def test_the_master_of_a_replica_is_read_from_info(reply: object, master: str | None) -> None:
    assert master_of(reply) == master


def test_only_a_feed_that_is_down_names_the_master() -> None:
    down, unknown = FeedDown("the collector has ended"), Unknown("no such option")
    assert str(with_master(down, "db:1")).endswith("ended; this server is a replica of db:1")
    assert with_master(down, None) is down
    assert with_master(unknown, "db:1") is unknown
