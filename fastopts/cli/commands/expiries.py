"""`fastopts expiries`: the expiries of an asset, one row per series."""

from typing import Final

from rich.text import Text

from fastopts import number_format
from fastopts.cli.options import (
    AssetArgument,
    JsonOption,
    PrecisionOption,
    SettleOption,
    StaleOption,
    StoreLocation,
    reads_store,
)
from fastopts.cli.output import cells, printing, staleness
from fastopts.cli.output.printing import Column
from fastopts.field_registry import SERIES_FIELDS
from fastopts.number_format import Precision
from fastopts.reader import Chain
from fastopts.reader.export import as_dict
from fastopts.reader.export.steps import steps_of_chains

__all__ = ("expiries",)

# Figures in their order, with ranks: on a narrow terminal those of the highest are left out first.
_RANKS: Final = {
    "dte": 2,
    "forward": 1,
    "basis": 6,
    "atm_iv": 0,
    "straddle": 7,
    "risk_reversal": 3,
    "butterfly": 5,
    "open_interest": 8,
    "volume_24h": 12,
    "turnover_24h": 11,
    "max_pain": 10,
    "put_call_open_interest": 9,
    "put_call_volume_24h": 13,
    "atm_strike": 15,
    "oldest_age_s": 14,
}


@reads_store
def expiries(
    location: StoreLocation,
    asset: AssetArgument,
    precision: PrecisionOption = "table",
    settle: SettleOption = None,
    stale: StaleOption = False,
    json: JsonOption = False,
) -> int:
    """Show the expiries of ASSET: forward, volatility, skew, open interest.

    All values are of one moment. Basis is annualised (%/y), the straddle is at the money, RR and BF
    are the 25-delta risk reversal and butterfly in vol points. Max pain is the strike at which the
    open interest pays out least, put/call the ratio of open interest. A '-' marks an unknown
    value.
    """
    with location.reader() as reader:
        chains = reader.chains(asset, settle, require_live=not stale)
    if json:
        for chain in chains:
            printing.json_line(as_dict.with_ms(as_dict.series_values(chain)))
        staleness.report_chains(chains, is_note=True)
        return 0
    printing.show_venue(chains[0].moment.feed.venue)
    staleness.report_chains(chains, is_note=False)
    printing.show(_heading(chains))
    printing.show(printing.fitted_table(_columns(chains, precision), printing.width()))
    return 0


def _heading(chains: list[Chain]) -> Text:
    # any series that has ticked: the index price is that of the asset
    index = next((chain.index_price for chain in chains if chain.index_price), None)
    level = number_format.formatted(
        index, SERIES_FIELDS["index_price"].display, steps_of_chains(chains)
    )
    now = printing.utc(chains[0].moment.venue_ms)
    parts = [chains[0].asset, f"index {level}", now, f"prices in {_quote(chains) or 'quote coin'}"]
    return printing.facts(parts, printing.width())


def _quote(chains: list[Chain]) -> str:
    """The coin of all prices; empty where series have different ones, or none is known."""
    coins = {chain.quote for chain in chains if chain.quote}
    return coins.pop() if len(coins) == 1 else ""


def _columns(chains: list[Chain], precision: Precision) -> list[Column]:
    values = [as_dict.series_values(chain) for chain in chains]
    steps, asset, quote = steps_of_chains(chains), chains[0].asset, _quote(chains)

    def column(name: str, rank: int) -> Column:
        field = SERIES_FIELDS[name]
        texts = [
            number_format.formatted(row[name], field.display, steps, precision) for row in values
        ]
        return Column(cells.field_heading(field, asset, quote), texts, rank)

    delivery = [printing.utc(chain.series.expiry_ms)[:-4] for chain in chains]
    return [
        Column("expiry", [chain.series.label for chain in chains], is_text=True),
        Column("settle", [chain.settle for chain in chains], is_text=True),
        *(column(name, rank) for name, rank in _RANKS.items()),
        Column("live", [f"{row['live']}/{row['total']}" for row in values], rank=4),
        Column("delivery (UTC)", delivery, rank=16),
    ]
