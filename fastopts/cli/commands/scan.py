"""`fastopts scan`: filter and sort the market."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final

from rich.text import Text

from fastopts.cli.bounds import bounded
from fastopts.cli.options import JsonOption, StaleOption, StoreLocation, reads_store
from fastopts.cli.output import cells, printing, staleness
from fastopts.cli.output.printing import Column
from fastopts.command_line import argument, option
from fastopts.errors import BadInput
from fastopts.reader import Option
from fastopts.reader.export import as_dict
from fastopts.reader.selection.bounds import supplied

__all__ = ("excluded", "scan")

_COLUMNS: Final = (
    *("symbol", "dte", "bid_price", "bid_iv", "ask_price", "ask_iv", "mark_iv", "delta"),
    *("open_interest", "volume_24h", "age_s"),
)


@reads_store
@bounded
def scan(
    location: StoreLocation,
    asset: Annotated[
        str | None, argument("ASSET", help="base coin, such as BTC (default: all)")
    ] = None,
    sort: Annotated[
        str | None,
        option(metavar="NAME", help="sort by this column; -NAME sorts from the highest down"),
    ] = None,
    limit: Annotated[
        int | None, option(metavar="N", minimum=0, help="show at most N options")
    ] = None,
    columns: Annotated[
        str | None, option(metavar="NAMES", help="columns to show, separated by commas")
    ] = None,
    raw: Annotated[bool, option(help="skip the gate: include stale and incomplete quotes")] = False,
    stale: StaleOption = False,
    json: JsonOption = False,
    **bounds: Any,
) -> int:
    """Show the options (of ASSET) that meet all bounds.

    The gate excludes options that are not live, settling, crossed, or without a bid, an ask or
    volatilities; the last line counts them. The exit code is 1 when no option is left.
    """
    names = _names(columns)  # a mistake in them is reported before Redis is asked
    with location.reader() as reader:
        options = reader.scan(
            asset,
            gate=not raw,
            sort=sort,
            limit=limit,
            require_live=not stale,
            **supplied(bounds),
        )
    if json:
        for each in options:
            printing.json_line(as_dict.option_values(each))
        printing.print_note(excluded(options.excluded))
    else:
        printing.show_venue(options.provenance.venue)
    staleness.report_market(options.market, options.rows, is_note=json)
    if not json:
        printing.show(printing.fitted_table(_columns(options, names), printing.width()))
        printing.show(Text(excluded(options.excluded)))
    return 0 if options else 1


def _columns(options: Sequence[Option], names: Sequence[str]) -> list[Column]:
    """The columns *names*; on a narrow terminal the last is dropped first."""
    return [
        Column(name, [cells.cell(option, name) for option in options], rank, cells.is_text(name))
        for rank, name in enumerate(names)
    ]


def excluded(counts: Mapping[str, int]) -> str:
    """Return a line that counts the options that the gate excluded, by reason."""
    ordered = sorted(counts.items(), key=lambda item: -item[1])
    reasons = [f"{count:,} {reason.replace('_', ' ')}" for reason, count in ordered]
    return f"excluded: {', '.join(reasons) or 'none'}"


def _names(columns: str | None) -> Sequence[str]:
    names = _COLUMNS if columns is None else [name.strip() for name in columns.split(",")]
    for name in names:
        if name not in cells.UNITS:
            raise BadInput(f"--columns: unknown column {name!r}; choose {', '.join(cells.UNITS)}")
    return names
