"""What docs/reading.md says of live and stale is what a reader does, situation by situation."""

from collections.abc import Iterator

import pytest

from fastopts import errors
from fastopts.embedded import EmbeddedValkey
from fastopts.reader import OptionReader
from tests.docs.pages import rows
from tests.docs.situations import SITUATIONS
from tests.store import CALL, Store

TOLD = {name: told for name, *told in rows("reading.md", "situation")}
GONE = "Redis is gone, or does not answer in time"


@pytest.fixture
def reader(store: Store, request: pytest.FixtureRequest) -> Iterator[OptionReader]:
    store.tick()
    with OptionReader(store.url) as opened:
        yield opened


def test_the_situations_are_those_of_the_page() -> None:
    assert TOLD.keys() == SITUATIONS.keys()


@pytest.mark.parametrize("name", [name for name in SITUATIONS if name != GONE])
def test_a_situation_is_as_the_page_tells_it(store: Store, reader: OptionReader, name: str) -> None:
    situation = SITUATIONS[name]
    situation.arise(store)
    strict, lenient = TOLD[name]
    assert _outcome(reader, **situation.asked) == strict
    assert _outcome(reader, require_live=False, **situation.asked) == lenient


def test_a_server_that_is_gone_is_as_the_page_tells_it() -> None:
    server = EmbeddedValkey()
    server.start()
    with OptionReader(server.url, timeout_s=0.5) as reader:
        Store(server).tick()
        assert reader.get(CALL).live
        server.stop()
        assert [_outcome(reader), _outcome(reader, require_live=False)] == TOLD[GONE]


def _outcome(reader: OptionReader, **asked: object) -> str:
    try:
        option = reader.get(CALL, **asked)  # type: ignore[arg-type]
    except errors.FastoptsError as error:
        return type(error).__name__
    return "live" if option.live else "not live"
