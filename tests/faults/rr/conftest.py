from collections.abc import Iterator

import pytest

from fastopts.reader import OptionReader
from tests.support.store import Store


@pytest.fixture
def reader(store: Store) -> Iterator[OptionReader]:
    with OptionReader(store.url) as opened:
        yield opened
