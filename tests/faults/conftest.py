"""Tests of faults that are not steady yet in the company of others."""

import pytest

# Seen to fail or to hang beside three other processes, and to pass alone: the cause is not found.
UNSTEADY = (
    "faults/pr/test_tasks.py",
    "test_WS_20_a_callback_that_raises",
    "test_WS_29_no_setting_of_a_reader",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    unsteady = pytest.mark.skip(reason="not steady beside other tests, cause unknown: run it alone")
    for item in items:
        if any(name in item.nodeid for name in UNSTEADY) and hasattr(item.config, "workerinput"):
            item.add_marker(unsteady)
