import logging
from functools import partial

import pytest

from fastopts.collector.venue import connection as line
from fastopts.session.backoff import Backoff, Budget


@pytest.fixture(autouse=True)
def told(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.INFO, "fastopts")
    return caplog


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sessions are looked at more often than a person could wait for."""
    monkeypatch.setattr(line, "TICK_S", 0.02)


@pytest.fixture
def eager(monkeypatch: pytest.MonkeyPatch) -> None:
    """Connections are tried again at once, and as often as it takes."""
    monkeypatch.setattr(line, "Backoff", partial(Backoff, base_s=0.02, cap_s=0.05))
    monkeypatch.setattr(Budget, "spend", lambda self, now: 0.0)
