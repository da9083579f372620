"""`fastopts expiries`: the series of an asset, one row each."""

from rich.text import Text

from fastopts.cli import options
from fastopts.cli.options import Asset, Json, RedisUrl, Settle, Stale, Venue
from fastopts.cli.output import printing, staleness
from fastopts.cli.output.printing import Column
from fastopts.reader import Chain
from fastopts.reader.export import as_dict

__all__ = ("expiries",)


def expiries(
    asset: Asset,
    settle: Settle = None,
    stale: Stale = False,
    json: Json = False,
    redis_url: RedisUrl = None,
    venue: Venue = None,
) -> None:
    """Show the series of ASSET: forward, volatility, skew, open interest.

    All values are of one moment. Basis is annualised, the straddle is at the money, RR and BF are
    the 25-delta risk reversal and butterfly. Max pain is the strike at which the open interest
    pays out least, put/call the ratio of open interest. A '-' stands for an unknown value.
    """
    with options.reader(redis_url, venue) as reader:
        chains = reader.chains(asset, settle, require_live=not stale)
    if json:
        for chain in chains:
            printing.json_line(as_dict.series_values(chain))
        staleness.report_chains(chains, aside=True)
        return
    printing.show_venue(chains[0].moment.feed.venue)
    staleness.report_chains(chains, aside=False)
    printing.show(_heading(chains))
    printing.show(printing.fitting(_columns(chains), printing.width()))


def _heading(chains: list[Chain]) -> Text:
    index = next((one.index_price for one in chains if one.index_price), None)
    now = printing.utc(chains[0].moment.venue_ms)
    return Text(f"{chains[0].asset}, index {printing.price(index, index)}, {now}")


def _columns(chains: list[Chain]) -> list[Column]:
    return [
        Column("expiry", [one.series.label for one in chains], is_text=True),
        Column("settle", [one.settle for one in chains], is_text=True),
        Column("dte", [f"{one.dte:.2f}" for one in chains]),
        Column("forward", [printing.price(one.forward, one.forward) for one in chains]),
        Column("basis", [printing.percent(one.basis) for one in chains], rank=1),
        Column("ATM IV", [printing.percent(one.atm_iv) for one in chains]),
        Column("straddle", [printing.price(one.straddle, one.forward) for one in chains]),
        Column("RR", [printing.percent(one.risk_reversal()) for one in chains]),
        Column("BF", [printing.percent(one.butterfly()) for one in chains]),
        Column("OI", [printing.compact(one.open_interest) for one in chains], rank=2),
        Column("max pain", [printing.number(one.max_pain) for one in chains], rank=4),
        Column("put/call", [printing.ratio(one.put_call_ratio()) for one in chains], rank=4),
        Column("turnover", [printing.compact(one.turnover_24h) for one in chains], rank=3),
        Column("live", [f"{_live(one)}/{one.series.count}" for one in chains]),
    ]


def _live(chain: Chain) -> int:
    return sum(one.live for one in chain.options)
