"""The table of live and stale situations in docs/reading.md, compared with a reader."""

from collections.abc import Iterator

import pytest

from fastopts import errors
from fastopts.embedded import EmbeddedValkey
from fastopts.reader import OptionReader
from tests.docs.pages import rows
from tests.docs.situations import SITUATIONS
from tests.support.store import CALL, Store

OUTCOMES = {name: outcomes for name, *outcomes in rows("reading.md", "situation")}
UNREACHABLE = "Redis is unreachable, or does not reply in time"


@pytest.fixture
def reader(store: Store, request: pytest.FixtureRequest) -> Iterator[OptionReader]:
    store.tick()
    with OptionReader(store.url) as opened:
        yield opened


def test_the_situations_are_those_of_the_page() -> None:
    assert OUTCOMES.keys() == SITUATIONS.keys()


@pytest.mark.parametrize("name", [name for name in SITUATIONS if name != UNREACHABLE])
def test_get_does_what_the_table_states(store: Store, reader: OptionReader, name: str) -> None:
    situation = SITUATIONS[name]
    situation.arrange(store)
    strict, lenient = OUTCOMES[name]
    assert _outcome(reader, **situation.arguments) == strict
    assert _outcome(reader, require_live=False, **situation.arguments) == lenient


def test_a_stopped_server_does_what_the_table_states() -> None:
    server = EmbeddedValkey()
    server.start()
    with OptionReader(server.url, timeout_s=0.5) as reader:
        Store(server).tick()
        assert reader.get(CALL).live
        server.stop()
        assert [_outcome(reader), _outcome(reader, require_live=False)] == OUTCOMES[UNREACHABLE]


def _outcome(reader: OptionReader, **arguments: object) -> str:
    try:
        option = reader.get(CALL, **arguments)  # type: ignore[arg-type]
    except errors.FastoptsError as error:
        return type(error).__name__
    return "live" if option.live else "not live"
