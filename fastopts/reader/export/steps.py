"""The tick, lot and strike steps of options and chains, by which their numbers are written."""

from collections.abc import Iterable

from fastopts.number_format import Steps, exact, places
from fastopts.reader.objects.chain import Chain
from fastopts.reader.objects.option import Option

__all__ = ("steps_of_chain", "steps_of_chains", "steps_of_option")


def steps_of_chain(chain: Chain) -> Steps:
    """The steps that all values of *chain* share."""
    strikes = [places(exact(strike).replace(",", "")) for strike in chain.strikes]
    return Steps(chain.tick_size, chain.lot_size, max(strikes, default=None), chain.forward)


def steps_of_chains(chains: Iterable[Chain]) -> Steps:
    """The finest steps of *chains*, for a table with a row for each; no forward."""
    steps = [steps_of_chain(chain) for chain in chains]
    return Steps(
        min((each.tick for each in steps if each.tick), key=float, default=""),
        min((each.lot for each in steps if each.lot), key=float, default=""),
        max((each.strike_places or 0 for each in steps), default=None),
    )


def steps_of_option(option: Option) -> Steps:
    """The steps of a single option."""
    terms = option.instrument
    if terms is None:
        return Steps(forward=option.forward)
    strike_places = places(terms.strike_text)
    return Steps(terms.tick_size, terms.lot_size, strike_places, option.forward)
