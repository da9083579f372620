"""Tests of faults that are not steady yet in the company of others."""

import pytest

# Seen to fail or to hang beside other tests, and to pass alone: the cause is not found.
UNSTEADY = (
    "faults/pr/test_tasks.py",
    "test_WS_20_a_callback_that_raises",
    "test_WS_29_no_setting_of_a_reader",
    "test_WS_10_no_flood_of_what_is_no_data",
    "test_PR_12_lines_that_were_lost",
)
ALONE_MAX = 100


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    unsteady = pytest.mark.skip(reason="not steady beside other tests, cause unknown: run it alone")
    for item in items:
        if any(name in item.nodeid for name in UNSTEADY) and len(items) > ALONE_MAX:
            item.add_marker(unsteady)
