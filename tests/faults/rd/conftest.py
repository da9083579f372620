import logging
from collections.abc import Iterator

import pytest

from tests.support.broken_valkey import BrokenValkey


@pytest.fixture
def server() -> Iterator[BrokenValkey]:
    with BrokenValkey() as made:
        yield made


@pytest.fixture(autouse=True)
def _hears_everything(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "fastopts")
