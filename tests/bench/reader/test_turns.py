"""A contender is a process that times its call in its turns; an unexpected result is an error."""

import pytest

from bench.failures import Failed
from bench.reader.contenders.common import Workload
from bench.reader.plan import ONE, PING
from bench.reader.turns import ContenderProcess
from tests.support.store import CALL, Store


def workload(store: Store) -> Workload:
    return Workload(store.url, "bybit", "BTC", [CALL], [CALL], [CALL])


def test_a_turn_has_the_requested_duration_and_number_of_calls(store: Store) -> None:
    with ContenderProcess(PING, workload(store)) as contender:
        contender.wait()
        assert contender.turn(0, 7).calls == 7
        long = contender.turn(0.05, 1)
        assert long.calls * long.p50_us < 2 * 50_000
        assert 0 < long.p50_us <= long.p99_us
        assert long.cpu_us > 0
        assert contender.turn(0, 1).calls == 1


def test_fastopts_is_measured_on_the_options_of_the_store(store: Store) -> None:
    store.tick(CALL)
    with ContenderProcess(ONE.product, workload(store)) as contender:
        contender.wait()
        assert contender.turn(0, 3).calls == 3


def test_a_dead_feed_fails_the_turn_and_a_live_one_is_measured_again(
    store: Store, capfd: pytest.CaptureFixture[str]
) -> None:
    store.tick(CALL)
    store.feed(beat_s=60)
    with ContenderProcess(ONE.product, workload(store)) as contender:
        contender.wait()
        with pytest.raises(Failed, match=r"^fastopts get: FeedDown: .*\d+\.\d s old"):
            contender.turn(0, 1)
        store.feed(heartbeat_limit_ms=60_000, watchdog_limit_ms=60_000)
        assert contender.retried_turn(0, 1).calls == 1
    assert "Traceback" not in capfd.readouterr().err


def test_a_process_that_cannot_prepare_its_call_reports_the_error(
    store: Store, capfd: pytest.CaptureFixture[str]
) -> None:
    """The workload has no symbols: the call needs one before its first turn."""
    workload_without_symbols = Workload(store.url, "bybit", "BTC", [], [], [])
    with (
        ContenderProcess(ONE.product, workload_without_symbols) as contender,
        pytest.raises(Failed, match=r"^fastopts get: IndexError"),
    ):
        contender.wait()
    assert "Traceback" not in capfd.readouterr().err
