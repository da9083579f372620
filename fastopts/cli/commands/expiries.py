"""`fastopts expiries`: the expiries of an asset, one row per series."""

from rich.text import Text

from fastopts.cli.options import (
    AssetArgument,
    JsonOption,
    SettleOption,
    StaleOption,
    StoreLocation,
    reads_store,
)
from fastopts.cli.output import printing, staleness
from fastopts.cli.output.printing import Column
from fastopts.reader import Chain
from fastopts.reader.export import as_dict

__all__ = ("expiries",)


@reads_store
def expiries(
    location: StoreLocation,
    asset: AssetArgument,
    settle: SettleOption = None,
    stale: StaleOption = False,
    json: JsonOption = False,
) -> int:
    """Show the expiries of ASSET: forward, volatility, skew, open interest.

    All values are of one moment. Basis is annualised, the straddle is at the money, RR and BF are
    the 25-delta risk reversal and butterfly. Max pain is the strike at which the open interest
    pays out least, put/call the ratio of open interest. A '-' stands for an unknown value.
    """
    with location.reader() as reader:
        chains = reader.chains(asset, settle, require_live=not stale)
    if json:
        for chain in chains:
            printing.json_line(as_dict.series_values(chain))
        staleness.report_chains(chains, is_note=True)
        return 0
    printing.show_venue(chains[0].moment.feed.venue)
    staleness.report_chains(chains, is_note=False)
    printing.show(_heading(chains))
    printing.show(printing.fitted_table(_columns(chains), printing.width()))
    return 0


def _heading(chains: list[Chain]) -> Text:
    # any series that has ticked: the index price is that of the asset
    index = next((chain.index_price for chain in chains if chain.index_price), None)
    now = printing.utc(chains[0].moment.venue_ms)
    return Text(f"{chains[0].asset}, index {printing.price(index, index)}, {now}")


def _columns(chains: list[Chain]) -> list[Column]:
    return [
        Column("expiry", [chain.series.label for chain in chains], is_text=True),
        Column("settle", [chain.settle for chain in chains], is_text=True),
        Column("dte", [f"{chain.dte:.2f}" for chain in chains]),
        Column("forward", [printing.price(chain.forward, chain.forward) for chain in chains]),
        Column("basis", [printing.percent(chain.basis) for chain in chains], rank=3),
        Column("ATM IV", [printing.percent(chain.atm_iv) for chain in chains]),
        Column(
            "straddle", [printing.price(chain.straddle, chain.forward) for chain in chains], rank=2
        ),
        Column("RR", [printing.percent(chain.risk_reversal()) for chain in chains]),
        Column("BF", [printing.percent(chain.butterfly()) for chain in chains], rank=1),
        Column("OI", [printing.compact(chain.open_interest) for chain in chains], rank=4),
        Column("max pain", [printing.number(chain.max_pain) for chain in chains], rank=5),
        Column("put/call", [printing.ratio(chain.put_call_ratio()) for chain in chains], rank=5),
        Column("turnover", [printing.compact(chain.turnover_24h) for chain in chains], rank=6),
        Column("live", [f"{_live(chain)}/{chain.series.count}" for chain in chains]),
    ]


def _live(chain: Chain) -> int:
    return sum(option.live for option in chain.options)
