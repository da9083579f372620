"""One value of an option as text."""

import pytest

from fastopts.cli.output import cells
from fastopts.reader import Option, OptionReader
from tests.store import CALL, Store


@pytest.fixture
def option(store: Store) -> Option:
    store.option(CALL, delta=0.3912, bid_price=1205.4, ask_price=0.0)
    store.feed(heartbeat_limit_ms=60_000, watchdog_limit_ms=60_000)
    with OptionReader(store.url) as reader:
        return reader.get(CALL)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("symbol", CALL),
        ("type", "C"),
        ("expiry", "2099-11-27 08:00:00Z"),
        ("strike", "90,000"),
        ("bid_price", "1,205"),
        ("ask_price", "-"),
        ("bid_iv", "48.1%"),
        ("delta", "0.39"),
        ("open_interest", "212.37"),
        ("predicted_delivery_price", "-"),
        ("live", "yes"),
        ("crossed", "no"),
    ],
)
def test_a_cell_has_the_format_of_its_field(option: Option, name: str, text: str) -> None:
    assert cells.cell(option, name) == text


def test_texts_times_and_flags_are_aligned_left() -> None:
    names = ("symbol", "expiry", "live", "strike", "age_s")
    assert [name for name in names if cells.is_text(name)] == ["symbol", "expiry", "live"]
