"""A contender is a process that times its call when it is its turn; a bad answer is an error."""

import pytest

from bench.failures import Failed
from bench.reader.contenders.common import Market
from bench.reader.plan import ONE, PING
from bench.reader.turns import Contender
from tests.store import CALL, Store


def market(store: Store) -> Market:
    return Market(store.url, "bybit", "BTC", [CALL], [CALL], [CALL])


def test_a_turn_lasts_as_long_as_it_is_told_and_has_as_many_calls(store: Store) -> None:
    with Contender(PING, market(store)) as contender:
        contender.wait()
        assert contender.turn(0, 7).calls == 7
        long = contender.turn(0.05, 1)
        assert long.calls * long.p50_us < 2 * 50_000
        assert 0 < long.p50_us <= long.p99_us
        assert long.cpu_us > 0
        assert contender.turn(0, 1).calls == 1


def test_our_call_is_measured_on_what_the_store_holds(store: Store) -> None:
    store.tick(CALL)
    with Contender(ONE.ours, market(store)) as contender:
        contender.wait()
        assert contender.turn(0, 3).calls == 3


def test_a_dead_feed_fails_the_turn_and_a_live_one_is_measured_again(
    store: Store, capfd: pytest.CaptureFixture[str]
) -> None:
    store.tick(CALL)
    store.feed(beat_s=60)
    with Contender(ONE.ours, market(store)) as contender:
        contender.wait()
        with pytest.raises(Failed, match=r"^fastopts get: FeedDown: .*\d+\.\d s old"):
            contender.turn(0, 1)
        store.feed(heartbeat_limit_ms=60_000, watchdog_limit_ms=60_000)
        assert contender.sure_turn(0, 1).calls == 1
    assert "Traceback" not in capfd.readouterr().err


def test_a_process_that_cannot_begin_says_why(
    store: Store, capfd: pytest.CaptureFixture[str]
) -> None:
    """There is no such option: a reader bench needs one before its first turn."""
    given = Market(store.url, "bybit", "BTC", [], [], [])
    with (
        Contender(ONE.ours, given) as contender,
        pytest.raises(Failed, match=r"^fastopts get: IndexError"),
    ):
        contender.wait()
    assert "Traceback" not in capfd.readouterr().err
