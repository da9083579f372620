"""`fastopts scan`: the options that meet bounds."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final

import typer
from rich.text import Text

from fastopts.cli import options
from fastopts.cli.bounds import bounded
from fastopts.cli.options import Json, RedisUrl, Stale, Venue
from fastopts.cli.output import cells, printing, staleness
from fastopts.cli.output.printing import Column
from fastopts.errors import BadInput
from fastopts.reader import Option
from fastopts.reader.export import as_dict
from fastopts.reader.selection import bounds as bounds_

__all__ = ("excluded", "scan")

_COLUMNS: Final = (
    *("symbol", "dte", "bid_price", "bid_iv", "ask_price", "ask_iv", "mark_iv", "delta"),
    *("open_interest", "volume_24h", "age_s"),
)


@bounded
def scan(
    asset: Annotated[str | None, typer.Argument(metavar="ASSET", help="default: all")] = None,
    sort: Annotated[
        str | None, typer.Option(metavar="NAME", help="by a column; -NAME: the highest first")
    ] = None,
    limit: Annotated[int | None, typer.Option(metavar="N", min=0, help="at most N")] = None,
    shown: Annotated[
        str | None, typer.Option("--columns", metavar="NAMES", help="which, with commas")
    ] = None,
    raw: Annotated[bool, typer.Option("--raw", help="without the gate: stale values too")] = False,
    stale: Stale = False,
    json: Json = False,
    redis_url: RedisUrl = None,
    venue: Venue = None,
    **bounds: Any,
) -> None:
    """Show the options (of ASSET) that meet all bounds, which are inclusive.

    A gate keeps out what is not live, settling, without a bid or an ask, crossed or without
    volatilities; the last line counts what it kept out.
    """
    names = _names(shown)
    with options.reader(redis_url, venue) as reader:
        found = reader.scan(
            asset,
            gate=not raw,
            sort=sort,
            limit=limit,
            require_live=not stale,
            **bounds_.given(bounds),
        )
    if json:
        for option in found:
            printing.json_line(as_dict.option_values(option))
        printing.aside(excluded(found.excluded))
    else:
        printing.show_venue(found.provenance.venue)
    staleness.report_market(found.market, found.rows, aside=json)
    if not json:
        printing.show(printing.fitting(_columns(found, names), printing.width()))
        printing.show(Text(excluded(found.excluded)))
    if not found:
        raise typer.Exit(1)


def _columns(found: Sequence[Option], names: Sequence[str]) -> list[Column]:
    """The columns *names* of the options *found*; the last is the first to make room."""
    return [
        Column(name, [cells.cell(option, name) for option in found], rank, cells.is_text(name))
        for rank, name in enumerate(names)
    ]


def excluded(counts: Mapping[str, int]) -> str:
    """What the gate kept out, the most frequent reason first."""
    ordered = sorted(counts.items(), key=lambda item: -item[1])
    words = [f"{count:,} {reason.replace('_', ' ')}" for reason, count in ordered]
    return f"excluded: {', '.join(words) or 'none'}"


def _names(shown: str | None) -> Sequence[str]:
    names = _COLUMNS if shown is None else [name.strip() for name in shown.split(",")]
    for name in names:
        if name not in cells.UNITS:
            raise BadInput(f"--columns: there is no {name!r}; there are: {', '.join(cells.UNITS)}")
    return names
