"""The log messages of a collector to its operator."""

import pytest

__all__ = ("told",)


def told(caplog: pytest.LogCaptureFixture, words: str) -> int:
    """How many lines of the log have *words*."""
    return len([record for record in caplog.records if words in record.message])
