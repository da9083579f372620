"""Log messages for ongoing conditions, at times that a test chooses."""

import logging

import pytest

from fastopts.collector.limits import CollectorLimits
from fastopts.collector.store.outage_log import ConditionLog, DenialLog, OutageLog
from fastopts.errors import StoreError

NOPERM = StoreError("NOPERM no rights", "NOPERM no rights")
OOM = StoreError("OOM no memory", "OOM no memory")


@pytest.fixture(autouse=True)
def log(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.INFO, "fastopts")
    return caplog


def test_a_condition_is_logged_at_its_beginning_once_a_minute_and_at_its_end(
    log: pytest.LogCaptureFixture,
) -> None:
    condition = ConditionLog(logging.WARNING)
    condition.end("over", 0.0)
    for now in (100.0, 101.0, 160.0, 160.5, 161.0, 221.0):
        condition.begin("no answer", now, "; values are kept")
    assert condition.is_on
    assert condition.lasted_s(221.0) == 121.0
    condition.end("over", 222.5)
    condition.end("over", 223.0)
    assert log.messages == [
        "no answer; values are kept",
        "for 60 s now: no answer",
        "for 121 s now: no answer",
        "over, after 122.5 s",
    ]
    assert [record.levelname for record in log.records] == ["WARNING"] * 3 + ["INFO"]
    assert condition.lasted_s(300.0) == 0.0


def test_the_interval_between_messages_is_a_limit(log: pytest.LogCaptureFixture) -> None:
    condition = ConditionLog(logging.WARNING, CollectorLimits(condition_every_s=5.0))
    for now in (0.0, 4.0, 6.0):
        condition.begin("no answer", now)
    assert len(log.messages) == 2


def test_denials_are_logged_by_purpose_with_the_missing_rights(
    log: pytest.LogCaptureFixture,
) -> None:
    denials = DenialLog()
    commands = [("SCARD", "a"), ("EXISTS", "b"), ("EXISTS", "c")]
    denials.note("counting", commands, [NOPERM, 1, NOPERM], 0.0)
    denials.note("counting", commands, [NOPERM, NOPERM, NOPERM], 10.0)
    denials.note("expiry", [("EXPIRE", "a", "60")], [1], 10.0)
    denials.note("counting", commands, [1, 1, 1], 20.0)
    assert log.messages == [
        "counting fails: NOPERM no rights (the ACL of this user needs +scard +exists)",
        "counting works again, after 20.0 s",
    ]


def test_passing_states_of_the_server_are_no_denials(log: pytest.LogCaptureFixture) -> None:
    DenialLog().note("counting", [("SCARD", "a")], [OOM], 0.0)
    assert log.messages == []


def test_an_outage_pauses_between_attempts_until_it_ends(log: pytest.LogCaptureFixture) -> None:
    outage = OutageLog()
    assert not outage.is_pausing(0.0)
    outage.begin("Redis refuses", 0.0)
    until = outage.pause(0.0)
    assert 0.0 < until <= 0.2
    assert outage.is_pausing(until - 0.01)
    assert not outage.is_pausing(until)
    outage.begin("Redis refuses", until)
    outage.pause(until)
    outage.end(1.5)
    assert not outage.is_on
    assert not outage.is_pausing(1.5)
    assert log.messages == [
        "Redis refuses; the newest tick of every symbol is kept in memory",
        "Redis accepts data again, after 1.5 s",
    ]
