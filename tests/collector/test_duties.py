"""Periodic duties on a clock that a test moves."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from fastopts.collector.operation.duties import Duties, Duty
from tests.support.collector_harness import until

pytestmark = pytest.mark.virtual_time

POLL_S = 0.001


class ShiftedLoop(asyncio.SelectorEventLoop):
    """A loop whose time is *ahead_s* ahead of its selector's."""

    ahead_s = 0.0

    def time(self) -> float:
        return super().time() + self.ahead_s


@pytest.fixture
def clock() -> ShiftedLoop:
    """The loop of the test."""
    return ShiftedLoop()


@pytest.fixture
def anyio_backend(clock: ShiftedLoop) -> tuple[str, dict[str, Any]]:
    return "asyncio", {"loop_factory": lambda: clock}


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.message for record in caplog.records if record.levelno == logging.WARNING]


async def test_a_duty_is_overdue_when_interval_and_deadline_have_passed_without_success(
    clock: ShiftedLoop,
) -> None:
    duty = Duty("refresh", 300, 120)
    seen = [duty.is_overdue]  # it is not due yet
    duty.begin()
    for ahead_s in (419, 421):
        clock.ahead_s = ahead_s
        seen.append(duty.is_overdue)
    duty.done()
    assert [*seen, duty.is_overdue] == [False, False, True, False]
    clock.ahead_s += 100
    assert duty.age_s == pytest.approx(100, abs=1)
    clock.ahead_s += 400
    seen = [duty.is_overdue]
    duty.suspend()
    seen.append(duty.is_overdue)
    duty.resume()
    clock.ahead_s += 400
    duty.resume()  # it was due all the time
    clock.ahead_s += 100
    assert [*seen, duty.is_overdue] == [True, False, True]


async def good() -> bool:
    return True


async def bad() -> bool:
    return False


async def stuck() -> bool:
    await asyncio.Event().wait()
    return True


@pytest.mark.parametrize(("work", "is_success"), [(good, True), (bad, False), (stuck, False)])
async def test_an_attempt_ends_within_its_deadline_and_is_a_success_when_the_work_says_so(
    clock: ShiftedLoop,
    work: Callable[[], Awaitable[bool]],
    is_success: bool,
    caplog: pytest.LogCaptureFixture,
) -> None:
    duty = Duty("refresh", 300, 0.05)
    await duty.attempt(work())
    assert (duty.age_s is not None) is is_success
    assert warnings(caplog) == (["refresh: timed out after 0.05 s"] if work is stuck else [])


async def test_bounded_work_that_ends_is_a_success(clock: ShiftedLoop) -> None:
    duty = Duty("heartbeat", 1, 0.05)
    with pytest.raises(TimeoutError):
        async with duty.bounded():
            await asyncio.Event().wait()
    with pytest.raises(OSError, match="refused"):
        async with duty.bounded():
            raise OSError("refused")
    assert duty.age_s is None
    async with duty.bounded():
        pass
    assert duty.age_s is not None


async def test_work_over_many_steps_ends_after_interval_and_deadline_without_success(
    clock: ShiftedLoop,
) -> None:
    duty = Duty("rewrite", 60, 60)
    clock.ahead_s = 500
    duty.check()  # no attempt was begun
    duty.start()
    clock.ahead_s += 119
    duty.check()
    duty.done()
    clock.ahead_s += 119
    duty.check()
    clock.ahead_s += 2
    with pytest.raises(TimeoutError, match="rewrite took more than 120 s"):
        duty.check()
    duty.suspend()
    duty.check()


async def test_a_limit_names_the_duty_and_is_no_success(clock: ShiftedLoop) -> None:
    outer, inner = Duty("heartbeat", 1, 10), Duty("announcing", 1, 0.01)
    with pytest.raises(TimeoutError, match=r"announcing took more than 0\.01 s"):
        async with outer.bounded(), inner.limited():
            await asyncio.sleep(5)
    async with inner.limited():
        pass
    assert (outer.age_s, inner.age_s) == (None, None)


async def test_what_is_overdue_is_said_once_a_minute_and_so_is_its_end(
    clock: ShiftedLoop, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)

    never, late = Duty("refresh", 300, 120), Duty("heartbeat", 1, 10)
    duties = Duties(never, late, poll_s=POLL_S)
    task = asyncio.create_task(duties.run())
    await until(lambda: never._since is not None)
    late.done()
    clock.ahead_s = 100
    await until(lambda: len(warnings(caplog)) == 1)
    assert duties.statistics()["overdue"] == "heartbeat"
    clock.ahead_s = 130
    await asyncio.sleep(5 * POLL_S)
    assert len(warnings(caplog)) == 1
    clock.ahead_s = 165
    await until(lambda: len(warnings(caplog)) == 2)
    late.done()
    await until(lambda: "heartbeat succeeds again" in caplog.text)
    clock.ahead_s = 500
    late.done()
    await until(lambda: len(warnings(caplog)) == 3)
    task.cancel()
    first, second, third = warnings(caplog)
    assert first == "heartbeat is overdue: last success 100 s ago, it is due every 1 s"
    assert second.startswith("for 65 s now: heartbeat is overdue: last success 165 s ago")
    assert third == "refresh is overdue: it never succeeded, it is due every 300 s"


async def test_the_statistics_have_the_time_of_each_last_success(clock: ShiftedLoop) -> None:
    done, never = Duty("refresh", 300, 120), Duty("listing", 60, 60)
    done.done()
    fields = Duties(done, never).statistics()
    assert float(fields["duty:refresh"]) > 1.7e9
    assert fields["duty:listing"] == ""
    assert fields["overdue"] == ""
