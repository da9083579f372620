"""`fastopts chain`: one series, calls left and puts right."""

import re
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Annotated, Any, Final

import typer
from rich.text import Text

from fastopts.cli import options
from fastopts.cli.options import EXPIRY_FORMS, Asset, Json, RedisUrl, Settle, Stale, Venue
from fastopts.cli.output import cells, printing, staleness
from fastopts.cli.output.printing import Column
from fastopts.errors import FastoptsError
from fastopts.reader import Chain, Option, Strike
from fastopts.reader.export import as_dict
from fastopts.reader.objects.expiry import FRONT

__all__ = ("chain",)

# name, heading, rank: what makes room first has the highest
_CALL_SIDE: Final = (
    ("delta", "delta", 4),
    ("mark_iv", "mark IV", 3),
    ("bid_iv", "bid IV", 1),
    ("bid_size", "size", 2),
    ("bid_price", "bid", 0),
    ("ask_price", "ask", 0),
    ("ask_size", "size", 2),
    ("ask_iv", "ask IV", 1),
)
_PUT_SIDE: Final = (*_CALL_SIDE[2:], _CALL_SIDE[1], _CALL_SIDE[0])
_IN_THE_MONEY: Final = "cyan"
_AT_THE_MONEY: Final = "bold reverse"


def chain(
    asset: Asset,
    expiry: Annotated[str, typer.Argument(metavar="EXPIRY", help=EXPIRY_FORMS)] = FRONT,
    strikes: Annotated[
        int | None,
        typer.Option("--strikes", metavar="N", min=0, help="only N on each side of the money"),
    ] = None,
    settle: Settle = None,
    stale: Stale = False,
    json: Json = False,
    redis_url: RedisUrl = None,
    venue: Venue = None,
) -> None:
    """Show the series of ASSET that is delivered at EXPIRY: calls left, puts right.

    The strike at the money has a '>' before it, options in the money a colour. The exit code is 1
    when nothing of it is live.
    """
    with options.reader(redis_url, venue) as reader:
        found = reader.chain(asset, expiry, settle, require_live=not stale)
    rows = _around_the_money(found, strikes)
    if json:
        for row in rows:
            printing.json_line(_values(found, row))
    else:
        printing.show_venue(found.moment.feed.venue)
    staleness.report_chains([found], aside=json)
    if not json:
        printing.show(_heading(found))
        printing.show(printing.fitting(_columns(found, rows), printing.width()))
    if not found.options:
        raise typer.Exit(1)


def _heading(chain: Chain) -> Text:
    """The lines above a chain: what it is of, and what to know before trusting it."""
    others = ", ".join(one for one in chain.settles if one != chain.settle)
    also = f" (also: {others})" if others else ""
    delivery = printing.utc(chain.series.expiry_ms)
    until = printing.countdown(chain.series.expiry_ms, chain.moment.venue_ms)
    what = f"{chain.asset} {chain.series.label} {chain.settle}{also}, delivery {delivery}, {until}"
    return Text("\n".join([what, _figures(chain), _positions(chain), *_absent(chain)]))


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
    """The line that counts what is not handed over, by reason; none when nothing is missing."""
    counts = Counter(_reason(absent.reason) for absent in chain.absent.values()).most_common()
    words = ", ".join(f"{count} {reason}" for reason, count in counts)
    return [f"absent: {words}"] if counts else []


def _reason(error: FastoptsError) -> str:
    """`NotYetLive` as `not yet live`."""
    return re.sub(r"(?<!^)(?=[A-Z])", " ", type(error).__name__).lower()


def _around_the_money(chain: Chain, count: int | None) -> list[Strike]:
    rows, atm = list(chain), chain.atm()
    if count is None or atm is None:
        return rows
    place = rows.index(atm)
    return rows[max(place - count, 0) : place + count + 1]


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
    """What gives a cell of *option* by name."""
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
