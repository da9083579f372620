"""`fastopts scan`: filter and sort the market."""

from typing import Annotated, Any, Final

from rich.text import Text

from fastopts.cli.bounds import bounded
from fastopts.cli.options import (
    AllOption,
    JsonOption,
    PrecisionOption,
    StaleOption,
    StoreLocation,
    reads_store,
)
from fastopts.cli.output import cells, printing, staleness
from fastopts.command_line import argument, option
from fastopts.reader.export import as_dict
from fastopts.reader.selection.bounds import supplied

__all__ = ("scan",)

_COLUMNS: Final = (
    *("symbol", "dte", "bid_price", "bid_iv", "ask_price", "ask_iv", "mark_iv", "delta"),
    *("open_interest", "volume_24h", "age_s"),
)
# the headings, the number of rows, and the prompt below
_OTHER_LINES: Final = 4


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
    show_all: AllOption = False,
    columns: Annotated[
        str | None, option(metavar="NAMES", help="columns to show, separated by commas")
    ] = None,
    precision: PrecisionOption = "table",
    raw: Annotated[bool, option(help="skip the gate: include stale and incomplete quotes")] = False,
    stale: StaleOption = False,
    json: JsonOption = False,
    **bounds: Any,
) -> int:
    """Show the options (of ASSET) that meet all bounds.

    The gate excludes options that are not live, settling, crossed, or without a bid, an ask or
    volatilities. The last line counts the options that match, those that are out of bounds, and
    those that the gate excludes. On a terminal the first rows are shown, as many as fit the screen;
    --all shows all of them. The exit code is 1 when no option is left.
    """
    names = (
        _COLUMNS if columns is None else cells.field_names(columns)
    )  # a mistake in them is reported before Redis is asked
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
            printing.json_line(as_dict.option_json(each))
        printing.print_note(", ".join(options.counts()))
        staleness.report_market(options.market, options.rows, is_note=True)
        return 0 if options else 1
    lines = printing.show_venue(options.provenance.venue)
    lines += staleness.report_market(options.market, options.rows, is_note=False)
    below = printing.facts(options.counts(), printing.width())
    lines += below.plain.count("\n") + _OTHER_LINES
    rows_max = None if show_all or limit is not None else printing.rows_left(lines)
    rows = options[:rows_max]
    kept = [sort.removeprefix("-")] if sort and columns is None else []
    coins = (
        cells.common_coin(row.asset for row in rows),
        cells.common_coin(row.quote for row in rows),
    )
    table = cells.option_columns(rows, dict.fromkeys([*names, *kept]), coins, kept, precision)
    printing.show(printing.fitted_table(table, printing.width()))
    if columns is not None:
        printing.note_dropped(table, printing.width())
    if rows_max is not None and rows_max < len(options):
        printing.show(Text(f"{rows_max:,} of {len(options):,} options; --all shows all", "dim"))
    printing.show(below)
    return 0 if options else 1
