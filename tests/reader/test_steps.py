"""The steps by which numbers of chains and options are written."""

from fastopts.number_format import NO_STEPS, Steps
from fastopts.reader import OptionReader
from fastopts.reader.export.steps import steps_of_chain, steps_of_chains, steps_of_option
from tests.reader.options import make, terms
from tests.support.store import CALL, PUT, Store


def test_the_steps_are_those_of_the_listing(store: Store) -> None:
    store.list(CALL, PUT, tick_size="0.5", lot_size="0.1")
    store.tick(CALL)
    with OptionReader(store.url) as reader:
        chain = reader.chain("BTC", require_live=False)
    assert steps_of_chain(chain) == Steps("0.5", "0.1", 0, chain.forward)
    option = make(instrument=terms(CALL))
    assert steps_of_option(option) == Steps("5", "0.01", 0, option.forward)
    assert steps_of_option(make()) == Steps(forward=option.forward)


def test_a_table_of_several_series_has_the_finest_steps(store: Store) -> None:
    store.list("XRP-25JUN27-2-C-USDT", tick_size="0.01", lot_size="10")
    store.list("XRP-30JUL27-2.05-C-USDT", tick_size="0.001", lot_size="1")
    store.tick("XRP-25JUN27-2-C-USDT")
    with OptionReader(store.url) as reader:
        chains = reader.chains("XRP", require_live=False)
    assert steps_of_chains(chains) == Steps("0.001", "1", 2)
    assert steps_of_chains([]) == NO_STEPS
