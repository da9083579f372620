"""`fastopts chain`: one expiry, strike by strike, calls left and puts right."""

import re
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Annotated, Any, Final

from rich.text import Text

from fastopts.cli.options import (
    EXPIRY_FORMS,
    AssetArgument,
    JsonOption,
    SettleOption,
    StaleOption,
    StoreLocation,
    reads_store,
)
from fastopts.cli.output import cells, printing, staleness
from fastopts.cli.output.printing import Column
from fastopts.command_line import argument, option
from fastopts.errors import FastoptsError
from fastopts.reader import Chain, Option, Strike
from fastopts.reader.export import as_dict
from fastopts.reader.objects.expiry import FRONT

__all__ = ("chain",)

# Name and rank: on a narrow terminal the columns of the highest rank are dropped first.
_RANKS: Final = (
    *(("delta", 4), ("mark_iv", 3), ("bid_iv", 1), ("bid_size", 2), ("bid_price", 0)),
    *(("ask_price", 0), ("ask_size", 2), ("ask_iv", 1)),
)
# A size stands beside its price: "bid size" would widen the table for nothing.
_SHORT_HEADINGS: Final = {"bid_size": "size", "ask_size": "size"}
_CALL_SIDE: Final = tuple(
    (name, _SHORT_HEADINGS.get(name) or cells.heading(name), rank) for name, rank in _RANKS
)
_PUT_SIDE: Final = (*_CALL_SIDE[2:], _CALL_SIDE[1], _CALL_SIDE[0])
_IN_THE_MONEY: Final = "cyan"
_AT_THE_MONEY: Final = "bold reverse"


@reads_store
def chain(
    location: StoreLocation,
    asset: AssetArgument,
    expiry: Annotated[str, argument("EXPIRY", help=EXPIRY_FORMS)] = FRONT,
    strikes: Annotated[
        int | None,
        option(metavar="N", minimum=0, help="show at most N strikes on each side of the money"),
    ] = None,
    settle: SettleOption = None,
    stale: StaleOption = False,
    json: JsonOption = False,
) -> int:
    """Show one expiry of ASSET: a row per strike, calls on the left, puts on the right.

    A '>' marks the strike at the money; options in the money are coloured. The exit code is 1 when
    no option of the series is live.
    """
    with location.reader() as reader:
        series = reader.chain(asset, expiry, settle, require_live=not stale)
    rows = _around_the_money(series, strikes)
    if json:
        for row in rows:
            printing.json_line(_values(series, row))
    else:
        printing.show_venue(series.moment.feed.venue)
    staleness.report_chains([series], is_note=json)
    if not json:
        printing.show(_heading(series))
        printing.show(printing.fitted_table(_columns(series, rows), printing.width()))
    return 0 if series.options else 1


def _heading(chain: Chain) -> Text:
    """The lines above a chain: its series, its figures, and the number of absent options."""
    others = ", ".join(coin for coin in chain.settles if coin != chain.settle)
    also = f" (also: {others})" if others else ""
    delivery = printing.utc(chain.series.expiry_ms)
    until = printing.countdown(chain.series.expiry_ms, chain.moment.venue_ms)
    title = f"{chain.asset} {chain.series.label} {chain.settle}{also}, delivery {delivery}, {until}"
    return Text("\n".join([title, _figures(chain), _positions(chain), *_absent(chain)]))


def _figures(chain: Chain) -> str:
    age, spread = chain.oldest_age, chain.forward_spread_bp
    return ", ".join(
        (
            f"forward {printing.price(chain.forward, chain.forward)}",
            f"ATM IV {printing.percent(chain.atm_iv)}",
            f"oldest tick {'-' if age is None else printing.duration(age.total_seconds())}",
            f"forwards within {'-' if spread is None else f'{spread:.1f} bp'}",
        )
    )


def _positions(chain: Chain) -> str:
    return ", ".join(
        (
            f"open interest {printing.compact(chain.open_interest)}",
            f"max pain {printing.number(chain.max_pain)}",
            f"put/call {printing.ratio(chain.put_call_ratio())}",
            f"by volume {printing.ratio(chain.put_call_ratio('volume_24h'))}",
        )
    )


def _absent(chain: Chain) -> list[str]:
    """A line that counts the absent options by reason; none when nothing is absent."""
    counts = Counter(_reason(absent.reason) for absent in chain.absent.values()).most_common()
    text = ", ".join(f"{count} {reason}" for reason, count in counts)
    return [f"absent: {text}"] if counts else []


def _reason(error: FastoptsError) -> str:
    """`NotYetLive` as `not yet live`."""
    return re.sub(r"(?<!^)(?=[A-Z])", " ", type(error).__name__).lower()


def _around_the_money(chain: Chain, count: int | None) -> list[Strike]:
    rows, atm = list(chain), chain.atm()
    if count is None or atm is None:
        return rows
    index = rows.index(atm)
    return rows[max(index - count, 0) : index + count + 1]


def _columns(chain: Chain, rows: Sequence[Strike]) -> list[Column]:
    forward, atm = chain.forward, chain.atm()
    calls = [_cells(row.call, forward is not None and row.strike < forward) for row in rows]
    puts = [_cells(row.put, forward is not None and row.strike > forward) for row in rows]
    strikes = [_strike(row, row is atm) for row in rows]
    return [
        *(Column(head, [cell(name) for cell in calls], rank) for name, head, rank in _CALL_SIDE),
        Column("strike", strikes),
        *(Column(head, [cell(name) for cell in puts], rank) for name, head, rank in _PUT_SIDE),
    ]


def _cells(option: Option | None, is_in_the_money: bool) -> Callable[[str], Text]:
    """A function that returns a cell of *option* by field name."""
    style = _IN_THE_MONEY if is_in_the_money else ""
    if option is None:
        return lambda _: Text("")
    if not option.live:
        style = "red"
    return lambda name: Text(cells.cell(option, name), style=style)


def _strike(row: Strike, is_atm: bool) -> Text:
    text = printing.number(row.strike)
    return Text(f">{text}" if is_atm else text, style=_AT_THE_MONEY if is_atm else "bold")


def _values(chain: Chain, row: Strike) -> dict[str, Any]:
    return {
        "venue": chain.moment.feed.venue,
        "asset": chain.asset,
        "expiry": chain.expiry,
        "settle": chain.settle,
        "strike": row.strike,
        "forward": chain.forward,
        "atm": row is chain.atm(),
        "max_pain": chain.max_pain,
        "put_call_open_interest": chain.put_call_ratio("open_interest"),
        "put_call_volume_24h": chain.put_call_ratio("volume_24h"),
        "call": None if row.call is None else as_dict.option_values(row.call),
        "put": None if row.put is None else as_dict.option_values(row.put),
    }
