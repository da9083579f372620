import logging
from functools import partial

import pytest

from fastopts.collector.venue import connection
from fastopts.session.backoff import Backoff, Budget


@pytest.fixture(autouse=True)
def told(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.INFO, "fastopts")
    return caplog


@pytest.fixture
def eager(monkeypatch: pytest.MonkeyPatch) -> None:
    """Connections are tried again at once, and as often as it takes."""
    monkeypatch.setattr(connection, "Backoff", partial(Backoff, base_s=0.02, cap_s=0.05))
    monkeypatch.setattr(Budget, "spend", lambda self, now: 0.0)
