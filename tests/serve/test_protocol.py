"""The vocabulary of the API: every exception has a status, and strings reach clients unchanged."""

import orjson
import pytest

from fastopts import errors
from fastopts.errors import FastoptsError
from fastopts.serve.http import problems
from fastopts.serve.protocol import (
    PERMANENT_REASONS,
    STATUSES,
    MessageType,
    Operation,
    Reason,
    reason_of,
)

READ_ERRORS = (
    ("BadInput", 400),
    ("Expired", 410),
    ("Unknown", 404),
    ("NoSuchOption", 404),
    ("FeedDown", 503),
    ("ConnectionMuted", 503),
    ("ConnectionLate", 503),
    ("TooOld", 503),
    ("NotYetLive", 503),
    ("StoreUnavailable", 503),
    ("WrongVenue", 503),
    ("StoreError", 502),
)


@pytest.mark.parametrize(("name", "status"), READ_ERRORS)
def test_each_error_has_its_status_and_its_name_as_reason(name: str, status: int) -> None:
    error: FastoptsError = getattr(errors, name)("a fault")
    problem = problems.from_error(error)
    assert (problem.status_code, problem.reason) == (status, name) == (status, reason_of(error))


def test_no_status_is_hidden_by_an_earlier_class() -> None:
    kinds = [kind for kind, _ in STATUSES]
    for place, kind in enumerate(kinds):
        assert not any(issubclass(kind, earlier) for earlier in kinds[:place])


def test_permanent_reasons_are_those_that_a_retry_can_not_cure() -> None:
    assert {"BadInput", "NoSuchOption", "Expired", "Unknown", "WrongVenue"} == PERMANENT_REASONS


def test_members_are_plain_strings_in_json_and_in_text() -> None:
    for member in (*MessageType, *Operation, *Reason):
        assert orjson.loads(orjson.dumps({"type": member})) == {"type": member.value}
        assert f"{member}" == member.value
